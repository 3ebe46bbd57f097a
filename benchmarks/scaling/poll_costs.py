"""What a poll with nothing new costs the worker, by the number of accounts.

    python -m benchmarks.scaling.poll_costs [--accounts 1 8 32 ...] [--polls N] [--save costs.json]

The app runs in its real worker. Its invocations are let in one at a time, and the worker's CPU clock is read before and
after each: what the clock has moved by is the cost of that one. Between two polls all connections are closed, as they
are by the five minutes that pass between two in production. The first poll of a worker is not counted: it imports,
signs in and begins every stream.
"""

import argparse
import asyncio
import json
import os
import tempfile
from base64 import b64decode
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any, Final
from unittest.mock import patch

import durabletask.internal.orchestrator_service_pb2 as pb

from benchmarks.measure import CLIENT_CORE, REMOTES_CORE, on_core
from benchmarks.pages import STREAMS
from benchmarks.scaling.costs import ORCHESTRATORS, Invocation, MeasuredPoll, PollCosts, fit_costs, storage_use
from benchmarks.server_process import ROOT, ServerProcess
from benchmarks.servers import BUNDLE
from benchmarks.transfer import LARGE_PAGES, SMALL_PAGES
from local.host import FunctionsHost
from local.host import host as host_module
from local.host.frames import Frame
from local.host.process_usage import cpu_seconds
from local.host.worker import WorkerProcess
from local.identity import ManagedIdentitySimulator

ACCOUNTS: Final = (1, 8, 32, 128)


class WatchedWorker(WorkerProcess):
    """A worker whose invocations run one after the other, each with its cost noted."""

    noted: list[Invocation]
    turnstile: asyncio.Lock

    async def start(self) -> list[Frame]:
        """Start as ever, with nothing noted yet."""
        self.noted, self.turnstile = [], asyncio.Lock()
        return await super().start()

    async def invoke(
        self, function: str, function_id: str, inputs: Mapping[str, Any], metadata: Mapping[str, Any] | None = None
    ) -> Frame:
        """Invoke when no other invocation runs."""
        async with self.turnstile:
            assert self.pid is not None
            before = cpu_seconds(self.pid)
            answer = await super().invoke(function, function_id, inputs, metadata)
            cpu = cpu_seconds(self.pid) - before
        self.noted.append(
            _turn(function, cpu, inputs, answer) if function in ORCHESTRATORS else Invocation(function, cpu)
        )
        return answer


def _turn(function: str, cpu: float, inputs: Mapping[str, Any], answer: Frame) -> Invocation:
    """Describe an orchestrator's turn from what passed between host and worker."""
    asked = next(iter(inputs.values()))["string"]
    request = pb.OrchestratorRequest.FromString(b64decode(asked))
    answered = answer["result"].get("json", answer["result"].get("string"))
    response = pb.OrchestratorResponse.FromString(b64decode(answered))
    new = len(request.newEvents)
    return Invocation(function, cpu, len(request.pastEvents) + new, new, len(response.actions), len(asked))


@asynccontextmanager
async def _app(folder: Path, remotes: ServerProcess, tokens: Sequence[str]) -> AsyncIterator[FunctionsHost]:
    """Run the app in a watched worker, on a core of its own."""
    identity = ManagedIdentitySimulator()
    await identity.start()
    settings = {
        "PATH": os.environ["PATH"],
        "SSL_CERT_FILE": str(folder / BUNDLE),
        "AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1",
        "LOGS_INGESTION_ENDPOINT": remotes.told["url"],
        "LOGS_INGESTION_RULE_ID": "dcr-" + "0" * 32,
        **identity.settings(),
        **{f"ONEPASSWORD_TOKEN_A{number:05}": token for number, token in enumerate(tokens)},
    }
    with patch.object(host_module, "WorkerProcess", WatchedWorker):
        host = FunctionsHost(ROOT, settings, log_path=folder / "app.log")
    try:
        with on_core(CLIENT_CORE):
            await host.start()
        with on_core(REMOTES_CORE):
            yield host
    finally:
        await host.stop()
        await identity.stop()
        remotes.stop()


async def _poll(host: FunctionsHost, accounts: int, name: str) -> MeasuredPoll:
    worker = host.worker
    assert isinstance(worker, WatchedWorker)
    assert worker.pid is not None
    worker.noted.clear()
    before = cpu_seconds(worker.pid)
    poll = await host.client.wait_for(host.client.start("poll", {"v": 1}, name), 300)
    cpu = cpu_seconds(worker.pid) - before
    assert poll.output["healthy"], poll
    return MeasuredPoll(accounts, tuple(worker.noted), cpu)


async def idle_polls(accounts: int, polls: int) -> list[MeasuredPoll]:
    """Poll so many accounts so many times with nothing new, after one poll that is not counted."""
    measured = []
    with tempfile.TemporaryDirectory() as name:
        remotes = ServerProcess("scaling.idle_remotes", name, str(accounts))
        async with _app(Path(name), remotes, remotes.told["tokens"]) as host:
            for number in range(polls + 1):
                # Closes all connections; the client notices when its event loop turns, for which Azure has minutes.
                remotes.ask()
                await asyncio.sleep(0.1)
                poll = await _poll(host, accounts, f"poll-{number:04}")
                if number:
                    measured.append(replace(poll, requests=remotes.ask()))
    return measured


async def page_cost(rounds: int = 3) -> float:
    """Measure the CPU seconds that each page of 1,000 events adds to a transfer: the slope between few and many."""
    slopes = []
    with tempfile.TemporaryDirectory() as name:
        remotes = ServerProcess("servers", name)
        async with _app(Path(name), remotes, [remotes.told["token"]]) as host:
            behind = 0
            for number in range(rounds + 1):
                cpu = []
                for pages in (SMALL_PAGES, LARGE_PAGES):
                    behind += pages
                    remotes.ask(json.dumps({"pages": behind}))
                    poll = await _poll(host, 1, f"poll-{number}-{pages}")
                    cpu.append(sum(call.cpu for call in poll.of("transfer_events")))
                if number:
                    slopes.append((cpu[1] - cpu[0]) / STREAMS / (LARGE_PAGES - SMALL_PAGES))
    return median(slopes)


async def measure(accounts: Iterable[int] = ACCOUNTS, polls: int = 1) -> tuple[list[MeasuredPoll], float]:
    """Measure polls of each number of accounts, small ones more often, and what a page costs."""
    measured = []
    for number in accounts:
        measured += await idle_polls(number, max(polls, 4 * polls // number))
    return measured, await page_cost()


def measured_costs() -> PollCosts:
    """Measure, and describe what each kind of invocation costs."""
    return fit_costs(*asyncio.run(measure()))


def show(measured: Sequence[MeasuredPoll]) -> None:
    """Print what was measured."""
    print("accounts   CPU ms  ms/account   invocations: median CPU ms each (how many a poll)")
    by_accounts: dict[int, list[MeasuredPoll]] = defaultdict(list)
    for poll in measured:
        by_accounts[poll.accounts].append(poll)
    for accounts, polls in by_accounts.items():
        kinds = sorted({invocation.function for poll in polls for invocation in poll.invocations})
        each = []
        for kind in kinds:
            found = [invocation.cpu for poll in polls for invocation in poll.of(kind)]
            each.append(f"{kind} {1000 * median(found):.2f} ({len(found) / len(polls):.0f})")
        cpu = 1000 * median(poll.cpu for poll in polls)
        print(f"{accounts:8} {cpu:8.1f} {cpu / accounts:11.2f}   {', '.join(each)}")
    print(f"asked by the last of them: {measured[-1].requests}")
    print(f"written by the last of them: {storage_use(measured[-1])}")


def main() -> None:
    """Measure, print, and save what the simulation takes."""
    parser = argparse.ArgumentParser(description="What a poll with nothing new costs, by the number of accounts.")
    parser.add_argument("--accounts", type=int, nargs="+", default=ACCOUNTS)
    parser.add_argument("--polls", type=int, default=1, help="of the largest number; small ones are polled more often")
    parser.add_argument("--save", type=Path, help="a JSON file for the costs")
    options = parser.parse_args()
    measured, page = asyncio.run(measure(options.accounts, options.polls))
    show(measured)
    costs = json.dumps(asdict(fit_costs(measured, page)), indent=2)
    print(costs)
    if options.save:
        options.save.write_text(costs + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
