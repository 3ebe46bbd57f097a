"""Stop worker processes at random, as a starved machine does: `--pauses` for the whole suite.

Each worker process that runs below a test process is stopped (SIGSTOP) for up to three seconds, again and again. Linux
only, since the processes are found in /proc.
"""

import os
import signal
import threading
from pathlib import Path
from random import Random
from typing import Final, Self

import pytest

# What the command line of each worker process has (local/host/worker.py).
_WORKER: Final = b"local.host.worker_main"
_LONGEST_PAUSE: Final = 3.0
_LONGEST_RUN: Final = 6.0


def add_option(parser: pytest.Parser) -> None:
    """Add `--pauses`."""
    parser.addoption(
        "--pauses",
        metavar="SEED",
        help="stop the worker process of each host at random, for up to three seconds at a time (Linux)",
    )


class Pauses:
    """A thread that stops one worker process of this process after the other.

    :ivar taken: how many stops there have been.
    """

    def __init__(self, seed: str, *, longest_run: float = _LONGEST_RUN, longest_pause: float = _LONGEST_PAUSE) -> None:
        self.taken = 0
        self._random = Random(seed)
        self._longest_run = longest_run
        self._longest_pause = longest_pause
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pauses", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(self._random.uniform(0, self._longest_run)):
            if workers := sorted(_workers(os.getpid())):
                self._pause(self._random.choice(workers))

    def _pause(self, pid: int) -> None:
        try:
            process = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            signal.pidfd_send_signal(process, signal.SIGSTOP)
            self.taken += 1
            self._ending.wait(self._random.uniform(0, self._longest_pause))
            signal.pidfd_send_signal(process, signal.SIGCONT)
        except ProcessLookupError:
            return  # it ended, or was killed, meanwhile
        finally:
            os.close(process)


def _workers(root: int) -> list[int]:
    """Find the worker processes among a process's descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _read(entry / "stat")):
            parent = int(stat.rpartition(b")")[2].split()[1])  # proc(5)
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        waiting += below
        found += [pid for pid in below if _WORKER in _read(Path(f"/proc/{pid}/cmdline"))]
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
