"""One of two instances of the host is lost or stopped: nothing is lost, little is doubled, every poll ends."""

import asyncio
from typing import Final

import pytest
from azure.data.tables import UpdateMode

from local.chaos.case import uncommitted
from local.extension import ExtensionEngine
from local.host import RuntimeStatus
from tests.e2e.api import call
from tests.e2e.conftest import STREAMS, Environment, Launch, until

pytestmark = [pytest.mark.azure_storage("the in-memory engine has no instances"), pytest.mark.engine]

EVENTS: Final = 4_000
PAGES: Final = 2
# Less than is deployed. Control queues have the least that the extension accepts, a minute, as deployed.
QUICK: Final = {"storageProvider.workItemQueueVisibilityTimeout": "00:00:10"}


def extension(env: Environment) -> ExtensionEngine:
    """Get the engine that has instances."""
    assert isinstance(env.host.engine, ExtensionEngine)
    return env.host.engine


def owners(engine: ExtensionEngine) -> dict[str, str]:
    """Name the owner of each partition; an empty name if nobody owns it."""
    with engine.storage.table(f"{engine.hub}Partitions") as partitions:
        return {row["RowKey"]: row.get("CurrentOwner") or "" for row in partitions.list_entities()}


def exchange(engine: ExtensionEngine) -> dict[str, str]:
    """Have the two instances exchange their partitions, and return each partition's next owner."""
    with engine.storage.table(f"{engine.hub}Partitions") as partitions:
        rows = list(partitions.list_entities())
        first, second = sorted({row["CurrentOwner"] for row in rows})
        after = {row["RowKey"]: second if row["CurrentOwner"] == first else first for row in rows}
        for row in rows:
            partitions.update_entity({**row, "NextOwner": after[row["RowKey"]]}, mode=UpdateMode.REPLACE)
    return after


async def assert_delivered(env: Environment, poll: str, *, doubled: int) -> None:
    """The poll ends as completed, every event has its row, and so many rows at most are doubled."""
    ended = await env.host.client.wait_for(poll)
    assert ended.status is RuntimeStatus.COMPLETED, ended.error_message
    await env.poll_until_healthy()
    accounts = [env.account(stream) for stream in STREAMS]
    assert [account.offered for account in accounts] == [EVENTS] * len(STREAMS)
    assert [account.lost for account in accounts] == [0] * len(STREAMS)
    assert sum(account.duplicated or 0 for account in accounts) <= doubled


async def test_an_instance_is_lost_in_an_activity(launch: Launch) -> None:
    """The other instance runs the activity once the message shows up again, and what was not committed is repeated."""
    one_each = {"maxConcurrentActivityFunctions": 1, "storageProvider.partitionCount": 1}
    async with launch(events=EVENTS, host_json={**QUICK, **one_each}) as env:
        engine = extension(env)
        other = await engine.add_instance()
        given: set[str] = set()
        other.bridge.on_invocation = given.add
        holds = [env.hold(stream, after=1) for stream in STREAMS]
        poll = env.start_poll(transfer_pages=PAGES)
        await until(lambda: "transfer_events" in given and sum(hold.reached() for hold in holds) == 2)
        most_doubled = uncommitted(env, PAGES)
        await engine.lose(other)
        for hold in holds:
            hold.release()
        await assert_delivered(env, poll, doubled=most_doubled)


async def test_an_instance_is_stopped_in_a_transfer(launch: Launch) -> None:
    """Its partitions go over to another instance in the middle of a poll; a transfer that could end is not repeated."""
    async with launch(events=EVENTS) as env:
        engine = extension(env)
        first = engine.instances[0]
        holds = [env.hold(stream, after=1) for stream in STREAMS]
        poll = env.start_poll(transfer_pages=PAGES)
        await until(lambda: all(hold.reached() for hold in holds))
        await engine.add_instance()
        await until(lambda: len(set(owners(engine).values()) - {""}) == 2)
        most_doubled = uncommitted(env, PAGES)
        stop = asyncio.create_task(engine.stop_gracefully(first))
        await until(lambda: first.bridge.rejects)
        for hold in holds:
            hold.release()
        await assert_delivered(env, poll, doubled=0 if await stop else most_doubled)


async def test_two_instances_exchange_their_partitions(launch: Launch) -> None:
    """Runs and cursors go on at the other instance in the middle of a poll; nothing is repeated."""
    async with launch(events=EVENTS) as env:
        engine = extension(env)
        await engine.add_instance()
        await until(lambda: len(set(owners(engine).values()) - {""}) == 2)
        holds = [env.hold(stream, after=1) for stream in STREAMS]
        poll = env.start_poll(transfer_pages=PAGES)
        await until(lambda: all(hold.reached() for hold in holds))
        after = exchange(engine)
        await until(lambda: owners(engine) == after)
        for hold in holds:
            hold.release()
        await assert_delivered(env, poll, doubled=0)


@pytest.mark.parametrize("status", ["", "Running"], ids=["as lost", "resumed later"])
async def test_a_run_without_a_name_hides_nothing(env: Environment, status: str) -> None:
    """The status and the next poll stand a run whose row was lost with an instance: the extension cannot read it."""
    held = env.hold("auditevents")
    poll = env.start_poll()
    await until(held.reached)
    lose_name(env, f"{poll}-auditevents", status)
    running = await call(env, "GET", "/api/status")
    assert (running.status, [shown["state"] for shown in running.body["polls"]]) == (200, ["running"])
    held.release()
    assert (await env.host.client.wait_for(poll)).output["healthy"] is True
    assert (await call(env, "GET", "/api/status")).status == 200
    assert (await env.poll()).output["healthy"] is True
    env.assert_all_landed_once()


def lose_name(env: Environment, instance_id: str, status: str) -> None:
    """Leave of a run's row what the extension writes in a later turn than the first one, and a status."""
    engine = extension(env)
    with engine.storage.table(f"{engine.hub}Instances") as rows:
        row = rows.get_entity(instance_id, "")
        for name in ("Name", "CreatedTime", "RuntimeStatus", "Input"):
            del row[name]
        rows.update_entity({**row, **({"RuntimeStatus": status} if status else {})}, mode=UpdateMode.REPLACE)
