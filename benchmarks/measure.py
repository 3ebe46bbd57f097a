"""What a process costs: its CPU time to the nanosecond, its memory, and on which core it runs."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

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


def cpu_seconds(pid: int) -> float:
    """Read the CPU time of a process of this machine, user and system, all its threads together.

    It is the process's own clock (clock_getcpuclockid(3)); /proc would give it in hundredths of a second.
    """
    return time.clock_gettime(~pid << 3 | 2)


def resident_bytes(pid: int, *, peak: bool = False) -> int:
    """Read the resident memory of a process, as it is or as it was at most."""
    name = "VmHWM:" if peak else "VmRSS:"
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


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
            with suppress(OSError):
                most[0] = max(most[0], resident_bytes(pid, peak=True))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield lambda: most[0]
    finally:
        over.set()
        watcher.join()
