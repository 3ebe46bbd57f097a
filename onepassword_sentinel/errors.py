"""Everything that can go wrong, named by what to do about it.

ConnectorError              the message is the sentence that an operator reads
├── PermanentError          somebody must change something; trying again does not help
│   └── SettingsError       ... namely app settings; lists every problem at once
├── TransientError          try again
├── ThrottledError          try again, but not before `retry_after` seconds
├── CursorRejectedError     this cursor is of no more use: start over from a time
└── RowsRefusedError        halve the chunk; a row that is refused on its own becomes a dead letter

The last two are dealt with where a page is transferred; the others reach an orchestration. docs/delivery.md lists which
symptom is of which kind. `Failure` is the same as data: orchestrations carry it from an activity to whoever acts on it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

type FailureKind = Literal["permanent", "transient", "throttled", "cursor_rejected", "rows_refused"]


class ConnectorError(Exception):
    """Base of all errors that the connector raises on purpose."""

    kind: ClassVar[FailureKind]


class PermanentError(ConnectorError):
    """An operator must act: a token, a role, a setting or a rule is wrong."""

    kind = "permanent"


class SettingsError(PermanentError):
    """App settings are wrong; the message names every one of them."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("Fix these app settings: " + "; ".join(self.problems))


class TransientError(ConnectorError):
    """A passing fault; what was being done can simply be done again."""

    kind = "transient"


class ThrottledError(ConnectorError):
    """A remote asked to be left alone for `retry_after` seconds."""

    kind = "throttled"

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CursorRejectedError(ConnectorError):
    """1Password does not accept a cursor that it once gave."""

    kind = "cursor_rejected"


class RowsRefusedError(ConnectorError):
    """Azure does not take a chunk as it is: a row of it is at fault, or it is too large; `status` is its answer."""

    kind = "rows_refused"

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Failure:
    """A `ConnectorError` as data; `retry_after` in seconds, 0 where it means nothing."""

    kind: FailureKind
    message: str
    retry_after: float = 0.0

    @classmethod
    def of(cls, error: ConnectorError, *, who: str = "") -> Self:
        """Describe `error` in one line, as the platform keeps only a message's first, and say whom it is about."""
        message = " ".join(f"{who}: {error}".split() if who else str(error).split())
        return cls(error.kind, message, getattr(error, "retry_after", 0.0))
