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
# Seconds by which a request may be faster on its way than one before it. The 429 that it would meet otherwise costs a
# minute: without this, a million events took 154 s in place of 94.
_JITTER: Final = 1.0


class RequestQuota:
    """Sliding windows over the requests of one account, whose streams are served in the order in which they ask.

    A request is given its place in all windows when it asks, so that none is overtaken: streams that each wait for one
    request at a time get equal shares. A sliding window admits no more than a fixed one does, so it is safe however the
    remote counts; and what is sent a window apart arrives within less if the later request is faster on its way, so the
    windows are `jitter` seconds longer here.
    """

    def __init__(
        self,
        windows: tuple[tuple[int, float], ...] = EVENTS_API_QUOTA,
        *,
        clock: Callable[[], float] = time.monotonic,
        max_wait: float = 30.0,
        jitter: float = _JITTER,
    ) -> None:
        self._windows = tuple((limit, seconds + jitter) for limit, seconds in windows)
        self._clock = clock
        self._max_wait = max_wait
        self._places: deque[float] = deque(maxlen=max(limit for limit, _ in windows))
        self._not_before = 0.0

    async def acquire(self) -> None:
        """Wait for a place, at most `max_wait` seconds.

        Raises:
            ThrottledError: it would take longer; the caller had better come back later.

        """
        now = self._clock()
        # A window is full while its limit-th newest request is younger than its length.
        full = (self._places[-limit] + seconds for limit, seconds in self._windows if len(self._places) >= limit)
        place = max(now, self._not_before, *full)
        if place - now > self._max_wait:
            raise ThrottledError(
                "1Password's request quota is used up for now, or it has asked for a pause", retry_after=place - now
            )
        self._places.append(place)
        if place > now:
            await asyncio.sleep(place - now)

    def pause(self, seconds: float) -> None:
        """Let nobody ask for so long: 1Password wants to be left alone, and all streams share its quota."""
        self._not_before = max(self._not_before, self._clock() + seconds)
