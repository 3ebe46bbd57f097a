"""A hub with the runs of many days and of many accounts: what is read of it, by requests and rows at its tables."""

from collections.abc import Awaitable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from local.extension.table_proxy import MOST_ROWS, TableProxy
from local.host import FunctionsHost
from local.onepassword import ALWAYS, Hold
from tests.e2e.api import call
from tests.e2e.conftest import Environment, Launch
from tests.e2e.hub_rows import plant
from tests.engines import Engines
from triggers import status_sources

pytestmark = pytest.mark.azure_storage("the in-memory engine has no tables")

ACCOUNTS = 150
LABELS = ("signinattempts", "itemusages", "auditevents")


def _polls(accounts: int, runs: int) -> Iterator[str]:
    """Name the runs of the polls of the last days, those of streams included, the latest first."""
    children = [f"-account{account}-{label}" for account in range(accounts) for label in LABELS]
    now = datetime.now(UTC)
    named = (
        f"poll-{now - timedelta(minutes=5 * number):%Y%m%dT%H%M%SZ}{child}"
        for number in count(1)
        for child in ("", *children)
    )
    return (name for name, _ in zip(named, range(runs), strict=False))


async def _get(env: Environment, path: str) -> None:
    assert (await call(env, "GET", path)).status == 200


async def _cost(proxy: TableProxy, work: Awaitable[Any]) -> tuple[int, int]:
    """Wait for work to end; return how many requests and rows it took at the tables."""
    requests, rows = proxy.requests.total(), proxy.rows.total()
    await work
    return proxy.requests.total() - requests, proxy.rows.total() - rows


@pytest.mark.engine
async def test_the_status_reads_little_of_many_accounts(launch: Launch, engines: Engines) -> None:
    """150 accounts and a few of their polls: no more rows than there are cursors and a handful of runs."""
    await _looks_at(launch, engines, runs=1_500)


@pytest.mark.timeout(900)
async def test_the_status_reads_little_of_many_runs(launch: Launch, engines: Engines) -> None:
    """40,000 runs more change nothing."""
    await _looks_at(launch, engines, runs=40_000)


async def _looks_at(launch: Launch, engines: Engines, *, runs: int) -> None:
    with TableProxy(engines.storage.ports["table"]) as proxy:
        async with launch(table_port=proxy.port) as env:
            poll = await env.poll()
            keys = [f"A{account:025}-{label}" for account in range(ACCOUNTS - 1) for label in LABELS]
            plant(env, f"@stream_cursor@{env.key('auditevents')}", [f"@stream_cursor@{key}" for key in keys])
            plant(env, f"{poll.instance_id}-auditevents", _polls(ACCOUNTS, runs), earlier=timedelta(minutes=5))
            status = (await call(env, "GET", "/api/status")).body
            assert len(status["streams"]) == 3 * ACCOUNTS
            status_cost = await _cost(proxy, _get(env, "/api/status"))
            backfills_cost = await _cost(proxy, _get(env, "/api/backfill"))
            # The poll that the tick starts waits for its streams, so that only its first turn is counted.
            held = Hold()
            env.source.faults.add(held, target="introspect", times=ALWAYS)
            tick_cost = await _cost(proxy, env.host.fire_timer("poll_on_schedule"))
            held.release()
            assert status_cost[1] < status_sources.MOST_ROWS < 5_000
            assert status_cost[1] < 3 * ACCOUNTS + 100
            # No backfill is there, and no poll runs: neither the list nor the tick reads what has ended.
            assert (backfills_cost[1], tick_cost[1] < 50) == (0, True)
            assert max(status_cost[0], backfills_cost[0], tick_cost[0]) < 60
            assert max(proxy.tops) <= MOST_ROWS


@pytest.mark.engine
@pytest.mark.timeout(600)
async def test_a_night_purges_1200_runs(launch: Launch, engines: Engines) -> None:
    """Page by page, behind tables that refuse a page over 1,000 rows; what is young stays."""
    with TableProxy(engines.storage.ports["table"]) as proxy:
        async with launch(table_port=proxy.port) as env:
            poll = await env.poll()
            old = [f"poll-20260101T{number:06}Z" for number in range(1_200)]
            plant(env, poll.instance_id, old, earlier=timedelta(days=40))
            await env.host.fire_timer("housekeeping")
            assert _left(env.host) == {poll.instance_id, *(f"{poll.instance_id}-{label}" for label in LABELS)}
            assert (max(proxy.tops), proxy.refused) == (MOST_ROWS, 0)
            assert (await env.poll()).output["healthy"] is True
            env.assert_all_landed_once()


def _left(host: FunctionsHost) -> set[str]:
    return {instance.instance_id for instance in host.client.query("poll-")}
