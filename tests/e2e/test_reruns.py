"""Restart in Durable Functions Monitor: whatever has ended, with the same or a new id, nothing is doubled or lost."""

import asyncio
from typing import Any

import pytest

from local.host import EngineError, Instance, RuntimeStatus
from local.onepassword import Status
from local.patience import within
from onepassword_sentinel.backfill import read_backfill
from onepassword_sentinel.moments import parse_moment
from onepassword_sentinel.wire import to_wire
from tests.e2e.api import days_ago
from tests.e2e.conftest import BRISK, STREAMS, Environment, Launch, until

NEW_ID = pytest.mark.parametrize("new_id", [False, True], ids=["same id", "new id"])


async def restarted(env: Environment, instance: Instance, *, new_id: bool) -> Instance:
    again = env.host.client.restart(instance.instance_id, new_id=new_id)
    assert (again == instance.instance_id) is not new_id
    return await env.host.client.wait_for(again, 60)


def backfill_input(start: str, **pacing: Any) -> dict[str, Any]:
    """What HTTP gives a backfill to begin with, but without waits that a test would only sit through."""
    request = to_wire(read_backfill({"start_time": start}, parse_moment(days_ago(0))))
    return {**request, "pacing": {**BRISK, "budget_seconds": None, "requests_per_minute": 1e6, **pacing}}


def start_backfill(env: Environment, start: str, **pacing: Any) -> tuple[str, str]:
    """Start one and return its id and its instance's."""
    data = backfill_input(start, **pacing)
    return data["id"], env.host.client.start("backfill", data, f"backfill-{data['id']}")


def assert_window_landed_once(env: Environment, backfill_id: str) -> None:
    """The backfill's rows are all that was ever offered, each once."""
    kql = f"OnePasswordEventLogs_CL | where backfill_id == '{backfill_id}' | project uuid_s"
    rows = [row["uuid_s"] for row in env.rows(kql)]
    assert len(rows) == len(set(rows))
    assert set(rows) == {uuid for stream in STREAMS for uuid in env.source.offered(stream)}


@NEW_ID
async def test_a_poll_that_went_well(env: Environment, *, new_id: bool) -> None:
    """It polls once more, and brings what has come since."""
    done = await env.poll()
    env.source.add_events("auditevents", 7)
    again = await restarted(env, done, new_id=new_id)
    assert {label: result["events"] for label, result in again.output["streams"].items()} == {
        "signinattempts": 0,
        "itemusages": 0,
        "auditevents": 7,
    }
    env.assert_all_landed_once()


@NEW_ID
@pytest.mark.parametrize("fails", [False, True], ids=["ended well", "failed"])
async def test_one_stream_of_a_poll(env: Environment, *, fails: bool, new_id: bool) -> None:
    """It goes on from its cursor; its poll does not notice."""
    if fails:
        env.source.faults.add(Status(401), target="auditevents")
    poll = await env.poll()
    child = env.child(poll.instance_id, "auditevents")
    assert child.status is (RuntimeStatus.FAILED if fails else RuntimeStatus.COMPLETED)
    again = await restarted(env, child, new_id=new_id)
    assert (again.output["outcome"], again.output["events"]) == ("ok", 300 if fails else 0)
    env.assert_all_landed_once()


@NEW_ID
@pytest.mark.parametrize("fails", [False, True], ids=["ended well", "failed"])
async def test_a_backfill(env: Environment, *, fails: bool, new_id: bool) -> None:
    """What it has delivered is not delivered again; what it has not is."""
    if fails:
        env.source.faults.add(Status(401), target="itemusages")
    backfill_id, name = start_backfill(env, days_ago(30))
    ended = await env.host.client.wait_for(name)
    assert ended.status is (RuntimeStatus.FAILED if fails else RuntimeStatus.COMPLETED)
    again = await restarted(env, ended, new_id=new_id)
    assert again.status is RuntimeStatus.COMPLETED
    assert again.output["events"] == (300 if fails else 0)
    assert {stream: result["outcome"] for stream, result in again.output["streams"].items()} == dict.fromkeys(
        STREAMS, "ok"
    )
    assert_window_landed_once(env, backfill_id)


@NEW_ID
async def test_one_stream_of_a_backfill_after_several_generations(launch: Launch, *, new_id: bool) -> None:
    """Its input is that of the last generation; where it stands is in the cursor."""
    async with launch(events=2_000) as env:
        env.source.faults.add(Status(429, b"", {"Retry-After": "1"}), target="auditevents", after=1)
        env.source.faults.add(Status(401), target="auditevents", after=1)
        backfill_id, name = start_backfill(env, days_ago(30), transfer_pages=1)
        assert (await env.host.client.wait_for(name)).status is RuntimeStatus.FAILED
        again = await restarted(env, env.child(name, "auditevents"), new_id=new_id)
        assert again.output["outcome"] == "ok"
        assert_window_landed_once(env, backfill_id)


@NEW_ID
async def test_a_terminated_backfill_waits_for_its_old_lease_and_goes_on(launch: Launch, *, new_id: bool) -> None:
    """Nobody told its cursors that their runs are gone; the activities at work commit what they have in hand."""
    async with launch(events=3_000) as env:
        lease = {"lease_seconds": within(12.0), "transfer_limit": within(9.0)}
        held = env.hold("auditevents", after=1)
        backfill_id, name = start_backfill(env, days_ago(30), transfer_pages=1, **lease)
        await until(held.reached)
        for instance in (name, *(f"{name}-{stream}" for stream in STREAMS)):
            if (found := env.host.client.get_instance(instance)) and not found.finished:
                env.host.client.terminate(instance)
        await env.host.client.wait_for(f"{name}-auditevents")
        held.release()
        again = await restarted(env, await env.host.client.wait_for(name), new_id=new_id)
        assert again.status is RuntimeStatus.COMPLETED
        assert {result["outcome"] for result in again.output["streams"].values()} == {"ok"}
        assert_window_landed_once(env, backfill_id)


def outcome(env: Environment, name: str) -> str | None:
    """What a stream's run says of itself so far."""
    instance = env.host.client.get_instance(name)
    return instance and instance.custom_status and instance.custom_status["outcome"]


async def test_a_backfill_beside_itself_delivers_nothing_twice(env: Environment) -> None:
    """Restarted under a new id while it runs, the second waits for the first."""
    held = env.hold("auditevents")
    backfill_id, name = start_backfill(env, days_ago(30))
    await until(held.reached)
    second = env.host.client.start("backfill", backfill_input(days_ago(30)) | {"id": backfill_id}, "restarted")
    await until(lambda: outcome(env, "restarted-auditevents") == "busy")
    held.release()
    ended = [await env.host.client.wait_for(instance) for instance in (name, second)]
    assert {instance.status for instance in ended} == {RuntimeStatus.COMPLETED}
    assert_window_landed_once(env, backfill_id)


async def test_a_running_one_is_not_restarted(env: Environment) -> None:
    """The host refuses; nothing happens to the run."""
    held = env.hold("auditevents")
    name = env.start_poll()
    await until(held.reached)
    with pytest.raises(EngineError):
        env.host.client.restart(name)
    held.release()
    await env.host.client.wait_for(name)
    env.assert_all_landed_once()


async def test_a_backfill_survives_its_worker(launch: Launch) -> None:
    """What was committed before the death is not delivered again: at most what an activity had in hand is."""
    async with launch(events=4_000) as env:
        backfill_id, name = start_backfill(env, days_ago(30), transfer_pages=1, stall_seconds=0.1)
        for stored in (2_000, 6_000):
            await until(lambda stored=stored: env.sink.rows["Custom-OnePasswordEvents"] > stored)
            env.host.worker.kill()
        assert (await env.host.client.wait_for(name, 60)).status is RuntimeStatus.COMPLETED
        rows = [row["uuid_s"] for row in env.rows("OnePasswordEventLogs_CL | project uuid_s")]
        assert set(rows) == {uuid for stream in STREAMS for uuid in env.source.offered(stream)}
        # Two deaths, three streams, a page of 1,000 in each one's hand.
        assert len(rows) - len(set(rows)) <= 2 * 3 * 1_000
        assert env.host.client.entity_state("stream_cursor", f"{backfill_id}-{env.source.account_uuid}-auditevents")


async def test_the_history_of_a_long_backfill_stays_short(launch: Launch) -> None:
    """It goes on in a new generation after 50 transfers, and its status is there from the first turn on."""
    async with launch(events=61_000) as env:
        data = backfill_input(days_ago(30), transfer_pages=1) | {"event_types": ["auditevents"]}
        held = env.hold("auditevents", after=49)
        name = env.host.client.start("backfill", data, "long")
        longest, statuses = 0, []
        child = "long-auditevents"
        waiting = asyncio.create_task(env.host.client.wait_for(name, 120))
        while not waiting.done():
            # However rarely this looks, it sees the history before the last transfer of the first generation.
            seen = held.reached()
            if found := env.host.client.get_instance(child):
                longest = max(longest, len(env.host.client.history(child)))
                statuses.append(found.custom_status)
            if seen:
                held.release()
            await asyncio.wait([waiting], timeout=0.02)
        assert waiting.result().output["events"] == 61_000
        assert 100 < longest < 600
        assert all(status["stream"] == "auditevents" for status in statuses if status is not None)
        assert [status["events"] for status in statuses if status] == sorted(s["events"] for s in statuses if s)
        assert len(env.host.client.history(name)) < 20
