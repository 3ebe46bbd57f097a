"""The remotes of a benchmark as its driver sees them: where they listen, and what was asked and delivered."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.measure import REMOTES_CORE, on_core
from benchmarks.servers import BUNDLE
from local.app_settings import DEFAULTS
from local.identity import ManagedIdentitySimulator

ROOT: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the servers saw: requests by what was asked for, bytes of the uploads, heads included, and their events."""

    requests: Mapping[str, int]
    upload_bytes: int
    events: int

    @property
    def all_requests(self) -> int:
        """Those to both remotes."""
        return sum(self.requests.values())


class BenchmarkRemotes:
    """Both servers, and the managed identity endpoint; `folder` is for what is written meanwhile."""

    def __init__(self, process: "subprocess.Popen[str]", identity: ManagedIdentitySimulator, folder: Path) -> None:
        self._process = process
        self._identity = identity
        self.folder = folder
        self._said: dict[str, Any] = self._read()

    def begin(self, pages: int) -> Seen:
        """Have so many pages of each event type from now on; tell what was seen since the last time."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"pages": pages}) + "\n")
        self._process.stdin.flush()
        return Seen(**self._read())

    @property
    def app_settings(self) -> dict[str, str]:
        """Settings of the connector: the ordinary ones."""
        return {
            **DEFAULTS,
            **self._trust,
            "ONEPASSWORD_TOKEN": self._said["token"],
            "LOGS_INGESTION_ENDPOINT": self._said["url"],
            "LOGS_INGESTION_RULE_ID": f"dcr-{0:032}",
        }

    def environment(self, output: Path) -> dict[str, str]:
        """Environment of a contestant that is a program of its own."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **inherited,
            **self._trust,
            "BENCH_URL": self._said["url"],
            "BENCH_TOKEN": self._said["token"],
            "BENCH_OUTPUT": str(output),
        }

    @property
    def _trust(self) -> dict[str, str]:
        bundle = str(self.folder / BUNDLE)
        return {"SSL_CERT_FILE": bundle, "REQUESTS_CA_BUNDLE": bundle, **self._identity.settings()}

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said


@asynccontextmanager
async def remotes() -> AsyncIterator[BenchmarkRemotes]:
    """Start the servers on a core of their own, and end them."""
    identity = ManagedIdentitySimulator()
    with TemporaryDirectory() as name:
        await identity.start()
        process = _start_servers(name)
        try:
            yield await asyncio.to_thread(BenchmarkRemotes, process, identity, Path(name))
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await asyncio.to_thread(process.wait)
            assert process.stdout is not None
            process.stdout.close()
            await identity.stop()


def _start_servers(folder: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "benchmarks.servers", folder]
    with on_core(REMOTES_CORE):
        return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
