"""Limits that a slow machine can reach tear nothing that may be at its end already."""

import asyncio
import socket
import time

import pytest

from onepassword_sentinel.payloads import Pacing
from onepassword_sentinel.time_limits import running_time_limit


async def test_what_ends_in_time_gives_its_result_or_its_error() -> None:
    """As if there were no limit."""

    async def fail() -> None:
        raise LookupError

    assert await running_time_limit(asyncio.sleep(0, "done"), 60) == "done"
    with pytest.raises(LookupError):
        await running_time_limit(fail(), 60)


async def test_what_does_not_end_is_cancelled_after_its_limit() -> None:
    """Nothing of it goes on behind the caller's back."""
    ended = []

    async def hang() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            ended.append(True)

    with pytest.raises(TimeoutError):
        await running_time_limit(hang(), 0.05)
    assert ended


async def test_a_caller_that_is_cancelled_cancels_it() -> None:
    """A worker that ends waits for nothing."""
    ended, begun = [], asyncio.Event()

    async def hang() -> None:
        try:
            begun.set()
            await asyncio.sleep(600)
        finally:
            ended.append(True)

    waiting = asyncio.create_task(running_time_limit(hang(), 60))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended


async def test_an_answer_that_is_there_counts_though_the_loop_was_blocked() -> None:
    """A starved process looks at the socket before it gives up."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)  # noqa: FBT003  # the only way to say it

    def block() -> None:
        theirs.send(b"204")
        time.sleep(0.4)

    with ours, theirs:
        loop = asyncio.get_running_loop()
        loop.call_soon(block)
        assert await running_time_limit(loop.sock_recv(ours, 3), 0.1) == b"204"


@pytest.mark.parametrize(
    ("pacing", "seconds"),
    [(Pacing(), 90.0), (Pacing(transfer_limit=2.0), 1.0), (Pacing(transfer_limit=5.0, upload_limit=2.0), 3.0)],
    ids=["default", "short", "short uploads"],
)
def test_the_last_upload_of_an_activity_ends_within_its_limit(pacing: Pacing, seconds: float) -> None:
    """Its stream may be another run's after that; but some of a short limit is left to work in."""
    cut_off = pacing.cut_off(7.0, pacing.transfer_limit)
    assert (cut_off.began, cut_off.seconds, cut_off.limit) == (7.0, seconds, pacing.transfer_limit)
    # One that begins late has less.
    assert pacing.cut_off(7.0, 100.0).seconds == 100.0 - pacing.upload_limit
