"""Time limits that a slow machine, or a process that was stopped for a while, reaches without loss.

An expired timer is no proof that a remote is late. A process that was stopped (SIGSTOP, a frozen virtual machine) wakes
up in the event loop's wait, which Python ends without a look at the sockets once its time is over. The timers fire
first then, although the answer has long arrived.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from onepassword_sentinel.errors import TransientError

# Seconds for one upload, from connecting to the acknowledgement.
UPLOAD_LIMIT: Final = 60.0
# Seconds between two looks at what is waited for.
_LONGEST_SLICE: Final = 1.0
_LEAST_SLICES: Final = 4


async def running_time_limit[T](work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Wait for work at most `seconds` in which this process ran; only then cancel it.

    Time is counted in slices of up to a second, so a stop counts as one, however long it was. The last slice is a look
    at what arrived in the one before.

    Raises:
        TimeoutError: the work has not ended in time.

    """
    task = asyncio.ensure_future(work)
    slices = max(_LEAST_SLICES, math.ceil(seconds / _LONGEST_SLICE))
    try:
        for _ in range(slices):
            await asyncio.wait((task,), timeout=seconds / slices)
            if task.done():
                return task.result()
        raise TimeoutError
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))


class CutOffError(TransientError):
    """An activity has reached its cut-off; what it had begun is done, and the next one goes on."""


@dataclass(frozen=True, slots=True)
class CutOff:
    """When an activity that began at a time of the clock begins nothing more.

    The clock has to go on while the process is stopped, as Linux's monotonic one does: an activity that wakes up late
    must not upload what another run delivers by now.

    Attributes:
        seconds: after so many, reads are cut off, and no upload begins.
        limit: after so many, all has to be over.

    """

    began: float
    seconds: float
    limit: float
    clock: Callable[[], float] = time.monotonic

    def check(self) -> None:
        """Raise if the time has come.

        Raises:
            CutOffError: it has.

        """
        if self._left(self.seconds) <= 0:
            raise self._error()

    async def read[T](self, work: Awaitable[T]) -> T:
        """Wait for a read until the time has come, and cancel it then: never for what changes anything.

        Raises:
            CutOffError: it has not ended.

        """
        expiry = asyncio.timeout(self._left(self.seconds))
        try:
            async with expiry:
                return await work
        except TimeoutError as error:
            if not expiry.expired():
                raise
            raise self._error() from error

    def tidying(self) -> asyncio.Timeout:
        """Bound what is left to do after the last upload, and may be left undone."""
        return asyncio.timeout(max(0.0, self._left(self.limit)))

    def _left(self, seconds: float) -> float:
        return self.began + seconds - self.clock()

    def _error(self) -> CutOffError:
        return CutOffError(f"cut off after {self.seconds:.0f} s, remotes are too slow")


NO_CUT_OFF: Final = CutOff(0.0, math.inf, math.inf)
