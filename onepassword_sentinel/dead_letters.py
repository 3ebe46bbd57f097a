"""Events that the table cannot hold as they are, kept with the reason until somebody has looked at them."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, Protocol

from onepassword_sentinel import __version__
from onepassword_sentinel.event_types import EventType

CONTAINER: Final = "onepassword-dead-letters"
# Azure takes 8 KB of metadata with a blob (Blob Storage, Setting and retrieving properties and metadata).
_DETAIL_LENGTH: Final = 1_000
_ASCII: Final = str.maketrans({"“": '"', "”": '"', "…": "..."})

type Reason = Literal["refused", "suspected", "too_large", "cut"]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event's own bytes, and why they are here.

    Attributes:
        key: the cursor's, which names the stream or the backfill.
        stream: what messages call the stream.
        event: as 1Password sent it, unaltered.
        uuid: the event's; empty if it has none.
        reason: `refused` by Azure on its own, `too_large` for a request, or `cut`: the row is in the table, but a
            field of it is longer than Azure keeps. `suspected` as long as it is not decided whether a row that was
            refused is at fault itself: it may be delivered yet.
        status: what Azure answered; 0 if it was not asked.
        detail: the same in a sentence.
        time: when it was kept.

    """

    key: str
    stream: str
    event_type: EventType
    backfill_id: str
    event: bytes
    uuid: str
    reason: Reason
    status: int
    detail: str
    time: datetime

    @property
    def name(self) -> str:
        """The blob's name. The same event has the same one, so that keeping it twice is keeping it once."""
        return f"{self.key}/{hashlib.sha256(self.event).hexdigest()[:32]}.json"

    @property
    def metadata(self) -> dict[str, str]:
        """All but the event, as a blob carries it: ASCII, in headers."""
        about = {
            "stream": self.stream,
            "event_type": str(self.event_type),
            "backfill_id": self.backfill_id,
            "uuid": self.uuid,
            "reason": self.reason,
            "status": str(self.status or ""),
            "detail": self.detail[:_DETAIL_LENGTH],
            "time": self.time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "connector_version": __version__,
        }
        return {name: _header(value) for name, value in about.items() if value}


class DeadLetters(Protocol):
    """Where dead letters are kept."""

    async def keep(self, letter: DeadLetter) -> None:
        """Keep one; returning means that it is stored."""

    async def discard(self, letter: DeadLetter) -> None:
        """Take one back that turned out to be none."""


def _header(value: str) -> str:
    return value.translate(_ASCII).encode("ascii", "backslashreplace").decode()
