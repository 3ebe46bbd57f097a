"""How long the local environment waits before it gives up: one factor, which the machine's own speed sets.

The factor scales limits. What a test claims never depends on it.
"""

import asyncio
import functools
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

# Overrides the measurement, for instance PATIENCE=5.
VARIABLE: Final = "PATIENCE"
_LARGEST: Final = 10.0
# The machine on which the limits were chosen: its CPU time for the calibration, and its cores.
_REFERENCE_SECONDS: Final = 0.009
_REFERENCE_CORES: Final = 2
_LOOPS: Final = 50_000
_ROUNDS: Final = 3
_LOOK_SECONDS: Final = 0.005


@functools.cache
def factor() -> float:
    """Tell how many times longer than the reference machine this one may take; measured once per process.

    Raises:
        ValueError: the environment variable is not a positive number.

    """
    if text := os.environ.get(VARIABLE):
        chosen = float(text)
        if not chosen > 0:
            raise ValueError(f"{VARIABLE} must be a positive number, not {text}")
        return chosen
    rounds = [_calibrate() for _ in range(_ROUNDS)]
    slowness = min(cpu for _, cpu in rounds) / _REFERENCE_SECONDS
    # The load average lags behind, and a short calibration may be lucky: believe the worse of the two.
    waiting = max(wall / cpu for wall, cpu in rounds)
    crowding = (os.getloadavg()[0] + _REFERENCE_CORES) / (os.process_cpu_count() or 1)
    return bounded(slowness * max(waiting, crowding))


def bounded(measured: float) -> float:
    """Keep a measured factor within its bounds: no machine gets less than the reference machine."""
    return min(max(measured, 1.0), _LARGEST)


def within(seconds: float) -> float:
    """Scale a limit that suits the reference machine."""
    return seconds * factor()


async def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something has happened.

    Raises:
        TimeoutError: it has not, within the scaled limit.

    """
    async with asyncio.timeout(within(seconds)):
        while not condition():  # noqa: ASYNC110  # what is waited for happens in other processes
            await asyncio.sleep(_LOOK_SECONDS)


async def until_past(time_to_come: datetime) -> None:
    """Wait until the wall clock shows a later time; an event loop's clock may be ahead of it."""
    while (left := (time_to_come - datetime.now(UTC)).total_seconds()) >= 0:  # noqa: ASYNC110  # time announces nothing
        await asyncio.sleep(left + _LOOK_SECONDS)


async def next_second() -> None:
    """Wait for the turn of the second: instance ids count in seconds."""
    second = datetime.now(UTC).replace(microsecond=0)
    await until(lambda: datetime.now(UTC).replace(microsecond=0) > second)


def _calibrate() -> tuple[float, float]:
    """Do a fixed amount of work; tell its wall time and its CPU time in seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    total = 0
    for number in range(_LOOPS):
        total += number * number % 7
    return time.perf_counter() - wall, max(time.process_time() - cpu, 1e-6)
