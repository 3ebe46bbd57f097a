"""What is remembered of a stream between runs: the cursor, who holds it until when, and what the status shows.

Who may change it is in `stream_lease` and `stream_operations`. The entity keeps the state as a dict. It remembers who
asked for the stream, its last failure, and the last day as counts, because runs of streams are too many to be read for
each view of the status.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

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
class Grant:
    """A stream in the hands of a run.

    The number alone does not tell two grants apart: an entity's answer leaves before its state is stored, and if the
    state is lost, another run may be given the same number.

    Attributes:
        fence: the fencing number, which grows with each grant.
        holder: the run's instance id.
        execution: tells a run from others under the same instance id; see `orchestrators.execution_ids`.

    """

    fence: int
    holder: str
    execution: str = ""


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


class ResetDone(NamedTuple):
    """A reset that was followed: which request it was, and when that was made."""

    request: str
    asked_at: datetime


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
        execution: of the holder, or of the last one; see `Grant`.
        active_at: when the holder last began or committed.
        transfer_limit: how long an activity of the holder may be at work after that, in seconds.
        transfer: the number of the holder's transfer that may be at work, counted since the grant.
        stopping: the holder was stopped from outside; the lease is not renewed, and ends with the activity at work.
        newest: the time of the newest event delivered.
        not_before: a remote has asked to be left alone until then.
        events: how many were delivered since the beginning; `bytes` and `pages` likewise.
        account: its name in the settings when the stream was last asked for.
        run_id: the instance of the last run that was granted the stream, and `parent_id` of the poll or backfill that
            started it; both stay after its release.
        asked_at: when a run last asked for the stream, whether it was granted or not.
        asked_by: the execution of that run.
        resets: the last requests of operators to reset it, the newest one last.
        refused: the run that was refused the stream, if nothing was granted or released since.
        day: the last day of a live stream.

    """

    position: Position = field(default_factory=Position)
    moves: int = 0
    fence: int = 0
    holder: str = ""
    execution: str = ""
    lease_until: datetime | None = None
    active_at: datetime | None = None
    transfer_limit: float = 150.0
    transfer: int = 0
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
    asked_by: str = ""
    refused: Refusal | None = None
    resets: tuple[ResetDone, ...] = ()
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

    @property
    def grant(self) -> Grant:
        """The grant in force, or the last one with an empty holder."""
        return Grant(self.fence, self.holder, self.execution)

    def has_ended(self, grant: Grant) -> bool:
        """Tell whether the run with this grant has ended, was stopped or was taken over.

        A copy of the state that may be older than the grant tells none of it; one that surely is not, see `is_held`.
        """
        return self.fence > grant.fence or (self.fence == grant.fence and (self.stopping or self.grant != grant))

    def is_held(self, grant: Grant) -> bool:
        """Tell whether the run with this grant may go on, by a state that is no older than the grant.

        Any other grant has ended it, also a lower one: a cursor that was purged counts its grants anew.
        """
        return self.grant == grant and not self.stopping

    def was_stopped(self, grant: Grant) -> bool:
        """Tell whether an operator ended the run with this grant, as nobody else does under its own number."""
        return replace(self.grant, holder=self.run_id) == grant

    @property
    def work_ends_at(self) -> datetime | None:
        """When no activity of the holder can be at work any more: each ends by then, and renews the lease to go on."""
        if self.lease_until is None or self.active_at is None:
            return self.lease_until
        return min(self.lease_until, self.active_at + timedelta(seconds=self.transfer_limit))

    def seconds_to_work(self, given: "StreamState", now: datetime) -> float:
        """Return for how many seconds a transfer may work before another run can be granted the stream.

        `given` is the state in the transfer's call. 0 if this copy does not know of its grant or of the transfer: what
        was answered may not be stored yet.
        """
        if self.grant != given.grant or self.transfer < given.transfer or self.work_ends_at is None:
            return 0.0
        return max(0.0, (self.work_ends_at - now).total_seconds())

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
