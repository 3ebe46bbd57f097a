"""The app in the local environment: the real worker library and durable engine, simulated remotes on real sockets."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.environment import APP_DIR, BRISK, Change, launched
from local.environment import Environment as LocalEnvironment
from local.onepassword import EVENT_TYPES as STREAMS
from local.patience import until, until_past
from tests.engines import Engines

__all__ = ["APP_DIR", "BRISK", "STREAMS", "Change", "Environment", "Launch", "until"]


class Environment(LocalEnvironment):
    """One app with its remotes, and what tests claim of it."""

    def assert_all_landed_once(self, *streams: str) -> None:
        """Every event that was offered stands in the table, once."""
        for stream in streams or STREAMS:
            account = self.account(stream)
            assert account.offered
            assert (account.lost, account.duplicated, account.rows) == (0, 0, account.offered), stream

    async def lease_has_run_out(self, stream: str) -> datetime:
        """Wait until nobody's lease stands on a live stream, and tell when the last one ended."""
        while (lease_until := datetime.fromisoformat(self.cursor(stream)["lease_until"])) >= datetime.now(UTC):
            await until_past(lease_until)
        return lease_until

    async def work_has_ended(self, stream: str) -> None:
        """Wait until no activity of the run that holds a live stream can be at work."""
        limit = timedelta(seconds=self.cursor(stream)["transfer_limit"])
        while (ends_at := datetime.fromisoformat(self.cursor(stream)["active_at"]) + limit) >= datetime.now(UTC):
            await until_past(ends_at)

    async def recorded(self, poll: str) -> None:
        """Wait until a poll has left its record, which is a signal on its way when the poll has ended."""

        def polls() -> list[str]:
            recent = self.host.client.entity_state("recent_polls", "all") or {"polls": []}
            return [record["instance_id"] for record in recent["polls"]]

        await until(lambda: poll in polls())


type Launch = Callable[..., AbstractAsyncContextManager[Environment]]


@pytest.fixture
def launch(tmp_path: Path, engines: Engines) -> Launch:
    """Start an environment on the chosen engine, with the options of `launched`.

    `table_port` and `host_json`, values that differ from host.json, are for the Durable extension.
    """

    @asynccontextmanager
    async def start(
        *, table_port: int | None = None, host_json: dict[str, Any] | None = None, **options: Any
    ) -> AsyncIterator[Environment]:
        engine = engines.new(host_json, table_port=table_port)
        async with launched(tmp_path, engine=engine, **options) as environment:
            yield Environment(environment.simulators, environment.host, environment.log)

    return start


@pytest.fixture
async def env(launch: Launch) -> AsyncIterator[Environment]:
    """Provide a small environment with everything simulated."""
    async with launch() as environment:
        yield environment
