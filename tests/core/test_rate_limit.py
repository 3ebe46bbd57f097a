"""The request quota is kept on this side of the wire."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.onepassword.rates import RequestRate
from local.onepassword.timestamps import SECOND
from onepassword_sentinel.errors import ThrottledError
from onepassword_sentinel.rate_limit import RequestQuota

# Seconds: a clock moved on by the wait that it was told may be short of the moment by a rounding.
ROUNDING = 1e-9


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
    quota = RequestQuota(((3, 10.0), (8, 60.0)), clock=clock, max_wait=ROUNDING, jitter=0.0)

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


async def test_1password_never_counts_more_than_its_limit() -> None:
    """However long single requests are on their way, a client at its limit meets no 429 for which it is to blame."""
    clock, rate = Clock(), RequestRate(600, 30_000)
    quota = RequestQuota(clock=clock, max_wait=ROUNDING)
    arrivals: list[float] = []
    for number in range(1_800):
        try:
            await quota.acquire()
        except ThrottledError as error:
            clock.now += error.retry_after
            await quota.acquire()
        # Those of one minute are slow on their way, those of the next are fast.
        arrivals.append(clock.now + 0.9 * (number // 600 % 2 == 0))
    assert all(rate.admit(int(arrival * SECOND)) for arrival in sorted(arrivals))
    assert clock.now < 123


async def test_a_short_wait_is_waited_out() -> None:
    """A caller does not notice a wait that is within bounds."""
    clock = asyncio.get_running_loop().time
    quota = RequestQuota(((1, 0.02),), clock=clock, max_wait=1.0, jitter=0.0)
    started = clock()
    await quota.acquire()
    await quota.acquire()
    assert clock() - started >= 0.02


async def test_a_long_wait_is_the_callers_affair() -> None:
    """Nobody sits in an activity for an hour: the error says when to come back."""
    quota = RequestQuota(((1, 60.0),), clock=Clock(), max_wait=1.0, jitter=0.0)
    await quota.acquire()
    with pytest.raises(ThrottledError) as caught:
        await quota.acquire()
    assert caught.value.retry_after == 60


async def test_streams_that_wait_get_equal_shares() -> None:
    """Whoever asks first is served first: a stream with a backlog does not push the others aside."""
    quota = RequestQuota(((2, 0.02),), max_wait=5.0, jitter=0.0)
    served: list[str] = []

    async def stream(name: str) -> None:
        for _ in range(6):
            await quota.acquire()
            served.append(name)

    await asyncio.gather(*(stream(name) for name in "abc"))
    shares = [Counter(served[:count]) for count in range(1, 17)]
    # The first to ask is two ahead before the others have begun; from then on they take turns.
    assert all(max(share.values()) - min(share[name] for name in "abc") <= 3 for share in shares)


async def test_a_pause_holds_every_stream_of_the_account() -> None:
    """1Password asked to be left alone: a short pause is waited out, a long one is the callers' affair."""
    clock = asyncio.get_running_loop().time
    quota = RequestQuota(clock=clock, max_wait=1.0)
    quota.pause(0.02)
    started = clock()
    await quota.acquire()
    assert clock() - started >= 0.02
    quota = RequestQuota(clock=Clock(), max_wait=1.0)
    quota.pause(60)
    with pytest.raises(ThrottledError, match="asked for a pause") as caught:
        await quota.acquire()
    assert caught.value.retry_after == 60
