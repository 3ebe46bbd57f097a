"""The connector as it is deployed: the package, unzipped, in Microsoft's worker, under the local Functions host."""

import asyncio
import atexit
import shutil
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Final
from zipfile import ZipFile

from benchmarks.measure import CLIENT_CORE, REMOTES_CORE, Run, on_core
from benchmarks.remotes import BenchmarkRemotes
from benchmarks.server_process import ROOT
from deploy.package import build
from deploy.publication import PACKAGES
from local.host import FunctionsHost, Instance, RuntimeStatus
from local.host.process_usage import cpu_seconds, resident_bytes

_POLL_SECONDS: Final = 300.0


@cache
def package() -> Path:
    """Build the package, and unzip it as Azure does."""
    folder = Path(mkdtemp(prefix="onepassword-sentinel-"))
    atexit.register(shutil.rmtree, folder)
    build(ROOT, folder)
    app = folder / "wwwroot"
    with ZipFile(folder / PACKAGES["AzureStorage"]) as archive:
        archive.extractall(app)
    return app


@asynccontextmanager
async def worker(app: Path, settings: Mapping[str, str], log: Path | None = None) -> AsyncIterator[FunctionsHost]:
    """Run an app; its worker has a core of its own, the host and the durable engine share the other."""
    with on_core(CLIENT_CORE):
        host = FunctionsHost(app, settings, log_path=log)
        await host.start()
    try:
        with on_core(REMOTES_CORE):
            yield host
    finally:
        await host.stop()


async def poll(host: FunctionsHost, instance_id: str) -> Instance:
    """Poll once, as the timer does.

    :raises RuntimeError: it did not end healthy.
    """
    host.client.start("poll", {"v": 1}, instance_id)
    ended = await host.client.wait_for(instance_id, _POLL_SECONDS)
    if ended.status is not RuntimeStatus.COMPLETED or not ended.output["healthy"]:
        raise RuntimeError(f"{instance_id} ended as {ended.status}: {ended.error_message or ended.output}")
    return ended


async def run_connector(remotes: BenchmarkRemotes, output: Path, pages: int) -> Run:
    """Poll with a fresh worker, after a poll that finds nothing and is not counted: it imports, and signs in."""
    async with worker(await asyncio.to_thread(package), remotes.app_settings, output.with_suffix(".log")) as host:
        pid = host.worker.pid
        assert pid is not None
        remotes.begin(0)
        await poll(host, "poll-1")
        remotes.begin(pages)
        before, started = cpu_seconds(pid), time.monotonic()
        await poll(host, "poll-2")
        return Run(cpu_seconds(pid) - before, time.monotonic() - started, resident_bytes(pid, peak=True))
