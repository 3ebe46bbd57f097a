"""One run at a time holds a stream, and only its number may change it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from onepassword_sentinel.position import Position
from onepassword_sentinel.stream_state import StreamState, begin, commit, release
from onepassword_sentinel.wire import from_wire, to_wire
from tests.core.conftest import NOW

LEASE = timedelta(minutes=15)
START = "2026-11-15T12:00:00Z"


def begun(state: StreamState, holder: str = "poll-1", now: Any = NOW) -> tuple[StreamState, bool]:
    return begin(state, holder=holder, now=now, lease=LEASE, start_time=START, end_time=None)


def committed(state: StreamState, fence: int, cursor: str = "c1") -> tuple[StreamState, bool]:
    return commit(
        state,
        fence=fence,
        now=NOW,
        lease=LEASE,
        position=state.position.after_page(cursor),
        newest="",
        events=1,
        recovered=False,
    )


def test_a_new_stream_is_granted_with_its_beginning() -> None:
    """Number one, a lease, and the start time that the run brought along."""
    state, granted = begun(StreamState())
    assert granted
    assert (state.fence, state.holder, state.position) == (1, "poll-1", Position(start_time=START))
    assert state.lease_until == "2026-11-22T12:15:00+00:00"


def test_the_beginning_is_fixed_by_the_first_run() -> None:
    """A first run that fails must not push the beginning on: that would leave a gap."""
    state, _ = begun(StreamState())
    state, _ = release(state, fence=state.fence, now=NOW, outcome="failed", error="x")
    state, _ = begin(state, holder="b", now=NOW, lease=LEASE, start_time="2026-11-16T00:00:00Z", end_time=None)
    assert state.position.start_time == START


def test_a_held_stream_is_busy_until_its_lease_runs_out() -> None:
    """The second run is told who holds it; after the lease the next one takes over with a higher number."""
    held, _ = begun(StreamState())
    assert begun(held, "poll-2", NOW + LEASE - timedelta(seconds=1)) == (held, False)
    taken, granted = begun(held, "poll-2", NOW + LEASE)
    assert (granted, taken.fence, taken.holder) == (True, 2, "poll-2")


def test_a_run_under_its_own_name_again_waits_too() -> None:
    """A restart under the same instance id is another run: the old one's activity may still be at work."""
    held, _ = begun(StreamState())
    assert begun(held, "poll-1") == (held, False)


def test_a_commit_moves_the_position_and_renews_the_lease() -> None:
    """Progress is noted with its time; counts add up."""
    state, _ = begun(StreamState())
    state, accepted = committed(replace(state, lease_until=NOW.isoformat()), state.fence)
    assert accepted
    assert (state.position.cursor, state.moved_at, state.events) == ("c1", NOW.isoformat(), 1)
    assert state.lease_until == (NOW + LEASE).isoformat()


def test_a_commit_under_an_older_number_is_refused() -> None:
    """A run that comes back from the dead changes nothing."""
    old, _ = begun(StreamState())
    state, _ = begun(old, "poll-2", NOW + LEASE)
    assert committed(state, old.fence) == (state, False)
    assert release(state, fence=old.fence, now=NOW, outcome="ok", error="") == (state, False)


def test_a_released_stream_takes_no_commit() -> None:
    """The number is in force only while the stream is held."""
    state, _ = begun(StreamState())
    state, _ = release(state, fence=state.fence, now=NOW, outcome="ok", error="")
    assert committed(state, state.fence) == (state, False)


def test_a_release_remembers_how_it_ended() -> None:
    """The last success stays known while failures follow."""
    state, _ = begun(StreamState())
    state, _ = release(state, fence=state.fence, now=NOW, outcome="ok", error="")
    state, _ = begun(state)
    state, _ = release(state, fence=state.fence, now=NOW + LEASE, outcome="failed", error="token")
    assert (state.succeeded_at, state.outcome, state.error) == (NOW.isoformat(), "failed", "token")
    assert (state.holder, state.lease_until) == ("", "")


def test_the_state_survives_as_a_plain_dict() -> None:
    """What the entity stores is read back the same, also by a release that knows fewer fields."""
    state, _ = begun(StreamState())
    assert from_wire(StreamState, to_wire(state)) == state
    assert from_wire(StreamState, {**to_wire(state), "from_the_future": 1}) == state
    assert from_wire(StreamState, None) == StreamState()


class Fencing(RuleBasedStateMachine):
    """Any order of runs, deaths and returns."""

    def __init__(self) -> None:
        super().__init__()
        self.state = StreamState()
        self.now = NOW
        self.fences: list[int] = []
        self.accepted: list[int] = []

    @rule(minutes=st.integers(0, 20))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def a_run_begins(self) -> None:
        self.state, granted = begun(self.state, "run", self.now)
        if granted:
            self.fences.append(self.state.fence)

    @rule(data=st.data())
    def some_run_commits(self, data: st.DataObject) -> None:
        if self.fences:
            fence = data.draw(st.sampled_from(self.fences))
            self.state, accepted = committed(self.state, fence, cursor=str(len(self.accepted)))
            if accepted:
                self.accepted.append(fence)

    @rule(data=st.data())
    def some_run_releases(self, data: st.DataObject) -> None:
        if self.fences:
            fence = data.draw(st.sampled_from(self.fences))
            self.state, _ = release(self.state, fence=fence, now=self.now, outcome="ok", error="")

    @invariant()
    def numbers_only_grow(self) -> None:
        """Commits are accepted in the order of the grants, and never two runs' in turns."""
        assert self.fences == sorted(set(self.fences))
        assert self.accepted == sorted(self.accepted)


TestFencing = Fencing.TestCase
