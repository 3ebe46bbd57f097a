"""What is done to a stream from outside its runs: an operator stops or resets it, housekeeping forgets it.

Each refuses what would do harm, with the sentence that says why. A request that comes a second time, or after the run
that it names has ended, changes nothing. A signal from the monitor names no run, so `stop` is for whichever holds the
stream when it arrives.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onepassword_sentinel.moments import format_moment, parse_moment
from onepassword_sentinel.position import Position
from onepassword_sentinel.settings import HISTORY_DAYS
from onepassword_sentinel.stream_state import CAUGHT_UP, Grant, ResetDone, StreamState

# Whoever counts 120 days back from now is a moment late when the request arrives.
_SLACK: Final = timedelta(minutes=5)
# A message that comes late is minutes late. A signal has no id: the same one after that, an operator wants again.
_LATEST: Final = timedelta(minutes=5)
_RESETS_KEPT: Final = 10


class OperationRejectedError(ValueError):
    """A stream does not do what it was asked to; the message says why."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Begin anew at a time, RFC 3339.

    `request` names the request, and `asked_at` says when it was made; a signal from the monitor has neither.
    """

    start_time: str
    request: str = ""
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """Take the stream from the run with this grant; None: from whichever run holds it."""

    grant: Grant | None = None


@dataclass(frozen=True, slots=True)
class Forget:
    """Forget a backfill's cursor, if the backfill was finished before this time."""

    finished_before: datetime


def stop(state: StreamState, asked: Stop, now: datetime) -> StreamState:
    """Let the run that holds the stream do no more, once its activity at work has ended: that takes seconds to minutes.

    The activity goes on to deliver what it has in hand and commits it, so that nothing is repeated.

    Raises:
        OperationRejectedError: there is no such stream.

    """
    _must_have_begun(state)
    if not state.holder or state.stopping or asked.grant not in (None, state.grant):
        return state
    return replace(state, stopping=True, lease_until=_activity_ends_by(state, now))


def reset(state: StreamState, asked: Reset, now: datetime) -> StreamState:
    """Move a live cursor to a time. The run that holds the stream can commit no more; the next one begins there.

    What is remembered of the events delivered goes too: they are wanted again, and a cursor that is rejected on the
    way must not skip over them.

    Raises:
        OperationRejectedError: the time is of no use, this is no live stream, or a later reset was followed.

    """
    _must_have_begun(state)
    if state.position.end_time is not None:
        raise OperationRejectedError("this is a backfill's cursor; a window of its own is another backfill")
    try:
        start = beginning(asked.start_time, now)
    except ValueError as error:
        raise OperationRejectedError(f"start_time {error}") from error
    if _was_followed(state, asked, now):
        return state
    if _was_overtaken(state, asked):
        raise OperationRejectedError(
            "another reset was asked for after this one and has been followed; ask again if you still want this one"
        )
    return replace(
        state,
        position=Position(start_time=format_moment(start)),
        moves=state.moves + 1,
        fence=state.fence + 1,
        # Until its activity at work has ended, the next run would deliver beside it.
        lease_until=_activity_ends_by(state, now) if state.holder else None,
        stopping=bool(state.holder),
        resets=(*state.resets, ResetDone(asked.request or asked.start_time, asked.asked_at or now))[-_RESETS_KEPT:],
        newest=None,
        moved_at=now,
        recovered_at=None,
        outcome="reset",
        error="",
    )


def forget(state: StreamState, asked: Forget) -> None:
    """Allow that a cursor is forgotten.

    Raises:
        OperationRejectedError: it is a live one's, or the backfill is not finished, or not for long enough.

    """
    if state == StreamState():
        return  # forgotten already
    if state.position.end_time is None:
        raise OperationRejectedError("a live stream's cursor is never forgotten: the next poll would begin anew")
    if not is_finished(state):
        raise OperationRejectedError("the backfill is not finished: without its cursor it would begin anew")
    if state.succeeded_at is None or state.succeeded_at >= asked.finished_before:
        raise OperationRejectedError("the backfill was finished too short a time ago: a restart would deliver it again")


def is_finished(state: StreamState) -> bool:
    """Tell whether a backfill has delivered its window."""
    return state.position.end_time is not None and not state.holder and state.outcome in CAUGHT_UP


def beginning(text: str, now: datetime) -> datetime:
    """Read a time at which a stream can begin.

    Raises:
        ValueError: the message says what is wrong with it, to be put behind a name.

    """
    start = parse_moment(text)
    if start > now:
        raise ValueError("lies in the future")
    if now - start > timedelta(days=HISTORY_DAYS) + _SLACK:
        raise ValueError(f"is more than {HISTORY_DAYS} days ago, and 1Password keeps no more")
    return start


def _was_followed(state: StreamState, asked: Reset, now: datetime) -> bool:
    if not asked.request:
        return any(done.request == asked.start_time and now - done.asked_at < _LATEST for done in state.resets)
    return any(done.request == asked.request for done in state.resets)


def _was_overtaken(state: StreamState, asked: Reset) -> bool:
    """Tell whether one that was asked for later was followed first. A clock that is far ahead must not block others."""
    if asked.asked_at is None:
        return False
    return any(timedelta(0) < done.asked_at - asked.asked_at < _LATEST for done in state.resets)


def _must_have_begun(state: StreamState) -> None:
    if state.position.start_time is None:
        raise OperationRejectedError(
            "there is no such stream: a live one's key is <account uuid>-<event type>, and it has been polled before"
        )


def _activity_ends_by(state: StreamState, now: datetime) -> datetime:
    """Say when no activity of the holder can be at work any more: each is cut off, and no other one begins."""
    limit = now + timedelta(seconds=state.transfer_limit)
    return min(state.lease_until or limit, limit)
