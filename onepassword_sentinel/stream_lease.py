"""What a run asks of its stream: `begin`, `commit` and `release`, under a lease and a fencing token.

Two runs that read the same cursor would deliver the same pages, so `begin` grants the stream to one run at a time, with
a number that grows with each grant. `commit` and `release` are refused under another grant: a run that comes back
from the dead does no harm. A run that never comes back leaves a lease that runs out, or that another one is granted
earlier: as soon as the run is known to have ended and no activity of it can be at work.

The platform repeats all of it: a turn whose history was not stored asks again, and any message may come twice, late or
in another order. So `begin` grants again to the run that holds the stream, and nothing to one that asked before the
last one did.

What was delivered is committed by the activity that delivers it, so that little is repeated should its process die, and
nothing should its run be terminated; and once more by the run, which has to know. The positions of a stream are
numbered too, by what was passed: a commit moves nothing that comes late, a second time, or from a twin of the activity
that came less far.

Each of the three returns the state as it is now and whether the operation was accepted. What operators do to a stream
is in `stream_operations`.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from onepassword_sentinel.position import Position
from onepassword_sentinel.sentences import shortened
from onepassword_sentinel.settings import LOOKBACK
from onepassword_sentinel.stream_day import counted
from onepassword_sentinel.stream_requests import Begin, Commit, Release
from onepassword_sentinel.stream_state import CAUGHT_UP, Refusal, RunStart, StreamFailure, StreamState

# Why a run is refused a stream that never ran.
NO_BEGINNING: Final = f"it has no cursor yet, and {LOOKBACK} says no place to begin"
# How a run ends after which the last failure is resolved.
_RESOLVES: Final = CAUGHT_UP | {"more"}
_LONGEST_MESSAGE: Final = 500
# A message that comes back after its instance was lost is minutes late.
_LATEST: Final = timedelta(minutes=5)
# The whole message of the present failure; the state of an entity has to stay small.
_LONGEST_ERROR: Final = 2_000


def begin(state: StreamState, asked: Begin) -> tuple[StreamState, bool]:
    """Grant the stream under the next number, unless a lease stands or a remote wants to be left alone.

    A stream that never ran is given its beginning here, once: were it worked out anew by each run, a first run that
    fails would push the beginning on and leave a gap. Without one to give it is not granted.

    The run that holds the stream is granted it again, under the same number: it did not get the answer, as its turn
    runs again. A request that comes up to five minutes late is refused and leaves no trace, as its run may be over.
    """
    if _holds(state, asked) and not state.stopping:
        return _renewed(state, asked.now, asked.lease_seconds), True
    if _is_late(state, asked):
        return state, False
    if state.asked_at is None or asked.now >= state.asked_at:
        state = replace(state, asked_at=asked.now, asked_by=asked.execution)
    state = replace(state, account=asked.account)
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
        execution=asked.execution,
        lease_until=asked.now + timedelta(seconds=asked.lease_seconds),
        active_at=asked.now,
        transfer_limit=asked.transfer_limit,
        transfer=0,
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
    if state.lease_until and state.lease_until > asked.now and not _may_take_over(state, asked):
        return "busy"
    return "failed" if not state.has_begun and asked.start_time is None else ""


def _holds(state: StreamState, asked: Begin) -> bool:
    return bool(asked.execution) and (state.holder, state.execution) == (asked.holder, asked.execution)


def _is_late(state: StreamState, asked: Begin) -> bool:
    """Tell whether the request was made before the last one, or comes again: whoever made it has ended by then.

    A clock that is far ahead must not make everybody else late.
    """
    if asked.execution and asked.execution == state.execution:
        return True
    if state.asked_at is None or not timedelta(0) <= state.asked_at - asked.now < _LATEST:
        return False
    return state.asked_at > asked.now or (asked.execution != "" and asked.execution == state.asked_by)


def _may_take_over(state: StreamState, asked: Begin) -> bool:
    """Tell whether the holder has ended and no activity of it can be at work any more.

    Under one instance id there is one run at a time, so that one that was started again has ended the one before.
    """
    ended = state.grant == asked.ended or state.holder == asked.holder
    return ended and state.work_ends_at is not None and state.work_ends_at <= asked.now


def _renewed(state: StreamState, now: datetime, lease_seconds: float) -> StreamState:
    lease_until = now + timedelta(seconds=lease_seconds)
    return replace(
        state,
        lease_until=max(state.lease_until or lease_until, lease_until),
        active_at=max(state.active_at or now, now),
    )


def _is_refused(state: StreamState, asked: Commit | Release) -> bool:
    """Tell whether the grant is not in force: the run has ended, or was taken over."""
    if not state.holder or state.fence != asked.fence:
        return True
    return asked.holder is not None and (asked.holder, asked.execution) != (state.holder, state.execution)


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
    """Move the position on, and begin the lease anew. Refused if the grant is not in force.

    A run that was stopped gets no new lease; the last commit of its activity at work gives the stream back, and so does
    the run's own, as the answer tells it to begin no other one. What an earlier activity said may come late.
    """
    if _is_refused(state, done):
        return state, False
    if not state.stopping:
        state = _renewed(state, done.now, done.lease_seconds)
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
    if state.stopping and (done.transfer > state.transfer or (done.last and done.transfer == state.transfer)):
        return replace(state, holder="", lease_until=None, stopping=False, outcome="stopped", error=""), True
    return replace(state, transfer=max(state.transfer, done.transfer)), True


def _run_start(state: StreamState, run_at: datetime) -> RunStart:
    return RunStart(run_at, state.events, state.newest, run_at if state.newest else None, before=state.events)


def _measured(run: RunStart | None, done: Commit) -> RunStart | None:
    if run is None or run.newest is not None or done.newest is None:
        return run
    return replace(run, events=done.events, newest=done.newest, measured_at=done.now)


def release(state: StreamState, ended: Release) -> tuple[StreamState, bool]:
    """Give the stream back and note how the run ended, if its grant is still in force."""
    if _is_refused(state, ended):
        return state, False
    if ended.done:
        state, _ = commit(state, ended.done)
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
