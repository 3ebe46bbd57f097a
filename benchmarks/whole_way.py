"""The whole way, timer to rows, as the backlog grows: time is to grow with it, memory and histories are not.

1Password, the identity endpoint and Logs Ingestion are those of the local environment: rows land in a table, and lost
and doubled events are counted there. 1Password's quota holds, on both sides: 600 requests a minute.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.connector import package, worker
from benchmarks.pages import STREAMS
from benchmarks.server_process import ROOT
from local.accounting import account_for
from local.host.process_usage import cpu_seconds, resident_bytes
from local.polling import Polls
from local.simulators import Simulators

BACKLOGS: Final = (10_000, 30_000, 100_000, 300_000, 1_000_000)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a backlog took: until nothing waited any more, after a first poll that found nothing and is not counted.

    `longest_history` is the number of events in the longest history of an orchestration.
    """

    events: int
    polls: int
    seconds: float
    cpu_seconds: float
    idle_bytes: int
    peak_bytes: int
    longest_history: int
    lost: int
    doubled: int


async def whole_way(say: Callable[[str], None], backlogs: tuple[int, ...] = BACKLOGS) -> list[dict[str, Any]]:
    """Deliver each backlog with a fresh worker."""
    found = []
    for events in backlogs:
        backlog = await _deliver(events)
        say(f"{events:,} events in {backlog.seconds:.1f} s, {backlog.cpu_seconds:.2f} s of CPU")
        found.append(asdict(backlog))
    return found


async def _nothing() -> None:
    return


async def _deliver(events: int) -> Backlog:
    each = -(-events // STREAMS)
    with TemporaryDirectory() as folder:
        simulators = Simulators({}, app_dir=ROOT, state_dir=Path(folder), events=0, seed=7)
        async with simulators, worker(package(), simulators.settings, Path(folder) / "app.log") as host:
            source, workspace, pid = simulators.onepassword, simulators.workspace, host.worker.pid
            assert source is not None
            assert workspace is not None
            assert pid is not None
            polls = Polls(host)
            await polls.catch_up(_nothing)
            for stream in source.features:
                source.add_events(stream, each)
            before, idle, first, started = cpu_seconds(pid), resident_bytes(pid), polls.count, time.monotonic()
            await polls.catch_up(_nothing)
            seconds, used = time.monotonic() - started, cpu_seconds(pid) - before
            if polls.problems:
                raise RuntimeError("; ".join(polls.problems))
            accounts = [account_for(stream, source, workspace) for stream in source.features]
            return Backlog(
                events=each * STREAMS,
                polls=polls.count - first,
                seconds=seconds,
                cpu_seconds=used,
                idle_bytes=idle,
                peak_bytes=resident_bytes(pid, peak=True),
                longest_history=max(len(host.client.history(run.instance_id)) for run in host.client.query()),
                lost=sum(account.lost or 0 for account in accounts),
                doubled=sum(account.duplicated or 0 for account in accounts),
            )
