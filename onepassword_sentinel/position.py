"""Where in a stream the next request starts."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Self

# How many of the events before the position are known by name: an event that 1Password gives again at the seam of two
# pages is recognised among them. More would make every orchestration message larger.
TAIL: Final = 20


@dataclass(frozen=True, slots=True)
class Position:
    """A cursor, or the time window that stands in for one, and how much of the page behind it is delivered already.

    A page can be more than one chunk. When a later chunk fails, the acknowledged ones must not be sent again, so the
    rows delivered are counted in `rows_done`; only a page that still has the same event in that place may be continued.

    Attributes:
        cursor: what 1Password gave last, or None to begin at `start_time`.
        start_time: RFC 3339, where a stream without a cursor begins.
        end_time: RFC 3339, where a backfill's window ends; None for a live stream, whose cursor goes on for ever.
        tail: uuids of the last events that were delivered, newest last; empty for an event that has none.

    """

    cursor: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    rows_done: int = 0
    tail: tuple[str, ...] = ()

    @property
    def last_uuid(self) -> str:
        """The event in front of the position."""
        return self.tail[-1] if self.tail else ""

    def after_page(self, cursor: str) -> Self:
        """Move behind a page that is delivered whole."""
        return replace(self, cursor=cursor, rows_done=0)

    def within_page(self, rows_done: int, uuids: Iterable[str]) -> Self:
        """Move behind the first rows of the page at the cursor; `uuids` are those that it moves over."""
        return replace(self, rows_done=rows_done, tail=(*self.tail, *uuids)[-TAIL:])

    def restarted(self, start_time: str) -> Self:
        """Give the cursor up and begin at a time."""
        return replace(self, cursor=None, start_time=start_time, rows_done=0)
