"""A commit that comes late takes nothing back of what was known since."""

from datetime import timedelta

from onepassword_sentinel.stream_lease import commit
from onepassword_sentinel.stream_requests import Commit
from onepassword_sentinel.stream_state import StreamState
from tests.core.conftest import NOW
from tests.core.test_stream_lease import begun, released

LATER = NOW + timedelta(seconds=20)


def committed(state: StreamState, transfer: int, after: timedelta) -> StreamState:
    """Commit nothing new, as an activity or run does that said so at a time."""
    position, sent_at = state.position, NOW + after
    done = Commit(state.fence, state.moves, sent_at, 900, position, None, 0, recovered=False, transfer=transfer)
    state, accepted = commit(state, done)
    assert accepted
    return state


def test_the_time_of_work_never_goes_back() -> None:
    """Otherwise another run would be granted the stream beside an activity that was given it later."""
    state = committed(begun(StreamState())[0], 0, timedelta(seconds=20))
    assert (state.active_at, state.work_ends_at) == (LATER, LATER + timedelta(seconds=150))
    late = committed(state, 0, timedelta(seconds=5))
    assert (late.active_at, late.work_ends_at, late.lease_until) == (LATER, state.work_ends_at, state.lease_until)


def test_the_number_of_the_transfer_never_goes_back() -> None:
    """Otherwise the last word of an earlier activity would count for the one at work."""
    state = committed(begun(StreamState())[0], 2, timedelta(seconds=20))
    assert committed(state, 1, timedelta(seconds=5)).transfer == 2


def test_transfers_are_counted_from_the_grant() -> None:
    """The next run's first transfer is not taken for one that is over."""
    state = committed(begun(StreamState())[0], 3, timedelta(0))
    again, granted = begun(released(state, state.fence)[0], "poll-2", LATER)
    assert (granted, again.transfer) == (True, 0)
