"""The app in the local environment: the real worker library and durable engine, simulated remotes on real sockets."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.accounting import StreamAccount, account_for
from local.host import FunctionsHost, Instance
from local.ingestion import IngestionSimulator
from local.onepassword import OnePasswordSimulator
from local.simulators import Simulators
from local.workspace import Workspace

APP_DIR = Path(__file__).resolve().parents[2]
STREAMS = ("signinattempts", "itemusages", "auditevents")
# Waits that a test would only sit through; the code that waits is the real one.
BRISK = {"retry_seconds": 0.05, "attempts": 2}


@dataclass
class Environment:
    """One app with its remotes, and what tests ask of it."""

    simulators: Simulators
    host: FunctionsHost
    log: Path
    polls: int = 0

    @property
    def source(self) -> OnePasswordSimulator:
        assert self.simulators.onepassword is not None
        return self.simulators.onepassword

    @property
    def sink(self) -> IngestionSimulator:
        assert self.simulators.ingestion is not None
        return self.simulators.ingestion

    @property
    def workspace(self) -> Workspace:
        assert self.simulators.workspace is not None
        return self.simulators.workspace

    def start_poll(self, **pacing: Any) -> str:
        """Start a poll as the trigger does, with brisk retries."""
        self.polls += 1
        return self.host.client.start("poll", {"v": 1, "pacing": {**BRISK, **pacing}}, f"poll-{self.polls:04}")

    async def poll(self, **pacing: Any) -> Instance:
        """Poll once and wait for the end."""
        return await self.host.client.wait_for(self.start_poll(**pacing), 60)

    def child(self, poll: str, stream: str) -> Instance:
        """Get a stream's run within a poll."""
        instance = self.host.client.get_instance(f"{poll}-{stream}")
        assert instance is not None
        return instance

    def account(self, stream: str) -> StreamAccount:
        """StreamAccount for one stream."""
        return account_for(stream, self.simulators.onepassword, self.simulators.workspace)

    def assert_all_landed_once(self, *streams: str) -> None:
        """Every event that was offered stands in the table, once."""
        for stream in streams or STREAMS:
            account = self.account(stream)
            assert account.offered
            assert (account.lost, account.duplicated, account.rows) == (0, 0, account.offered), stream

    def cursor(self, stream: str) -> dict[str, Any]:
        """Get the state of a stream's cursor entity."""
        (state,) = [
            state for name, state in self.host.client.entities().items() if name.endswith(f"-{stream}") and state
        ]
        return dict(state)

    def rows(self, kql: str) -> list[dict[str, Any]]:
        """Query the workspace."""
        columns, rows = self.workspace.query(kql)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def health(self, extra: str = "") -> list[dict[str, Any]]:
        """Get the health table's rows."""
        return self.rows(f"OnePasswordConnectorHealth_CL {extra}")

    def heartbeats(self) -> list[str]:
        """Name the polls that wrote a heartbeat."""
        rows = self.rows('OnePasswordEventLogs_CL | where log_source == "healthevents" | project uuid_s')
        return [row["uuid_s"] for row in rows]


async def until(condition: Callable[[], object]) -> None:
    """Wait until something has happened in the environment, half a minute at most."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  # what is waited for happens in other processes
            await asyncio.sleep(0.005)


type Launch = Callable[..., AbstractAsyncContextManager[Environment]]
type Change = Callable[[Simulators], Mapping[str, str]]


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    """Start an environment: `events` per stream, `change` gives app settings that differ from the simulated ones."""

    @asynccontextmanager
    async def start(
        *, events: int = 300, change: Change | None = None, app_dir: Path = APP_DIR
    ) -> AsyncIterator[Environment]:
        path = {"PATH": os.environ["PATH"]}
        async with Simulators(path, app_dir=APP_DIR, state_dir=tmp_path, events=events, seed=7) as simulators:
            if change:
                simulators.settings |= change(simulators)
            log = tmp_path / "app.log"
            async with FunctionsHost(app_dir, simulators.settings, log_path=log) as host:
                yield Environment(simulators, host, log)

    return start


@pytest.fixture
async def env(launch: Launch) -> AsyncIterator[Environment]:
    """Provide a small environment with everything simulated."""
    async with launch() as environment:
        yield environment
