"""`serve` and `simulate`: keep the local environment, or only its simulators, running until Ctrl-C."""

import asyncio
import json
import os
import signal
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from rich.console import Console

from local.azurite import is_installed
from local.command_failures import FAILURES, explained, is_complete, print_failure
from local.extension.choice import engine_for
from local.host import FunctionsHost
from local.host.timers import Schedule
from local.run import APP_DIR, LOG_FILE
from local.simulators import Simulators

_EVENTS_PER_SECOND: Final = 2.0
_LOOK_SECONDS: Final = 1.0
_TIMER: Final = "poll_on_schedule"
# Their errors explain why no poll ends; the error of a poll that failed is in the poll's own line.
_SPEAKING: Final = frozenset({"function_app", "triggers.timer"})


async def serve(options: Namespace) -> int:
    """Run the app on its schedule, events arriving all the time; print a line for each poll."""
    out, err, interrupted = Console(highlight=False), Console(stderr=True), _interrupted()
    if not is_complete(options.engine, err):
        return 1
    started = None
    async with _simulators(options) as simulators:
        log = options.state / LOG_FILE
        try:
            with engine_for(options.engine, options.state) as engine:
                host = FunctionsHost(
                    APP_DIR, simulators.settings, log_path=log, http_port=options.port, engine=engine, run_timers=True
                )
                async with host as started:
                    _introduce(host, log, out)
                    watching = asyncio.create_task(_watch(host, out))
                    stopping = asyncio.create_task(interrupted.wait())
                    await asyncio.wait([watching, stopping], return_when=asyncio.FIRST_COMPLETED)
                    if watching.done():
                        async with explained(host):
                            watching.result()
                    watching.cancel()
                    await asyncio.gather(watching, return_exceptions=True)
                    out.print("Stopping ...")
        except FAILURES as error:
            what = "The app stopped" if started else "The app does not start"
            print_failure(err, what, str(error), log)
            return 1
    return 0


def _introduce(host: FunctionsHost, log: Path, out: Console) -> None:
    # The app's own word: a setting that is wrong is not what it goes by.
    schedule = host.functions[_TIMER].schedule or ""
    upcoming = Schedule(schedule).next_after(datetime.now(UTC))
    lines = (
        ("Status page", f"{host.http_url}/api/status"),
        ("Schedule", f"{schedule}, next at {upcoming:%H:%M:%S} UTC"),
        ("Poll now", f"curl -X POST {host.http_url}/api/poll"),
        ("Backfill", f"curl -d '{_last_week()}' {host.http_url}/api/backfill"),
        ("Log", str(log)),
    )
    for name, value in lines:
        out.print(f"{name:<16}{value}", soft_wrap=True, markup=False)
    out.print("Ctrl-C stops everything.")


def _last_week() -> str:
    return json.dumps({"start_time": f"{datetime.now(UTC) - timedelta(days=7):%Y-%m-%d}T00:00:00Z"})


async def simulate(options: Namespace) -> int:
    """Run the simulators alone and print the settings that point an app at them."""
    out, interrupted = Console(highlight=False, soft_wrap=True, markup=False), _interrupted()
    async with _simulators(options) as simulators:
        out.print("Put these into local.settings.json, or export them; Ctrl-C stops the simulators.")
        for name, value in simulators.settings.items():
            out.print(f"{name}={value}")
        await interrupted.wait()
    return 0


@asynccontextmanager
async def _simulators(options: Namespace) -> AsyncIterator[Simulators]:
    async with Simulators(
        os.environ,
        app_dir=APP_DIR,
        state_dir=options.state,
        events=options.events,
        seed=options.seed,
        storage=is_installed(),
    ) as simulators:
        source = simulators.onepassword
        dripping = asyncio.create_task(source.drip(_EVENTS_PER_SECOND)) if source else None
        try:
            yield simulators
        finally:
            if dripping:
                dripping.cancel()
                await asyncio.gather(dripping, return_exceptions=True)


async def _watch(host: FunctionsHost, out: Console) -> None:
    """Print each poll once it has finished; raises HostError when there will be no more."""
    seen: set[str] = set()
    while True:
        host.check()
        for record in tuple(host.warnings):
            if record.level == "ERROR" and record.logger in _SPEAKING and record.message not in seen:
                seen.add(record.message)
                out.print(f"{datetime.now(UTC):%H:%M:%S} {record.message}", style="red", markup=False, soft_wrap=True)
        # In a thread: while storage hangs, HTTP functions and Ctrl-C must not wait for the answer.
        for poll in await asyncio.to_thread(host.client.query, "poll-"):
            if poll.name != "poll" or not poll.finished or poll.instance_id in seen:
                continue
            seen.add(poll.instance_id)
            said = poll.error_message or ", ".join(
                f"{label}: {stream.get('events', 0):,} ({stream['outcome']})"
                for label, stream in poll.output["streams"].items()
            )
            out.print(f"{datetime.now(UTC):%H:%M:%S} {poll.instance_id} {said}", markup=False, soft_wrap=True)
        await asyncio.sleep(_LOOK_SECONDS)


def _interrupted() -> asyncio.Event:
    """Make an event of Ctrl-C, before anything is printed that invites one."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped
