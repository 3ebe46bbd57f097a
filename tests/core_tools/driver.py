"""Drive the app that Core Tools run: fire its timer, and wait for polls with Durable Functions' management API.

Sources: Microsoft Learn, "Manually run a non HTTP-triggered function" (POST /admin/functions/<name>; no key is needed
locally) and "HTTP API reference" of Durable Functions (/runtime/webhooks/durabletask/instances).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import aiohttp

from local.accounting import StreamAccount, account_for
from local.extension import HubStorage
from local.onepassword import OnePasswordSimulator
from local.patience import next_second, within
from local.simulators import Simulators
from tests.core_tools.process import APP_DIR, CoreTools
from tests.e2e.management import request

TIMER: Final = "poll_on_schedule"
_POLL_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.2
_ENDED: Final = frozenset({"Completed", "Failed", "Terminated", "Canceled"})
_SETTINGS: Final = {
    "FUNCTIONS_WORKER_RUNTIME": "python",
    # Only the tests fire the timer: its own schedule is the leap day.
    "POLL_SCHEDULE": "0 0 0 29 2 *",
    # The longest pause between two looks into a queue. Each test would wait for the 10 s of host.json.
    "AzureFunctionsJobHost__extensions__durableTask__storageProvider__maxQueuePollingInterval": "00:00:00.2",
}


class PollFailedError(Exception):
    """A poll ended in another way than Completed; the message has its status and its output."""


class Driver:
    """One app under `func start`, with simulated remotes."""

    def __init__(self, core_tools: CoreTools, simulators: Simulators) -> None:
        self.core_tools = core_tools
        self._simulators = simulators
        self._management = f"{core_tools.url}/runtime/webhooks/durabletask"

    @property
    def source(self) -> OnePasswordSimulator:
        """1Password."""
        assert self._simulators.onepassword is not None
        return self._simulators.onepassword

    def account(self, stream: str) -> StreamAccount:
        """Compare what arrived in the table with what 1Password offered."""
        return account_for(stream, self._simulators.onepassword, self._simulators.workspace)

    async def poll(self) -> dict[str, Any]:
        """Fire the timer and wait for the end of the poll that it starts; return it as the management API does.

        Raises:
            PollFailedError: the poll did not complete.
            CoreToolsError: `func` ended, rejected the request, or started no poll in time.

        """
        # A poll's id counts in seconds.
        await next_second()
        known = await self._polls()
        await self._fire()

        async def begun() -> str | None:
            return next(iter(await self._polls() - known), None)

        return await self.ended(await self._found(begun, f"accepted the request to run {TIMER}, but no poll began"))

    async def restart(self, instance_id: str) -> dict[str, Any]:
        """Restart a poll under a new id, and wait for its end as `poll` does."""
        path = f"instances/{instance_id}/restart"
        restarted = await self._manage("POST", path, restartWithNewInstanceId="true")
        return await self.ended(restarted["id"])

    async def ended(self, instance_id: str) -> dict[str, Any]:
        """Wait for a run's end. Raises as `poll` does."""

        async def at_its_end() -> dict[str, Any] | None:
            run: dict[str, Any] = await self._manage("GET", f"instances/{instance_id}")
            return run if run["runtimeStatus"] in _ENDED else None

        run = await self._found(at_its_end, f"does not end {instance_id}")
        if run["runtimeStatus"] != "Completed":
            raise PollFailedError(f"{instance_id} is {run['runtimeStatus']}: {run['output']}")
        return run

    async def _found[T](self, look: Callable[[], Awaitable[T | None]], otherwise: str) -> T:
        """Look until there is something; `otherwise` is what went wrong."""
        try:
            async with asyncio.timeout(within(_POLL_SECONDS)):
                while (found := await look()) is None:  # noqa: ASYNC110  # polls end in other processes
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError as error:
            raise self.core_tools.failure(otherwise) from error
        return found

    async def _fire(self) -> None:
        url = f"{self.core_tools.url}/admin/functions/{TIMER}"
        async with aiohttp.ClientSession() as session, session.post(url, json={}) as answer:
            if answer.status != HTTPStatus.ACCEPTED:
                raise self.core_tools.failure(f"answered {answer.status} to the request to run {TIMER}")

    async def _polls(self) -> set[str]:
        found = await self._manage("GET", "instances", instanceIdPrefix="poll-")
        return {run["instanceId"] for run in found if run["name"] == "poll"}

    async def _manage(self, method: str, path: str, **query: str) -> Any:
        try:
            return await request(self._management, method, path, query)
        except aiohttp.ClientError as error:
            raise self.core_tools.failure(f"answers no more ({error})") from error


@asynccontextmanager
async def driven(folder: Path, func: str, *, events: int) -> AsyncIterator[Driver]:
    """Start an app under this `func` with `events` per stream, on a storage account of its own."""
    with HubStorage(folder / "task-hub") as storage:
        async with Simulators({}, app_dir=APP_DIR, state_dir=folder, events=events, seed=7) as simulators:
            settings = {**simulators.settings, **_SETTINGS, "AzureWebJobsStorage": storage.connection_string()}
            async with CoreTools(folder, settings, func=func) as core_tools:
                yield Driver(core_tools, simulators)
