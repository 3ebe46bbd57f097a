"""Dataclasses pass through orchestrations and entities as plain dicts, in whatever threads the platform runs them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# A class is taken to pieces once in a process, so each try needs one of its own.
READ_IN_THREADS = """
import sys, threading
from onepassword_sentinel.payloads import DrainRequest
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.wire import from_wire

sys.setswitchinterval(1e-6)
together = threading.Barrier(8)

def read():
    together.wait()
    for cls in (StreamState, DrainRequest):
        try:
            from_wire(cls, {})
        except ValueError:
            pass

threads = [threading.Thread(target=read) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_threads_may_read_a_class_for_the_first_time_at_once() -> None:
    """A cold start has three streams begin at the same moment; none of them ends the process."""
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", READ_IN_THREADS], cwd=ROOT, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
