"""What a run asks of its stream: `begin`, `commit` and `release`, under a lease and a fencing token.

Two runs that read the same cursor would deliver the same pages, so `begin` grants the stream to one run at a time, with
a number that grows with each grant. `commit` and `release` are refused under an older number: a run that comes back
from the dead does no harm. A run that never comes back leaves a lease that runs out.

What was delivered is committed by the activity that delivers it, so that little is repeated should its process die, and
nothing should its run be terminated; and once more by the run, which has to know. The positions of a stream are
numbered too, by what was passed: a commit moves nothing that comes late, a second time, or from a twin of the activity
that came less far.

Each of the three returns the state as it is now and whether the operation was accepted. What operators do to a stream
is in `stream_operations`.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onepassword_sentinel.position import Position
from onepassword_sentinel.sentences import shortened
from onepassword_sentinel.settings import LOOKBACK
from onepassword_sentinel.stream_day import counted
from onepassword_sentinel.stream_state import CAUGHT_UP, Refusal, RunStart, StreamFailure, StreamState

# Why a run is refused a stream that never ran.
NO_BEGINNING: Final = f"it has no cursor yet, and {LOOKBACK} says no place to begin"
# How a run ends after which the last failure is resolved.
_RESOLVES: Final = CAUGHT_UP | {"more"}
_LONGEST_MESSAGE: Final = 500
# The whole message of the present failure; the state of an entity has to stay small.
_LONGEST_ERROR: Final = 2_000


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
        error=shortened(ended.error, _LONGEST_ERROR),
        succeeded_at=state.succeeded_at if ended.error else ended.now,
        refused=None,
        failure=failure,
    ), True
