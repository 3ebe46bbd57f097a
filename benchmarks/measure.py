"""What a process costs: its CPU time to the nanosecond, its memory, and on which core it runs."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CORES = sorted(os.sched_getaffinity(0))
# The remotes and the durable engine have a core, who is measured has another: what one does slows the other less.
REMOTES_CORE = _CORES[0]
CLIENT_CORE = _CORES[-1]


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
