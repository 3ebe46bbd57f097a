"""What a stream's state remembers for the status: who asked for it, its last failure and its last day."""

from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest

from onepassword_sentinel.stream_day import MOST, QuarterHour, counted, number_of
from onepassword_sentinel.stream_lease import begin, commit, release
from onepassword_sentinel.stream_requests import Begin, Commit, Release
from onepassword_sentinel.stream_state import Refusal, StreamState
from onepassword_sentinel.wire import from_wire, to_wire
from tests.core.conftest import NOW

START = "2026-11-15T12:00:00Z"
LATER = NOW + timedelta(minutes=5)


def begun(state: StreamState, run_id: str = "poll-1-a", now: datetime = NOW) -> StreamState:
    state, granted = begin(state, Begin(run_id, now, 900.0, START, account="ACME", parent_id=run_id[:6]))
    assert granted
    return state


def committed(state: StreamState, events: int, written: int, now: datetime = NOW) -> StreamState:
    """Commit so many events and bytes more."""
    done = Commit(
        state.fence,
        state.moves + 1,
        now,
        900.0,
        state.position.after_page("c"),
        now,
        state.events + events,
        recovered=False,
        bytes=state.bytes + written,
        pages=state.pages + 1,
    )
    state, accepted = commit(state, done)
    assert accepted
    return state


def released(state: StreamState, outcome: str = "ok", error: str = "", now: datetime = NOW) -> StreamState:
    state, accepted = release(state, Release(state.fence, now, outcome, error))
    assert accepted
    return state


def test_the_run_that_was_granted_last_stays_known_after_its_release() -> None:
    """With the poll that started it, the account's name and when it asked."""
    state = released(begun(StreamState()), now=LATER)
    assert (state.run_id, state.parent_id, state.account, state.asked_at) == ("poll-1-a", "poll-1", "ACME", NOW)


def test_a_refusal_is_known_until_something_is_granted_or_released() -> None:
    """The run that holds the stream stays known as well."""
    held = begun(StreamState())
    refused, _ = begin(held, Begin("poll-2-a", LATER, 900.0, START, parent_id="poll-2"))
    assert (refused.refused, refused.run_id) == (Refusal("poll-2-a", "poll-2", "busy"), "poll-1-a")
    assert refused.asked_at == LATER
    assert released(refused).refused is None
    assert begun(released(refused), "poll-3-a").refused is None


def test_a_failure_stays_known_and_is_resolved_by_a_run_that_delivers() -> None:
    """A run that is throttled proves nothing."""
    failed = released(begun(StreamState()), "failed", "a: " + "x" * 1_000)
    assert failed.failure is not None
    assert (len(failed.failure.message), failed.failure.resolved_at) == (500, None)
    throttled = released(begun(failed), "throttled", "429")
    assert throttled.failure == failed.failure
    later = released(begun(throttled), "more", now=LATER)
    assert later.failure == replace(failed.failure, resolved_at=LATER)
    assert released(begun(later)).failure == later.failure


def test_the_message_of_the_present_failure_is_bounded() -> None:
    """An entity's state stays small, whatever an activity reports."""
    failed = released(begun(StreamState()), "failed", "a: " + "x" * 5_000)
    assert (len(failed.error), failed.error[-1]) == (2_000, "…")


def test_a_clock_that_is_far_ahead_does_not_push_out_the_present_quarters() -> None:
    """What it counted is dropped by the next run; the next quarter of an hour is kept, as clocks differ a little."""
    present = number_of(NOW)
    day = [QuarterHour(present + ahead, runs=1) for ahead in (-1, 1, *range(2, MOST + 2))]
    kept = counted(day, NOW, NOW, runs=1)
    assert [quarter.number - present for quarter in kept] == [-1, 0, 1]


def test_runs_events_bytes_and_failures_are_counted_where_the_run_began() -> None:
    """A commit that comes again or late counts nothing twice."""
    state = committed(begun(StreamState()), 5, 500)
    state = committed(state, 2, 200, now=NOW + timedelta(minutes=20))
    again, _ = commit(
        state, Commit(state.fence, state.moves, NOW, 900.0, state.position, NOW, 7, recovered=False, bytes=700)
    )
    assert again.day == state.day == (QuarterHour(number_of(NOW), 1, 7, 7, 700, 0),)
    state = released(state)
    state = released(committed(begun(state, now=LATER), 4, 400, now=LATER), "failed", "x", now=LATER)
    assert state.day == (QuarterHour(number_of(NOW), 2, 11, 7, 1_100, 1),)
    assert (state.events, state.bytes, state.pages) == (11, 1_100, 3)


def test_a_generation_of_the_same_run_is_no_run_of_its_own() -> None:
    """It began when its first one did."""
    state = released(begin(StreamState(), Begin("r", NOW, 900.0, START, run_at=NOW))[0], "throttled", "x")
    state, granted = begin(state, Begin("r", LATER, 900.0, START, run_at=NOW))
    assert granted
    assert [quarter.runs for quarter in state.day] == [1]


def test_a_backfill_has_no_day() -> None:
    """Its window may take days, and the status shows none for it."""
    state, _ = begin(StreamState(), Begin("b", NOW, 900.0, START, "2026-11-20T12:00:00Z"))
    assert released(committed(state, 5, 500)).day == ()


def test_a_day_has_at_most_97_quarters_and_stays_small() -> None:
    """The oldest one goes; what begins in the future of another clock does not make it longer."""
    day: tuple[QuarterHour, ...] = ()
    for minutes in range(0, 3 * 24 * 60, 5):
        now = NOW + timedelta(minutes=minutes)
        day = counted(day, now, now, runs=1, events=123_456, most=123_456, bytes=123_456_789, failed=1)
    assert len(day) == MOST
    assert [quarter.number for quarter in day] == list(range(number_of(now) - 96, number_of(now) + 1))
    assert {quarter.runs for quarter in day} == {3}
    assert len(msgspec.json.encode(day)) < 5_000


def test_the_day_travels_in_no_answer_to_a_run() -> None:
    """Runs keep every answer in their histories."""
    state = released(committed(begun(StreamState()), 5, 500), "failed", "x")
    assert (state.for_runs.day, state.for_runs.failure) == ((), None)
    assert replace(state.for_runs, day=state.day, failure=state.failure) == state


def test_a_state_of_an_earlier_version_is_read() -> None:
    """It lacks what is remembered since; a commit of that version lacks the bytes."""
    new = ("bytes", "pages", "account", "run_id", "parent_id", "asked_at", "refused", "failure", "day")
    state = committed(begun(StreamState()), 5, 500)
    old = {name: value for name, value in to_wire(state).items() if name not in new}
    read = from_wire(StreamState, old)
    assert (read.events, read.bytes, read.day, read.run_id) == (5, 0, (), "")
    done, _ = commit(state, Commit(state.fence, state.moves + 1, NOW, 900.0, state.position, NOW, 9, recovered=False))
    assert (done.events, done.bytes, done.day[0].events, done.day[0].bytes) == (9, 500, 9, 500)


@pytest.mark.parametrize("outcome", ["ok", "failed"])
def test_the_state_survives_the_wire(outcome: str) -> None:
    """With its day and its failure."""
    state = released(committed(begun(StreamState()), 5, 500), outcome, "x" if outcome == "failed" else "")
    assert from_wire(StreamState, to_wire(state)) == state
