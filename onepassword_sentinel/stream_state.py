"""What is remembered of a stream between runs: the cursor, who holds it until when, and what the status shows.

Who may change it is in `stream_lease` and `stream_operations`. The entity keeps the state as a dict. It remembers who
asked for the stream, its last failure, and the last day as counts, because runs of streams are too many to be read for
each view of the status.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from onepassword_sentinel.position import Position
from onepassword_sentinel.stream_day import Day
from onepassword_sentinel.wire import from_wire

# How a run ends that found nothing more to deliver.
CAUGHT_UP = frozenset({"ok", "recovered"})
# The outcome that stands in for a state that cannot be read; no entity keeps it.
UNREADABLE: Final = "unreadable"


class UnreadableStateError(ValueError):
    """What the entity keeps is no state of a stream; the message says what to do."""


@dataclass(frozen=True, slots=True)
class RunStart:
    """When the present or last run began, all its generations together, and where it is measured from.

    A run that goes on is measured from its beginning, `newest`; one that begins a stream from its first commit, because
    nobody knows how much of the time before it is empty. `before` counts the events when it began; an earlier version
    did not note it.
    """

    at: datetime
    events: int = 0
    newest: datetime | None = None
    measured_at: datetime | None = None
    before: int | None = None

    @property
    def began_with(self) -> int:
        """How many events had been delivered when the run began."""
        return self.events if self.before is None else self.before


@dataclass(frozen=True, slots=True)
class Refusal:
    """The run that was refused the stream last, and why: `busy`, `throttled` or `failed`."""

    run_id: str
    parent_id: str
    outcome: str


@dataclass(frozen=True, slots=True)
class StreamFailure:
    """The last failure, and when a later run succeeded."""

    at: datetime
    message: str
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream's memory; times are in UTC.

    Attributes:
        moves: the position's number, which grows with the rows and pages passed.
        transfer_limit: how long an activity of the holder may be at work, in seconds.
        stopping: the holder was stopped from outside; the lease is not renewed, and ends with the activity at work.
        newest: the time of the newest event delivered.
        not_before: a remote has asked to be left alone until then.
        events: how many were delivered since the beginning; `bytes` and `pages` likewise.
        account: its name in the settings when the stream was last asked for.
        run_id: the instance of the last run that was granted the stream, and `parent_id` of the poll or backfill that
            started it; both stay after its release.
        asked_at: when a run last asked for the stream, whether it was granted or not.
        refused: the run that was refused the stream, if nothing was granted or released since.
        day: the last day of a live stream.

    """

    position: Position = field(default_factory=Position)
    moves: int = 0
    fence: int = 0
    holder: str = ""
    lease_until: datetime | None = None
    transfer_limit: float = 150.0
    stopping: bool = False
    run: RunStart | None = None
    newest: datetime | None = None
    moved_at: datetime | None = None
    recovered_at: datetime | None = None
    succeeded_at: datetime | None = None
    not_before: datetime | None = None
    outcome: str = ""
    error: str = ""
    events: int = 0
    bytes: int = 0
    pages: int = 0
    account: str = ""
    run_id: str = ""
    parent_id: str = ""
    asked_at: datetime | None = None
    refused: Refusal | None = None
    failure: StreamFailure | None = None
    day: Day = ()
    v: int = 1

    @property
    def for_runs(self) -> "StreamState":
        """The state without what only the status shows: runs keep every answer in their histories."""
        return replace(self, failure=None, day=())

    @property
    def has_begun(self) -> bool:
        """Whether the stream has a place to go on from."""
        return self.position.cursor is not None or self.position.start_time is not None

    def is_held_under(self, fence: int) -> bool:
        """Tell whether this number is in force: the run that was granted it has not ended and was not taken over."""
        return bool(self.holder) and self.fence == fence

    def has_ended(self, fence: int) -> bool:
        """Tell whether the run with this number has ended, was stopped or was taken over.

        A copy of the state that is older than the number tells none of it.
        """
        return self.fence > fence or (self.fence == fence and (self.stopping or not self.holder))

    def lease_covers(self, seconds: float, now: datetime) -> bool:
        """Tell whether nobody else will be granted the stream for so long."""
        return self.lease_until is not None and self.lease_until >= now + timedelta(seconds=seconds)

    def seconds_to_wait(self, now: datetime) -> float:
        """Tell for how much longer a remote has asked to be left alone."""
        return max(0.0, (self.not_before - now).total_seconds()) if self.not_before else 0.0


def read_state(stored: Callable[[], Any]) -> StreamState:
    """Read the state that an entity keeps; `stored` decodes it.

    Raises:
        UnreadableStateError: somebody has changed it by hand.

    """
    try:
        return from_wire(StreamState, stored())
    except (msgspec.ValidationError, ValueError) as error:
        raise UnreadableStateError(
            f"the cursor's state cannot be read: {error}. Somebody has changed it by hand. Correct it; or purge the "
            "entity in Durable Functions Monitor, and the stream begins anew"
        ) from error
