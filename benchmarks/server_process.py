"""Servers in a process of their own: started on their core, asked line by line, ended with their standard input."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import REMOTES_CORE, on_core

ROOT: Final = Path(__file__).resolve().parents[1]
_STOP_SECONDS: Final = 10.0


class ServerProcess:
    """One of the server programs; `told` is what it said first: where it listens, and which tokens it takes."""

    def __init__(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
        with on_core(REMOTES_CORE):
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        self.told: dict[str, Any] = self._read()

    def ask(self, line: str = "") -> dict[str, Any]:
        """Send a line, and return the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._read()

    def stop(self) -> None:
        """End the process."""
        self._process.communicate(timeout=_STOP_SECONDS)

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said
