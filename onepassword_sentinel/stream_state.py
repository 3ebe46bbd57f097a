"""What is remembered of a stream between runs, and who may change it: the cursor, a lease and a fencing number.

Two runs that read the same cursor would deliver the same pages, so `begin` grants the stream to one run at a time, with
a number that grows with each grant. `commit` and `release` are refused under an older number: a run that comes back
from the dead does no harm. A run that never comes back leaves a lease that runs out.

What was delivered is committed by the activity that delivers it, so that little is repeated should its process die, and
nothing should its run be terminated; and once more by the run, which has to know. The positions of a stream are
numbered too, by what was passed: a commit moves nothing that comes late, a second time, or from a twin of the activity
that came less far.

Each of the three returns the state as it is now and whether the operation was accepted. The entity keeps the state as a
dict. What operators do to a stream is in `stream_operations`.

The state also remembers what the status shows of a stream: who asked for it, its last failure, and the last day as
counts. Runs of streams are too many to be read for each view of the status.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from onepassword_sentinel.position import Position
from onepassword_sentinel.sentences import shortened
from onepassword_sentinel.settings import LOOKBACK
from onepassword_sentinel.stream_day import Day, counted

# How a run ends that found nothing more to deliver.
CAUGHT_UP = frozenset({"ok", "recovered"})
# How a run ends after which the last failure is resolved.
_RESOLVES = CAUGHT_UP | {"more"}
# Why a run is refused a stream that never ran.
NO_BEGINNING = f"it has no cursor yet, and {LOOKBACK} says no place to begin"
_LONGEST_MESSAGE = 500


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


@dataclass(frozen=True, slots=True)
class Begin:
    """A run asks for the stream; `start_time` and `end_time` are for one that never ran, None: it is not to begin.

    `run_at` is when the run began, its earlier generations included; None: now. `parent_id` is the instance that
    started the run, empty if none did.
    """

    holder: str
    now: datetime
    lease_seconds: float
    start_time: str | None
    end_time: str | None = None
    transfer_limit: float = 150.0
    run_at: datetime | None = None
    account: str = ""
    parent_id: str = ""


@dataclass(frozen=True, slots=True)
class Commit:
    """Where the stream stands now; `moves` numbers the position.

    `events`, `bytes` and `pages` count since the beginning. `last` says that the activity which delivered it does no
    more.
    """

    fence: int
    moves: int
    now: datetime
    lease_seconds: float
    position: Position
    newest: datetime | None
    events: int
    recovered: bool
    last: bool = False
    bytes: int = 0
    pages: int = 0


@dataclass(frozen=True, slots=True)
class Release:
    """How a run ended; `retry_after` in seconds."""

    fence: int
    now: datetime
    outcome: str
    error: str
    retry_after: float = 0.0


def begin(state: StreamState, asked: Begin) -> tuple[StreamState, bool]:
    """Grant the stream under the next number, unless a lease stands or a remote wants to be left alone.

    A stream that never ran is given its beginning here, once: were it worked out anew by each run, a first run that
    fails would push the beginning on and leave a gap. Without one to give it is not granted.
    """
    state = replace(state, asked_at=max(state.asked_at or asked.now, asked.now), account=asked.account)
    if refused := _why_not(state, asked):
        return _refuse(state, asked, refused), False
    position = state.position if state.has_begun else Position(start_time=asked.start_time, end_time=asked.end_time)
    run_at = asked.run_at or asked.now
    goes_on = state.run is not None and state.run.at == run_at
    state = replace(
        state,
        position=position,
        fence=state.fence + 1,
        holder=asked.holder,
        lease_until=asked.now + timedelta(seconds=asked.lease_seconds),
        transfer_limit=asked.transfer_limit,
        stopping=False,
        run=state.run if goes_on else _run_start(state, run_at),
        not_before=None,
        run_id=asked.holder,
        parent_id=asked.parent_id,
        refused=None,
    )
    return (state if goes_on else _count(state, asked.now, runs=1)), True


def _why_not(state: StreamState, asked: Begin) -> str:
    if state.seconds_to_wait(asked.now):
        return "throttled"
    if state.lease_until and state.lease_until > asked.now:
        return "busy"
    return "failed" if not state.has_begun and asked.start_time is None else ""


def _refuse(state: StreamState, asked: Begin, outcome: str) -> StreamState:
    state = replace(state, refused=Refusal(asked.holder, asked.parent_id, outcome))
    if outcome != "failed":
        return state
    failure = StreamFailure(asked.now, NO_BEGINNING)
    return _count(replace(state, outcome=outcome, error=NO_BEGINNING, failure=failure), asked.now, runs=1, failed=1)


def _count(state: StreamState, now: datetime, **counts: int) -> StreamState:
    """Count for the day of a live stream. A run counts where it began."""
    if state.position.end_time is not None:
        return state
    return replace(state, day=counted(state.day, state.run.at if state.run else now, now, **counts))


def commit(state: StreamState, done: Commit) -> tuple[StreamState, bool]:
    """Move the position on, and begin the lease anew. Refused if the fencing number is not in force.

    A run that was stopped gets no new lease; its last commit gives the stream back.
    """
    if not state.is_held_under(done.fence):
        return state, False
    if not state.stopping:
        lease_until = done.now + timedelta(seconds=done.lease_seconds)
        state = replace(state, lease_until=max(state.lease_until or lease_until, lease_until))
    if done.moves > state.moves:
        events, written = done.events - state.events, max(0, done.bytes - state.bytes)
        most = done.events - (state.run.began_with if state.run else state.events)
        state = _count(state, done.now, events=events, most=most, bytes=written)
        state = replace(
            state,
            position=done.position,
            moves=done.moves,
            newest=done.newest or state.newest,
            moved_at=done.now,
            recovered_at=done.now if done.recovered else state.recovered_at,
            events=done.events,
            bytes=state.bytes + written,
            pages=max(state.pages, done.pages),
            run=_measured(state.run, done),
        )
    if state.stopping and done.last:
        state = replace(state, holder="", lease_until=None, outcome="stopped", error="")
    return state, True


def _run_start(state: StreamState, run_at: datetime) -> RunStart:
    return RunStart(run_at, state.events, state.newest, run_at if state.newest else None, before=state.events)


def _measured(run: RunStart | None, done: Commit) -> RunStart | None:
    if run is None or run.newest is not None or done.newest is None:
        return run
    return replace(run, events=done.events, newest=done.newest, measured_at=done.now)


def release(state: StreamState, ended: Release) -> tuple[StreamState, bool]:
    """Give the stream back and note how the run ended, if its number is still in force."""
    if not state.is_held_under(ended.fence):
        return state, False
    failure = state.failure
    if ended.outcome == "failed":
        state = _count(state, ended.now, failed=1)
        failure = StreamFailure(ended.now, shortened(ended.error, _LONGEST_MESSAGE))
    elif failure and not failure.resolved_at and ended.outcome in _RESOLVES:
        failure = replace(failure, resolved_at=ended.now)
    return replace(
        state,
        holder="",
        lease_until=None,
        stopping=False,
        not_before=ended.now + timedelta(seconds=ended.retry_after) if ended.retry_after else None,
        outcome=ended.outcome,
        error=ended.error,
        succeeded_at=state.succeeded_at if ended.error else ended.now,
        refused=None,
        failure=failure,
    ), True
