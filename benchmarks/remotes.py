"""The remotes of a benchmark as its driver sees them: where they listen, and what was asked and delivered."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.server_process import ServerProcess
from benchmarks.servers import BUNDLE
from local.app_settings import DEFAULTS
from local.identity import ManagedIdentitySimulator


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

    def __init__(self, servers: ServerProcess, identity: ManagedIdentitySimulator, folder: Path) -> None:
        self._servers = servers
        self._identity = identity
        self.folder = folder

    def begin(self, pages: int) -> Seen:
        """Have so many pages of each event type from now on; tell what was seen since the last time."""
        return Seen(**self._servers.ask(json.dumps({"pages": pages})))

    @property
    def app_settings(self) -> dict[str, str]:
        """Settings of the connector: the ordinary ones."""
        return {
            **DEFAULTS,
            **self._trust,
            "ONEPASSWORD_TOKEN": self._servers.told["token"],
            "LOGS_INGESTION_ENDPOINT": self._servers.told["url"],
            "LOGS_INGESTION_RULE_ID": f"dcr-{0:032}",
        }

    def environment(self, output: Path) -> dict[str, str]:
        """Environment of a contestant that is a program of its own."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **inherited,
            **self._trust,
            "BENCH_URL": self._servers.told["url"],
            "BENCH_TOKEN": self._servers.told["token"],
            "BENCH_OUTPUT": str(output),
        }

    @property
    def _trust(self) -> dict[str, str]:
        bundle = str(self.folder / BUNDLE)
        return {"SSL_CERT_FILE": bundle, "REQUESTS_CA_BUNDLE": bundle, **self._identity.settings()}


@asynccontextmanager
async def remotes() -> AsyncIterator[BenchmarkRemotes]:
    """Start the servers on a core of their own, and end them."""
    identity = ManagedIdentitySimulator()
    with TemporaryDirectory() as name:
        await identity.start()
        servers = await asyncio.to_thread(ServerProcess, "servers", name)
        try:
            yield BenchmarkRemotes(servers, identity, Path(name))
        finally:
            await asyncio.to_thread(servers.stop)
            await identity.stop()
