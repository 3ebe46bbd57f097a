"""What operators and housekeeping do to a stream: it never does harm, and what would is refused."""

from dataclasses import replace
from datetime import timedelta

import pytest

from onepassword_sentinel.position import Position
from onepassword_sentinel.stream_lease import begin, commit, release
from onepassword_sentinel.stream_operations import (
    Forget,
    OperationRejectedError,
    Reset,
    Stop,
    forget,
    is_finished,
    reset,
    stop,
)
from onepassword_sentinel.stream_requests import Begin, Commit, Release
from onepassword_sentinel.stream_state import RunStart, StreamState
from tests.core.conftest import NOW

START, END = "2026-11-15T12:00:00Z", "2026-11-20T12:00:00Z"
LATER = NOW + timedelta(seconds=10)


def held(*, end_time: str | None = None) -> StreamState:
    """A stream that a run was granted and has moved."""
    state, _ = begin(StreamState(), Begin("run-1", NOW, 900, START, end_time, transfer_limit=150))
    state, _ = committed(state)
    return state


def committed(state: StreamState, fence: int = 1, *, last: bool = False) -> tuple[StreamState, bool]:
    moved = state.position.after_page(f"c{state.moves + 1}")
    return commit(
        state, Commit(fence, state.moves + 1, LATER, 900, moved, NOW, state.events + 5, recovered=False, last=last)
    )


def released(state: StreamState, outcome: str = "ok", error: str = "") -> StreamState:
    return release(state, Release(state.fence, LATER, outcome, error))[0]


def test_a_run_that_begins_a_stream_is_measured_from_its_first_commit() -> None:
    """The window before the first event may be empty; a pace that counts it promises too much."""
    state, _ = begin(StreamState(), Begin("run-1", NOW, 900, START, END))
    assert state.run == RunStart(NOW, before=0)
    state, _ = committed(state)
    assert state.run == RunStart(NOW, 5, NOW, LATER, before=0)
    assert committed(state)[0].run == state.run


def test_a_run_that_goes_on_is_measured_from_its_beginning() -> None:
    """All its generations together; the next run is measured anew."""
    state = released(held())
    state, _ = begin(state, Begin("run-2", LATER, 900, START, run_at=LATER))
    assert state.run == RunStart(LATER, 5, NOW, LATER, before=5)
    moved, _ = committed(state, state.fence)
    again, _ = begin(released(moved), Begin("run-2", LATER + timedelta(minutes=1), 900, START, run_at=LATER))
    assert again.run == state.run


def test_a_stopped_run_gets_no_new_lease() -> None:
    """Its activity may end what it has in hand, and commit it; nobody waits longer than that can take."""
    state = stop(held(), Stop(), LATER)
    assert (state.stopping, state.lease_until) == (True, LATER + timedelta(seconds=150))
    state, accepted = committed(state)
    assert (accepted, state.position.cursor, state.lease_until) == (True, "c2", LATER + timedelta(seconds=150))
    assert begin(state, Begin("run-2", LATER, 900, START))[1] is False


def test_the_last_commit_of_a_stopped_run_gives_the_stream_back() -> None:
    """The next run goes on at once, behind all that was delivered."""
    state, _ = committed(stop(held(), Stop(), LATER), last=True)
    assert (state.holder, state.lease_until, state.outcome) == ("", None, "stopped")
    again, granted = begin(state, Begin("run-2", LATER, 900, START))
    assert (granted, again.position.cursor, again.stopping) == (True, "c2", False)


def test_the_last_commit_of_a_run_that_nobody_stopped_keeps_the_stream() -> None:
    """Its run goes on with another activity."""
    state, _ = committed(held(), last=True)
    assert state.holder == "run-1"


def at_work(transfer: int, *, last: bool) -> Commit:
    """The commit of an activity, or, with the number of the transfer that follows, of its run."""
    return Commit(
        1,
        9,
        LATER,
        900,
        Position(cursor="c9", start_time=START),
        NOW,
        9,
        recovered=False,
        last=last,
        holder="run-1",
        transfer=transfer,
    )


def test_what_an_earlier_activity_says_late_gives_nothing_back() -> None:
    """Another one is at work since the run has committed: the next run would deliver beside it."""
    state, _ = commit(held(), at_work(1, last=False))
    state = stop(state, Stop(), LATER)
    for late in (at_work(0, last=True), at_work(1, last=False)):
        after, accepted = commit(state, late)
        assert (accepted, after.holder, after.lease_until) == (True, "run-1", state.lease_until)
    free, _ = commit(state, at_work(1, last=True))
    assert free.holder == ""


def test_a_stopped_run_gives_the_stream_back_when_it_commits() -> None:
    """The answer tells it that it was stopped, and it begins no other activity."""
    free, accepted = commit(stop(held(), Stop(), LATER), at_work(1, last=False))
    assert (accepted, free.holder, free.outcome) == (True, "", "stopped")


def test_a_stop_is_for_the_run_that_it_was_meant_for() -> None:
    """A backfill that was stopped and restarted is not stopped again by a signal that comes late."""
    before = held()
    state = released(before)
    again, _ = begin(state, Begin("run-1", LATER, 900, START, execution="e2"))
    assert stop(again, Stop(before.grant), LATER) == again
    assert stop(again, Stop(again.grant), LATER).stopping is True


def test_stopping_never_prolongs_a_lease() -> None:
    """Nor does stopping twice."""
    state = replace(held(), lease_until=LATER + timedelta(seconds=3))
    assert stop(state, Stop(), LATER).lease_until == LATER + timedelta(seconds=3)
    state = stop(held(), Stop(), LATER)
    assert stop(state, Stop(), LATER + timedelta(seconds=60)) == state


def test_stopping_a_free_stream_changes_nothing() -> None:
    """There is nobody to stop."""
    state = released(held())
    assert stop(state, Stop(), LATER) == state


def test_a_run_is_over_once_it_was_stopped() -> None:
    """An activity that begins later does nothing."""
    grant = held().grant
    assert held().has_ended(grant) is False
    assert stop(held(), Stop(), LATER).has_ended(grant) is True


def test_a_reset_moves_a_live_cursor() -> None:
    """What was delivered is forgotten: it is wanted again, and a cursor rejected on the way must not skip it."""
    before = released(held())
    state = reset(before, Reset("2026-11-18T00:00:00+02:00"), LATER)
    assert state.position == Position(start_time="2026-11-17T22:00:00Z")
    assert (state.newest, state.recovered_at, state.outcome) == (None, None, "reset")
    assert (state.moves, state.fence) == (before.moves + 1, before.fence + 1)
    again, granted = begin(state, Begin("run-2", LATER, 900, START))
    assert (granted, again.position.start_time) == (True, "2026-11-17T22:00:00Z")


def test_a_reset_that_comes_again_or_late_moves_nothing() -> None:
    """What was delivered since would be delivered again."""
    first = Reset(START, "r1", NOW)
    state = reset(released(held()), first, NOW)
    state, _ = committed(begin(state, Begin("run-2", LATER, 900, START))[0], state.fence + 1)
    assert reset(state, first, LATER) == state
    assert reset(state, replace(first, asked_at=LATER), LATER) == state
    again = reset(state, Reset(START, "r2", LATER), LATER)
    assert again.position.cursor is None
    assert reset(again, first, LATER) == again


def test_a_reset_that_a_later_one_has_overtaken_is_refused() -> None:
    """To report it as done would be a lie; to follow it would undo what was asked for last."""
    state = reset(released(held()), Reset(START, "r2", LATER), LATER)
    with pytest.raises(OperationRejectedError, match="another reset was asked for after this one"):
        reset(state, Reset("2026-11-16T12:00:00Z", "r1", LATER - timedelta(seconds=1)), LATER)


def test_a_reset_by_a_clock_that_is_ahead_blocks_no_other() -> None:
    """Only what is minutes late can have been overtaken."""
    state = reset(released(held()), Reset(START, "r1", LATER + timedelta(hours=1)), LATER)
    after = reset(state, Reset("2026-11-16T12:00:00Z", "r2", LATER), LATER)
    assert after.position.start_time == "2026-11-16T12:00:00Z"


def test_a_reset_that_comes_again_does_not_undo_the_next_one() -> None:
    """Its turn runs again, at another time, after an operator has asked for another place."""
    first, second = Reset(START, "r1", NOW), Reset("2026-11-10T12:00:00Z", "r2", LATER)
    state = reset(reset(released(held()), first, NOW), second, LATER)
    assert reset(state, replace(first, asked_at=LATER + timedelta(seconds=35)), LATER) == state
    signals = [Reset(START), Reset("2026-11-10T12:00:00Z")]
    state = reset(reset(released(held()), signals[0], NOW), signals[1], LATER)
    assert reset(state, signals[0], LATER) == state


def test_a_signal_to_reset_comes_again_only_within_minutes() -> None:
    """It has no name of its own; later, an operator wants the same once more, and at once another time."""
    state = reset(released(held()), Reset(START), LATER)
    assert reset(state, Reset(START), LATER + timedelta(minutes=4)) == state
    assert reset(state, Reset(START), LATER + timedelta(minutes=6)) != state
    assert reset(state, Reset("2026-11-16T12:00:00Z"), LATER) != state


def test_what_is_forgotten_can_be_forgotten_again() -> None:
    """There is nothing to do, and nothing to warn of."""
    forget(StreamState(), Forget(LATER))


def test_a_run_at_work_cannot_undo_a_reset() -> None:
    """Its commits come under an old number; the next run waits until it has ended for sure."""
    state = reset(held(), Reset(START), LATER)
    assert committed(state) == (state, False)
    assert release(state, Release(1, LATER, "ok", "")) == (state, False)
    assert begin(state, Begin("run-2", LATER, 900, START))[1] is False
    assert begin(state, Begin("run-2", LATER + timedelta(seconds=150), 900, START))[1] is True


@pytest.mark.parametrize(
    ("state", "start", "says"),
    [
        (StreamState(), START, "there is no such stream"),
        (held(end_time=END), START, "this is a backfill's cursor"),
        (held(), "tomorrow", "start_time must be a time"),
        (held(), "2026-11-18T00:00:00", "start_time must say its zone"),
        (held(), "2026-11-23T00:00:00Z", "start_time lies in the future"),
        (held(), "2026-06-01T00:00:00Z", "start_time is more than 120 days ago"),
    ],
    ids=["no stream", "backfill", "no time", "no zone", "future", "too old"],
)
def test_a_reset_that_would_do_harm_is_refused(state: StreamState, start: str, says: str) -> None:
    """Whether it comes over HTTP or was typed into Durable Functions Monitor."""
    with pytest.raises(OperationRejectedError, match=says):
        reset(state, Reset(start), NOW)


def test_only_a_finished_backfill_is_forgotten() -> None:
    """And only once nobody can restart it any more."""
    done = released(held(end_time=END))
    assert is_finished(done)
    forget(done, Forget(LATER + timedelta(seconds=1)))
    for state, says in (
        (done, "too short a time ago"),
        (released(held()), "live stream's cursor is never forgotten"),
        (held(end_time=END), "not finished"),
        (released(held(end_time=END), "failed", "x"), "not finished"),
        (released(held(end_time=END), "more"), "not finished"),
    ):
        with pytest.raises(OperationRejectedError, match=says):
            forget(state, Forget(LATER))


def test_stopping_what_never_was_is_refused() -> None:
    """A mistyped key makes no stream."""
    with pytest.raises(OperationRejectedError, match="there is no such stream"):
        stop(StreamState(), Stop(), NOW)
