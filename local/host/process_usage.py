"""What a process has used of the machine. Linux only: elsewhere, and of a process that has ended, everything is 0."""

import time
from pathlib import Path


def cpu_seconds(pid: int | None) -> float:
    """Return the CPU time of a process, user and system, all its threads together.

    It is the process's own clock (clock_getcpuclockid(3)); /proc would give it in hundredths of a second.
    """
    if pid is None:
        return 0.0
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


def resident_bytes(pid: int | None, *, peak: bool = False) -> int:
    """Return the resident memory of a process, as it is or as it was at most."""
    name = "VmHWM:" if peak else "VmRSS:"
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(name)), 0)
