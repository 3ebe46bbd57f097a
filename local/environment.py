"""The app on its host between simulated remotes, and what tests and `chaos` ask of them."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local.accounting import StreamAccount, account_for
from local.azurite import Azurite
from local.host import FunctionsHost, Instance, RuntimeStatus
from local.host.engine import Engine
from local.ingestion import IngestionSimulator
from local.onepassword import ALWAYS, Hold, OnePasswordSimulator
from local.patience import within
from local.simulators import Simulators
from local.workspace import Workspace

APP_DIR: Final = Path(__file__).resolve().parents[1]
DEAD_LETTERS: Final = "onepassword-dead-letters"
# Waits that a test would only sit through; the code that waits is the real one.
BRISK: Final = {"retry_seconds": 0.05, "attempts": 2}

type Change = Callable[[Simulators], Mapping[str, str]]


@dataclass
class Environment:
    """One app with its remotes."""

    simulators: Simulators
    host: FunctionsHost
    log: Path
    polls: int = 0

    @property
    def source(self) -> OnePasswordSimulator:
        """1Password."""
        assert self.simulators.onepassword is not None
        return self.simulators.onepassword

    @property
    def sink(self) -> IngestionSimulator:
        """The Logs Ingestion API."""
        assert self.simulators.ingestion is not None
        return self.simulators.ingestion

    @property
    def workspace(self) -> Workspace:
        """Where rows land."""
        assert self.simulators.workspace is not None
        return self.simulators.workspace

    @property
    def storage(self) -> Azurite:
        """The storage account, if the environment was launched with one."""
        assert self.simulators.azurite is not None
        return self.simulators.azurite

    def start_poll(self, **pacing: Any) -> str:
        """Start a poll as the trigger does, with brisk retries."""
        self.polls += 1
        return self.host.client.start("poll", {"v": 1, "pacing": {**BRISK, **pacing}}, f"poll-{self.polls:04}")

    async def poll(self, **pacing: Any) -> Instance:
        """Poll once and wait for the end."""
        return await self.host.client.wait_for(self.start_poll(**pacing), 60)

    async def poll_until_healthy(self, **pacing: Any) -> None:
        """Poll until every stream has nothing waiting any more."""
        poll = None
        try:
            async with asyncio.timeout(within(60 * self.host.engine.slowness)):
                while True:
                    poll = await self.poll(**pacing)
                    healthy = poll.status is RuntimeStatus.COMPLETED and poll.output["healthy"]
                    if healthy and {result["outcome"] for result in poll.output["streams"].values()} == {"ok"}:
                        return
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise TimeoutError(f"never healthy; the last poll's output: {poll.output if poll else None}") from None

    def child(self, poll: str, stream: str) -> Instance:
        """Get a stream's run within a poll."""
        instance = self.host.client.get_instance(f"{poll}-{stream}")
        assert instance is not None
        return instance

    def cursor(self, stream: str) -> dict[str, Any]:
        """Get the state of a live stream's cursor entity; empty before its first run."""
        return dict(self.host.client.entity_state("stream_cursor", self.key(stream)) or {})

    def key(self, stream: str) -> str:
        """Name a live stream's cursor."""
        return f"{self.source.account_uuid}-{stream}"

    def hold(self, stream: str, *, after: int = 0) -> Hold:
        """Keep a stream's requests to 1Password waiting, also repeated ones, until they are released."""
        held = Hold()
        self.source.faults.add(held, target=stream, times=ALWAYS, after=after)
        return held

    async def dead_letters(self) -> dict[str, str]:
        """The reason of every dead letter, by the event's uuid."""
        if self.simulators.azurite is None:
            return {}
        blobs = await self.simulators.azurite.blobs(DEAD_LETTERS)
        return {blob.metadata["uuid"]: blob.metadata["reason"] for blob in blobs}

    def account(self, stream: str, kept: Collection[str] = ()) -> StreamAccount:
        """Hold what 1Password offered against what stands in the table; `kept` are uuids of dead letters."""
        return account_for(stream, self.simulators.onepassword, self.simulators.workspace, kept)

    def rows(self, kql: str) -> list[dict[str, Any]]:
        """Query the workspace."""
        columns, rows = self.workspace.query(kql)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def health(self, extra: str = "") -> list[dict[str, Any]]:
        """Get the health table's rows."""
        return self.rows(f"OnePasswordConnectorHealth_CL {extra}")

    def heartbeats(self) -> set[str]:
        """Name the polls that wrote a heartbeat."""
        rows = self.rows("OnePasswordEventLogs_CL | where log_source == 'healthevents' | project uuid_s")
        return {row["uuid_s"] for row in rows}

    def healthy_polls(self) -> set[str]:
        """Name the polls that ended with every stream healthy."""
        polls = [instance for instance in self.host.client.query() if instance.name == "poll"]
        return {poll.instance_id for poll in polls if poll.status is RuntimeStatus.COMPLETED and poll.output["healthy"]}


@asynccontextmanager
async def launched(
    state_dir: Path,
    *,
    events: int = 300,
    change: Change | None = None,
    app_dir: Path = APP_DIR,
    storage: bool = False,
    seed: int = 7,
    engine: Engine | None = None,
) -> AsyncIterator[Environment]:
    """Start an environment: `events` per stream, `change` gives app settings that differ from the simulated ones."""
    path = {"PATH": os.environ["PATH"]}
    async with Simulators(
        path, app_dir=APP_DIR, state_dir=state_dir, events=events, seed=seed, storage=storage
    ) as simulators:
        if change:
            simulators.settings |= change(simulators)
        log = state_dir / "app.log"
        async with FunctionsHost(app_dir, simulators.settings, log_path=log, engine=engine) as host:
            yield Environment(simulators, host, log)
