"""Where in a stream the next request starts."""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class Position:
    """A cursor, or the time window that stands in for one, and how much of the page behind it is delivered already.

    A page can be more than one chunk. When a later chunk fails, the acknowledged ones must not be sent again, so the
    rows delivered are counted in `rows_done`; `last_uuid` names the last of them, because only a page that still has
    that event in that place may be continued.

    Attributes:
        cursor: what 1Password gave last, or None to begin at `start_time`.
        start_time: RFC 3339, where a stream without a cursor begins.
        end_time: RFC 3339, where a backfill's window ends; None for a live stream, whose cursor goes on for ever.

    """

    cursor: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    rows_done: int = 0
    last_uuid: str = ""

    def after_page(self, cursor: str) -> Self:
        """Move behind a page that is delivered whole."""
        return replace(self, cursor=cursor, rows_done=0, last_uuid="")

    def within_page(self, rows_done: int, last_uuid: str) -> Self:
        """Move behind the first rows of the page at the cursor."""
        return replace(self, rows_done=rows_done, last_uuid=last_uuid)

    def restarted(self, start_time: str) -> Self:
        """Give the cursor up and begin at a time."""
        return replace(self, cursor=None, start_time=start_time, rows_done=0, last_uuid="")
