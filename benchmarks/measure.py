"""What a run costs, and on which core a process runs."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from local.host.process_usage import resident_bytes

_CORES = sorted(os.sched_getaffinity(0))
# The remotes and the durable engine have a core, who is measured has another: what one does slows the other less.
REMOTES_CORE = _CORES[0]
CLIENT_CORE = _CORES[-1]
_LOOK_SECONDS: Final = 0.005


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Run this thread, and the processes that it starts meanwhile, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@dataclass(frozen=True, slots=True)
class Run:
    """What one run cost: CPU of all threads, the time that passed, and the most memory that was resident."""

    cpu_seconds: float
    seconds: float
    peak_bytes: int


@contextmanager
def watch_peak(pid: int) -> Iterator[Callable[[], int]]:
    """Look at a process's memory until the block ends, every few milliseconds; gives what tells the most seen."""
    most, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_SECONDS):
            most[0] = max(most[0], resident_bytes(pid, peak=True))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield lambda: most[0]
    finally:
        over.set()
        watcher.join()
