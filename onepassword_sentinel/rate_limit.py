"""The Events API's request quota, kept on the client's side so that it is not run into."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from onepassword_sentinel.errors import ThrottledError

# 600 requests a minute and 30,000 an hour (1Password Events API, rate limits). The scope is not documented; one
# account's streams share it here, which is right for either reading.
EVENTS_API_QUOTA: Final = ((600, 60.0), (30_000, 3600.0))


class RequestQuota:
    """Sliding windows over the requests of one account; a request waits for its place in all of them.

    A sliding window admits no more than a fixed one does, so it is safe however the remote counts.
    """

    def __init__(
        self,
        windows: tuple[tuple[int, float], ...] = EVENTS_API_QUOTA,
        *,
        clock: Callable[[], float] = time.monotonic,
        max_wait: float = 30.0,
    ) -> None:
        self._windows = windows
        self._clock = clock
        self._max_wait = max_wait
        self._sent: deque[float] = deque(maxlen=max(limit for limit, _ in windows))

    async def acquire(self) -> None:
        """Wait for a place, at most `max_wait` seconds in all.

        Raises:
            ThrottledError: it would take longer; the caller had better come back later.

        """
        waited = 0.0
        while delay := self._delay():
            if waited + delay > self._max_wait:
                raise ThrottledError("this app has used up 1Password's request quota for now", retry_after=delay)
            await asyncio.sleep(delay)
            waited += delay
        self._sent.append(self._clock())

    def _delay(self) -> float:
        now = self._clock()
        # A window is full while its limit-th newest request is younger than its length.
        waits = (self._sent[-limit] + seconds - now for limit, seconds in self._windows if len(self._sent) >= limit)
        return max(0.0, *waits, 0.0)
