"""Dead letters read back: what their blobs' names and metadata say, also where somebody has damaged it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, Self, get_args

from onepassword_sentinel.dead_letters import DeadLetter, Reason
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.moments import parse_moment

_STATUS_DIGITS: Final = 3
_REASONS: Final[frozenset[str]] = frozenset(get_args(Reason.__value__))


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A dead letter without its event. Texts are as they stand there, so that damaged ones are seen for what they are.

    Attributes:
        key: the cursor's; empty if the name has none.
        status: 0 if there is none, or none that can be read.
        time: when it was kept; of one that does not say, when its blob was written.
        size: of the event, in bytes.

    """

    name: str
    key: str
    stream: str
    event_type: str
    backfill_id: str
    uuid: str
    reason: str
    status: int
    detail: str
    time: datetime
    size: int

    @classmethod
    def read(cls, name: str, metadata: Mapping[str, str | None], *, size: int, written: datetime) -> Self:
        """Read a blob's name and metadata; nothing is too damaged for it."""
        about = {field: value or "" for field, value in metadata.items()}
        status = about.get("status", "")
        try:
            time = parse_moment(about.get("time", ""))
        except ValueError:
            time = written
        return cls(
            name=name,
            key=key_of(name),
            stream=about.get("stream", ""),
            event_type=about.get("event_type", ""),
            backfill_id=about.get("backfill_id", ""),
            uuid=about.get("uuid", ""),
            reason=about.get("reason", ""),
            status=int(status) if status.isascii() and status.isdigit() and len(status) == _STATUS_DIGITS else 0,
            detail=about.get("detail", ""),
            time=time,
            size=size,
        )

    @property
    def known_type(self) -> EventType | None:
        """The event type, if the letter says enough to make a row of its event; else None."""
        if not self.key or self.reason not in _REASONS or self.event_type not in set(EventType):
            return None
        return EventType(self.event_type)

    def as_cut(self, event_type: EventType, event: bytes, detail: str) -> DeadLetter:
        """Say of it that its row is in the table, but not whole."""
        return DeadLetter(
            key=self.key,
            stream=self.stream,
            event_type=event_type,
            backfill_id=self.backfill_id,
            event=event,
            uuid=self.uuid,
            reason="cut",
            status=0,
            detail=detail,
            time=self.time,
        )


@dataclass(frozen=True, slots=True)
class Listing:
    """Some of the dead letters, in the order of their names; `marker` is where the next ones begin, "" if none do."""

    letters: tuple[KeptLetter, ...] = ()
    marker: str = ""


class KeptLetters(Protocol):
    """Where dead letters are read from and taken out of. One that is not there any more is no error."""

    async def listing(self, limit: int, marker: str = "") -> Listing:
        """List up to so many, from a marker on."""

    async def find(self, name: str) -> KeptLetter | None:
        """Get what is said of one."""

    async def read(self, name: str) -> bytes | None:
        """Get one's event."""

    async def relabel(self, name: str, letter: DeadLetter) -> None:
        """Say something else of one."""

    async def delete(self, name: str) -> None:
        """Take one out."""


def key_of(name: str) -> str:
    """Tell the cursor's key from the name of a dead letter; empty if there is none in it."""
    return name.rpartition("/")[0]
