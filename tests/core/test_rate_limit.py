"""The request quota is kept on this side of the wire."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onepassword_sentinel.errors import ThrottledError
from onepassword_sentinel.rate_limit import RequestQuota


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(0, 30), max_size=60))
def test_no_window_ever_holds_more_than_its_limit(pauses: list[float]) -> None:
    """However requests are spread, each window admits at most its number."""
    clock, sent = Clock(), []
    quota = RequestQuota(((3, 10.0), (8, 60.0)), clock=clock, max_wait=0.0)

    async def send() -> None:
        for pause in pauses:
            clock.now += pause
            try:
                await quota.acquire()
            except ThrottledError as error:
                clock.now += error.retry_after
                await quota.acquire()
            sent.append(clock.now)

    asyncio.run(send())
    assert len(sent) == len(pauses)
    for limit, seconds in ((3, 10.0), (8, 60.0)):
        assert all(later - earlier >= seconds - 1e-6 for earlier, later in zip(sent, sent[limit:], strict=False))


async def test_a_short_wait_is_waited_out() -> None:
    """A caller does not notice a wait that is within bounds."""
    clock = asyncio.get_running_loop().time
    quota = RequestQuota(((1, 0.02),), clock=clock, max_wait=1.0)
    started = clock()
    await quota.acquire()
    await quota.acquire()
    assert clock() - started >= 0.02


async def test_a_long_wait_is_the_callers_affair() -> None:
    """Nobody sits in an activity for an hour: the error says when to come back."""
    quota = RequestQuota(((1, 60.0),), max_wait=1.0)
    await quota.acquire()
    with pytest.raises(ThrottledError) as caught:
        await quota.acquire()
    assert 59 < caught.value.retry_after <= 60
