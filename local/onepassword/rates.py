"""The API's request limits: sliding windows of a minute and of an hour."""

from collections import deque

from local.onepassword.timestamps import HOUR, MINUTE


class RequestRate:
    """Counts the requests of one account (1Password docs, events-api/rate-limits: 600/min and 30,000/h).

    Whether a limit is per account or per token is not documented; per account is the stricter reading.
    A refused request does not count.
    """

    def __init__(self, per_minute: int, per_hour: int) -> None:
        self._windows = ((MINUTE, per_minute, deque[int]()), (HOUR, per_hour, deque[int]()))

    def admit(self, now: int) -> bool:
        """Count a request, or refuse it; ``now`` in nanoseconds since 1970."""
        for span, _, times in self._windows:
            while times and times[0] <= now - span:
                times.popleft()
        if any(len(times) >= most for _, most, times in self._windows):
            return False
        for _, _, times in self._windows:
            times.append(now)
        return True
