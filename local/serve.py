"""`serve` and `simulate`: keep the local environment, or only its simulators, running until Ctrl-C."""

import asyncio
import os
import signal
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from rich.console import Console

from local.host import FunctionsHost, HostError
from local.run import APP_DIR, LOG_FILE
from local.simulators import Simulators

_EVENTS_PER_SECOND: Final = 2.0
_LOOK_SECONDS: Final = 1.0


async def serve(options: Namespace) -> int:
    """Run the app on its schedule, events arriving all the time; print a line for each poll."""
    out = Console(highlight=False)
    async with _simulators(options) as simulators:
        host = FunctionsHost(
            APP_DIR, simulators.settings, log_path=options.state / LOG_FILE, http_port=options.port, run_timers=True
        )
        try:
            async with host:
                out.print(f"HTTP functions   {host.http_url}")
                out.print(f"Schedule         {simulators.settings['POLL_SCHEDULE']} (UTC)")
                out.print(f"Log              {options.state / LOG_FILE}", soft_wrap=True)
                out.print("Ctrl-C stops everything.")
                watching = asyncio.create_task(_watch(host, out))
                await _until_stopped()
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
                out.print("Stopping ...")
        except (HostError, OSError) as error:
            Console(stderr=True).print(f"The app does not start: {error}", style="red", markup=False)
            return 1
    return 0


async def simulate(options: Namespace) -> int:
    """Run the simulators alone and print the settings that point an app at them."""
    out = Console(highlight=False, soft_wrap=True, markup=False)
    async with _simulators(options) as simulators:
        out.print("Put these into local.settings.json, or export them; Ctrl-C stops the simulators.")
        for name, value in simulators.settings.items():
            out.print(f"{name}={value}")
        await _until_stopped()
    return 0


@asynccontextmanager
async def _simulators(options: Namespace) -> AsyncIterator[Simulators]:
    async with Simulators(
        os.environ, app_dir=APP_DIR, state_dir=options.state, events=options.events, seed=options.seed
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
    """Print each poll once it has finished."""
    seen: set[str] = set()
    while True:
        for poll in host.client.query("poll-"):
            if poll.name != "poll" or not poll.finished or poll.instance_id in seen:
                continue
            seen.add(poll.instance_id)
            said = poll.error_message or ", ".join(
                f"{label}: {stream.get('events', 0):,} ({stream['outcome']})"
                for label, stream in poll.output["streams"].items()
            )
            out.print(f"{datetime.now(UTC):%H:%M:%S} {poll.instance_id} {said}", markup=False, soft_wrap=True)
        await asyncio.sleep(_LOOK_SECONDS)


async def _until_stopped() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
