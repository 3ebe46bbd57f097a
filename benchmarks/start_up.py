"""What a cold start costs: import and indexing, against an app that has nothing in it, and what is imported when."""

import compileall
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.connector import package, poll, worker
from benchmarks.remotes import BenchmarkRemotes
from deploy.package import LIBRARIES
from local.host.process_usage import cpu_seconds, resident_bytes

_EMPTY: Final = "import azure.durable_functions as df\n\napp = df.DFApp()\n"
_IMPORT: Final = """
import sys
sys.path[:0] = [{libraries!r}]
sys.path.append({app!r})
import azure_functions_runtime, azure.durable_functions
print("the app from here on", file=sys.stderr)
import function_app
"""
_IMPORT_TIME: Final = re.compile(r"import time: +(\d+) \| +(\d+) \| ( *)(\S+)")
_LISTED: Final = 6


@dataclass(frozen=True, slots=True)
class Start:
    """One start: CPU until the app is indexed, CPU of its first poll, which finds nothing; memory after either."""

    indexed_seconds: float
    first_poll_seconds: float
    indexed_bytes: int
    idle_bytes: int


async def start_up(remotes: BenchmarkRemotes, rounds: int) -> dict[str, Any]:
    """Start both in turn; medians, and the ratio as the median of each round's."""
    app = package()
    with TemporaryDirectory() as folder:
        empty = _empty_app(app, Path(folder))
        full_starts, empty_starts = [], []
        for _ in range(rounds):
            full_starts.append(await _start(app, remotes, polls=True))
            empty_starts.append(await _start(empty, remotes, polls=False))
    pairs = zip(full_starts, empty_starts, strict=True)
    return {
        "indexed_seconds": median(start.indexed_seconds for start in full_starts),
        "empty_seconds": median(start.indexed_seconds for start in empty_starts),
        "times_empty": median(full.indexed_seconds / empty.indexed_seconds for full, empty in pairs),
        "first_poll_seconds": median(start.first_poll_seconds for start in full_starts),
        "indexed_bytes": median(start.indexed_bytes for start in full_starts),
        "empty_bytes": median(start.indexed_bytes for start in empty_starts),
        "idle_bytes": median(start.idle_bytes for start in full_starts),
        "slowest_imports": slowest_imports(app),
    }


async def _start(app: Path, remotes: BenchmarkRemotes, *, polls: bool) -> Start:
    async with worker(app, remotes.app_settings) as host:
        pid = host.worker.pid
        assert pid is not None
        indexed, memory = cpu_seconds(pid), resident_bytes(pid)
        if polls:
            remotes.begin(0)
            await poll(host, "poll-1")
        return Start(indexed, cpu_seconds(pid) - indexed, memory, resident_bytes(pid))


def _empty_app(app: Path, folder: Path) -> Path:
    """Make an app with the same host.json and libraries, their bytecode too."""
    shutil.copy(app / "host.json", folder)
    (folder / ".python_packages").symlink_to(app / ".python_packages")
    (folder / "function_app.py").write_text(_EMPTY, encoding="utf-8")
    compileall.compile_file(folder / "function_app.py", quiet=1)
    return folder


def slowest_imports(app: Path) -> list[dict[str, Any]]:
    """List the imports that take longest beyond those of the worker and the durable library, in milliseconds.

    What a module imports counts for it, unless something before it did.
    """
    script = _IMPORT.format(libraries=str(app / LIBRARIES), app=str(app))
    command = [sys.executable, "-S", "-X", "importtime", "-c", script]
    environment = {"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    _, _, own = done.stderr.partition("the app from here on")
    found = [(int(total) / 1000, name) for _, total, _, name in _IMPORT_TIME.findall(own)]
    return [{"module": name, "milliseconds": total} for total, name in sorted(found, reverse=True)[:_LISTED]]
