"""One run at a time holds a stream, and only its number may change it."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from onepassword_sentinel.position import Position
from onepassword_sentinel.stream_lease import NO_BEGINNING, Begin, Commit, Release, begin, commit, release
from onepassword_sentinel.stream_state import Grant, Refusal, StreamFailure, StreamState
from onepassword_sentinel.wire import from_wire, to_wire
from tests.core.conftest import NOW

LEASE = timedelta(minutes=15)
LIMIT = timedelta(seconds=150)
START = "2026-11-15T12:00:00Z"
SECONDS = LEASE.total_seconds()


def begun(
    state: StreamState,
    holder: str = "poll-1",
    now: datetime = NOW,
    start: str | None = START,
    execution: str = "",
    ended: Grant | None = None,
) -> tuple[StreamState, bool]:
    return begin(state, Begin(holder, now, SECONDS, start, execution=execution, ended=ended))


def committed(
    state: StreamState, fence: int, cursor: str = "c1", moves: int | None = None, now: datetime = NOW
) -> tuple[StreamState, bool]:
    number = state.moves + 1 if moves is None else moves
    position = state.position.after_page(cursor)
    return commit(state, Commit(fence, number, now, SECONDS, position, newest=None, events=number, recovered=False))


def released(
    state: StreamState, fence: int, outcome: str = "ok", error: str = "", now: datetime = NOW, retry_after: float = 0
) -> tuple[StreamState, bool]:
    return release(state, Release(fence, now, outcome, error, retry_after))


def is_refused(state: StreamState, holder: str, now: datetime, outcome: str) -> bool:
    """Tell whether a run is refused the stream, and the state only notes that it asked."""
    after, granted = begun(state, holder, now)
    noted = replace(state, asked_at=now, refused=Refusal(holder, "", outcome))
    return not granted and after == noted


def test_a_new_stream_is_granted_with_its_beginning() -> None:
    """Number one, a lease, and the start time that the run brought along."""
    state, granted = begun(StreamState())
    assert granted
    assert (state.fence, state.holder, state.position) == (1, "poll-1", Position(start_time=START))
    assert state.lease_until == NOW + LEASE


def test_the_beginning_is_fixed_by_the_first_run() -> None:
    """A first run that fails must not push the beginning on: that would leave a gap."""
    state, _ = begun(StreamState())
    state, _ = released(state, state.fence, "failed", "x")
    state, _ = begun(state, start="2026-11-16T00:00:00Z")
    assert state.position.start_time == START


def test_a_stream_without_a_beginning_is_not_granted_to_a_run_that_knows_none() -> None:
    """Wherever it began, what is older would never be asked for; one that has begun needs no beginning."""
    refused, granted = begun(StreamState(), start=None)
    assert (granted, refused.has_begun, refused.fence, refused.holder) == (False, False, 0, "")
    assert refused.failure == StreamFailure(NOW, NO_BEGINNING)
    state, _ = begun(StreamState())
    state, _ = released(state, state.fence)
    again, granted = begun(state, "poll-2", start=None)
    assert (granted, again.position.start_time) == (True, START)


def test_a_held_stream_is_busy_until_its_lease_runs_out() -> None:
    """The second run is told who holds it; after the lease the next one takes over with a higher number."""
    held, _ = begun(StreamState())
    assert is_refused(held, "poll-2", NOW + LEASE - timedelta(seconds=1), "busy")
    taken, granted = begun(held, "poll-2", NOW + LEASE)
    assert (granted, taken.fence, taken.holder) == (True, 2, "poll-2")


def test_a_run_that_asks_again_is_granted_again() -> None:
    """Its turn ran again, at another time: neither answer may lock it out, and nothing is counted twice."""
    held, _ = begun(StreamState(), execution="e1")
    later = NOW + timedelta(seconds=61)
    again, granted = begun(held, now=later, execution="e1")
    assert granted
    assert again == replace(held, lease_until=later + LEASE, active_at=later)


@pytest.mark.parametrize("execution", ["e2", ""])
def test_a_run_that_was_started_again_waits_for_its_activity(execution: str) -> None:
    """A restart under the same instance id is another run: the old one's activity may still be at work."""
    held, _ = begun(StreamState(), execution="e1")
    refused, granted = begun(held, now=NOW + LIMIT - timedelta(seconds=1), execution=execution)
    assert (granted, refused.refused) == (False, Refusal("poll-1", "", "busy"))
    taken, granted = begun(held, now=NOW + LIMIT, execution=execution)
    assert (granted, taken.fence, taken.execution) == (True, 2, execution)


def test_a_stream_is_free_once_its_run_has_ended_and_no_activity_can_be_at_work() -> None:
    """Whoever looked the run up says so; a commit means that an activity is at work for longer."""
    held, _ = begun(StreamState())
    ended, early = held.grant, NOW + LIMIT - timedelta(seconds=1)
    assert begun(held, "poll-2", early, ended=ended)[1] is False
    assert begun(held, "poll-2", NOW + LIMIT, ended=ended)[1] is True
    assert begun(held, "poll-2", NOW + LIMIT)[1] is False
    moved, _ = committed(held, 1, now=NOW + timedelta(seconds=1))
    assert begun(moved, "poll-2", NOW + LIMIT, ended=ended)[1] is False
    other = replace(ended, execution="e2")
    assert begun(held, "poll-2", NOW + LIMIT, ended=other)[1] is False


def test_a_request_that_comes_late_changes_nothing() -> None:
    """Somebody has asked since, so the run behind it has had an answer or is over; it would hold the stream in vain."""
    held, _ = begun(StreamState(), "poll-1", execution="e1")
    free, _ = released(held, 1, now=NOW + timedelta(seconds=1))
    assert begun(free, "poll-1", NOW, execution="e1") == (free, False)
    asked, _ = begun(free, "poll-2", NOW + timedelta(seconds=5), execution="e2")
    free, _ = released(asked, 2, now=NOW + timedelta(seconds=6))
    assert begun(free, "poll-1", NOW, execution="e1") == (free, False)
    assert begun(free, "poll-3", NOW + timedelta(seconds=4), execution="e3") == (free, False)


def test_a_refused_request_that_comes_again_changes_nothing() -> None:
    """Its run ended as busy or throttled; that the stream is free by now is of no use to it."""
    held, _ = begun(StreamState(), execution="e1")
    refused, _ = begun(held, "poll-2", NOW + timedelta(seconds=1), execution="e2")
    free, _ = released(refused, 1, now=NOW + timedelta(seconds=2))
    assert begun(free, "poll-2", NOW + timedelta(seconds=1), execution="e2") == (free, False)


def test_a_clock_that_is_far_ahead_makes_nobody_late() -> None:
    """One that is an hour ahead would lock everybody out for an hour."""
    ahead, _ = begun(StreamState(), "poll-1", NOW + timedelta(hours=1), execution="e1")
    free, _ = released(ahead, 1)
    assert begun(free, "poll-2", NOW, execution="e2")[1] is True


@pytest.mark.parametrize("named", [{"holder": "poll-2"}, {"holder": "poll-1", "execution": "e2"}])
def test_the_number_alone_is_not_enough(named: dict[str, str]) -> None:
    """An answer leaves before the state is stored: if that is lost, two runs may be told the same number."""
    held, _ = begun(StreamState(), execution="e1")
    done = Commit(1, 1, NOW, SECONDS, Position(cursor="c1"), None, 1, recovered=False, **named)
    assert commit(held, done) == (held, False)
    assert release(held, Release(1, NOW, "ok", "", **named)) == (held, False)


def test_a_run_of_an_earlier_version_is_told_by_its_number() -> None:
    """Its commits may still be on their way when the app is upgraded."""
    held, _ = begun(StreamState(), execution="e1")
    assert committed(held, 1)[1] is True
    assert released(held, 1)[1] is True


def test_a_release_brings_the_last_commit_along() -> None:
    """The commit's answer left and its state was lost: it comes again only after the release, which overtook it."""
    held, _ = begun(StreamState(), execution="e1")
    done = Commit(1, 5, NOW, SECONDS, Position(cursor="c5"), None, 5, recovered=False, holder="poll-1", execution="e1")
    ended = Release(1, NOW, "ok", "", holder="poll-1", execution="e1", done=done)
    free, accepted = release(held, ended)
    assert (accepted, free.position.cursor, free.moves, free.events, free.holder) == (True, "c5", 5, 5, "")
    assert commit(free, done) == (free, False)


def test_a_commit_moves_the_position_and_renews_the_lease() -> None:
    """Progress is noted with its time; counts add up."""
    state, _ = begun(StreamState())
    state, accepted = committed(replace(state, lease_until=NOW), state.fence)
    assert accepted
    assert (state.position.cursor, state.moved_at, state.moves, state.events) == ("c1", NOW, 1, 1)
    assert state.lease_until == NOW + LEASE


def test_a_commit_that_comes_again_or_late_moves_nothing() -> None:
    """The activity commits and the run does, in whatever order they arrive; the position only goes forward."""
    state, _ = begun(StreamState())
    first, _ = committed(state, state.fence, "c1", moves=1)
    again, accepted = committed(first, state.fence, "c1", moves=1)
    assert accepted
    assert again == first
    third, _ = committed(first, state.fence, "c3", moves=3)
    late, accepted = committed(third, state.fence, "c2", moves=2)
    assert accepted
    assert (late.position.cursor, late.moves, late.events) == ("c3", 3, 3)


def test_an_idle_commit_only_renews_the_lease() -> None:
    """A stream with nothing new is not said to have moved, and a lease never becomes shorter."""
    state, _ = begun(StreamState())
    state, _ = committed(state, state.fence, "c1")
    idle, accepted = committed(state, state.fence, "c1", moves=1, now=NOW + LEASE)
    assert accepted
    assert (idle.moves, idle.moved_at, idle.lease_until) == (1, NOW, NOW + 2 * LEASE)
    assert committed(idle, state.fence, "c1", moves=1)[0].lease_until == NOW + 2 * LEASE


def test_a_stream_that_is_throttled_is_not_granted_until_the_remote_may_be_asked() -> None:
    """Retry-After outlives the run that was told it, and the process too."""
    state, _ = begun(StreamState())
    state, _ = released(state, state.fence, "throttled", "429", retry_after=600)
    assert is_refused(state, "poll-1", NOW + timedelta(seconds=599), "throttled")
    assert (state.seconds_to_wait(NOW), state.seconds_to_wait(NOW + timedelta(seconds=601))) == (600, 0)
    granted, accepted = begun(state, now=NOW + timedelta(seconds=600))
    assert accepted
    assert granted.not_before is None


def test_an_old_copy_of_the_state_ends_nobodys_run() -> None:
    """What a client reads may be older than the grant; only a newer number or a release says that a run is over."""
    state, _ = begun(StreamState())
    taken, _ = begun(state, "poll-2", NOW + LEASE)
    assert not StreamState().has_ended(state.grant)
    assert not state.has_ended(state.grant)
    assert taken.has_ended(state.grant)
    assert released(state, 1)[0].has_ended(state.grant)


def test_a_commit_under_an_older_number_is_refused() -> None:
    """A run that comes back from the dead changes nothing."""
    old, _ = begun(StreamState())
    state, _ = begun(old, "poll-2", NOW + LEASE)
    assert committed(state, old.fence) == (state, False)
    assert released(state, old.fence) == (state, False)


def test_a_released_stream_takes_no_commit() -> None:
    """The number is in force only while the stream is held."""
    state, _ = begun(StreamState())
    state, _ = released(state, state.fence)
    assert committed(state, state.fence) == (state, False)


def test_a_release_remembers_how_it_ended() -> None:
    """The last success stays known while failures follow."""
    state, _ = begun(StreamState())
    state, _ = released(state, state.fence)
    state, _ = begun(state)
    state, _ = released(state, state.fence, "failed", "token", NOW + LEASE)
    assert (state.succeeded_at, state.outcome, state.error) == (NOW, "failed", "token")
    assert (state.holder, state.lease_until) == ("", None)


def test_the_state_survives_as_a_plain_dict() -> None:
    """What the entity stores is read back the same, also by a release that knows fewer fields."""
    state, _ = begun(StreamState())
    assert from_wire(StreamState, to_wire(state)) == state
    assert from_wire(StreamState, {**to_wire(state), "from_the_future": 1}) == state
    assert from_wire(StreamState, None) == StreamState()
