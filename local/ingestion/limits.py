"""Limits of the Logs Ingestion API. Source: Azure Monitor service limits, "Logs Ingestion API"."""

import math
import time
from collections import deque
from collections.abc import Callable

CALL_BYTES = 1_048_576
"""Maximum size of one call's body, compressed and, separately, uncompressed."""

REQUESTS_PER_MINUTE = 12_000
"""Maximum number of requests a minute for a data collection rule."""

BYTES_PER_MINUTE = 2 * 1024**3
"""Maximum amount of data a minute for a data collection rule; uncompressed bytes are counted here."""

WINDOW_SECONDS = 60.0


class MinuteBudget:
    """Requests and bytes that one data collection rule may take in any sixty seconds."""

    def __init__(self, requests: int, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives seconds."""
        self._requests = requests
        self._size = size
        self._clock = clock
        self._taken: deque[tuple[float, int]] = deque()
        self._taken_size = 0

    def take(self, size: int) -> int:
        """Take one request of ``size`` bytes; 0 if it fits, otherwise the seconds until the oldest one expires.

        What did not fit is not counted.
        """
        now = self._clock()
        while self._taken and self._taken[0][0] <= now - WINDOW_SECONDS:
            self._taken_size -= self._taken.popleft()[1]
        if len(self._taken) >= self._requests or self._taken_size + size > self._size:
            oldest = self._taken[0][0] if self._taken else now
            return max(1, math.ceil(oldest + WINDOW_SECONDS - now))
        self._taken.append((now, size))
        self._taken_size += size
        return 0
