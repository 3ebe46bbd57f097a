"""Backfills from end to end: over HTTP, beside live polls, stopped and resumed, with nothing doubled."""

import asyncio
from typing import Any

from local.host import RuntimeStatus
from local.patience import within
from tests.e2e.api import call, days_ago
from tests.e2e.conftest import STREAMS, Environment, Launch, until

STARTED = {"start_time", "end_time", "id", "instance_id", "state", "streams"}


async def ended(env: Environment, backfill_id: str, *states: str) -> dict[str, Any]:
    """Wait until a backfill runs no more."""
    async with asyncio.timeout(within(60)):
        found = {"state": "running"}
        while found["state"] == "running":
            await asyncio.sleep(0.05)
            found = (await call(env, "GET", f"/api/backfill/{backfill_id}")).body
    assert found["state"] in (states or ("completed",)), found
    return found


def rows_of(env: Environment, backfill_id: str) -> list[str]:
    kql = f"OnePasswordEventLogs_CL | where backfill_id == '{backfill_id}' | project uuid_s"
    return [row["uuid_s"] for row in env.rows(kql)]


def in_window(env: Environment, start: str, end: str) -> set[str]:
    """Name the live rows whose events lie in the window."""
    kql = (
        "OnePasswordEventLogs_CL | where backfill_id == '' and log_source != 'healthevents' | project uuid_s, timestamp"
    )
    return {row["uuid_s"] for row in env.rows(kql) if start[:19] <= row["timestamp"].isoformat() < end[:19]}


async def test_a_backfill_delivers_its_window_beside_the_live_events(env: Environment) -> None:
    """Each event of the window once, labelled; the live cursors are where they were."""
    await env.poll()
    live = {stream: env.cursor(stream) for stream in STREAMS}
    start, end = days_ago(5), days_ago(2)
    started = await call(env, "POST", "/api/backfill", {"start_time": start, "end_time": end})
    assert (started.status, set(started.body)) == (202, STARTED)
    backfill_id = started.body["id"]
    assert started.headers["location"] == f"/api/backfill/{backfill_id}"
    assert started.body["streams"] == {stream: f"backfill-{backfill_id}-{stream}" for stream in STREAMS}
    found = await ended(env, backfill_id)
    expected = in_window(env, start, end)
    rows = rows_of(env, backfill_id)
    assert len(rows) == len(expected) == found["events"] > 0
    assert set(rows) == expected
    assert found["percent"] == 100
    assert {(stream["label"], stream["state"], stream["percent"]) for stream in found["streams"]} == {
        (stream, "completed", 100.0) for stream in STREAMS
    }
    assert {stream["instance_id"] for stream in found["streams"]} == set(started.body["streams"].values())
    assert live == {stream: env.cursor(stream) for stream in STREAMS}
    health = env.health(f"| where backfill_id == '{backfill_id}'")
    assert {row["event_type"] for row in health} == set(STREAMS)


async def test_the_same_request_finds_the_same_backfill(env: Environment) -> None:
    """While it runs and when it has completed, also in other words; nothing is delivered again."""
    held = env.hold("auditevents")
    body = {"start_time": days_ago(5), "event_types": ["auditevents", "itemusages"]}
    first = await call(env, "POST", "/api/backfill", body)
    second = await call(env, "POST", "/api/backfill", {**body, "event_types": ["itemusages", "auditevents"]})
    assert (second.status, second.body) == (202, first.body)
    held.release()
    await ended(env, first.body["id"])
    count = len(rows_of(env, first.body["id"]))
    same = {**body, "start_time": body["start_time"].replace("Z", "+00:00")}
    third = await call(env, "POST", "/api/backfill", same)
    assert (third.status, third.body) == (200, {**first.body, "state": "completed"})
    other = await call(env, "POST", "/api/backfill", {**body, "event_types": ["auditevents"]})
    assert other.body["id"] != first.body["id"]
    await ended(env, other.body["id"])
    assert len(rows_of(env, first.body["id"])) == count > 0
    listed = (await call(env, "GET", "/api/backfill")).body["backfills"]
    assert [found["id"] for found in listed] == [other.body["id"], first.body["id"]]


async def test_one_backfill_of_an_account_at_a_time(env: Environment) -> None:
    """Two would take the live polls' half of the request quota as well."""
    held = env.hold("auditevents")
    first = await call(env, "POST", "/api/backfill", {"start_time": days_ago(5)})
    second = await call(env, "POST", "/api/backfill", {"start_time": days_ago(6)})
    assert (second.status, second.headers["content-type"]) == (409, "application/problem+json")
    assert second.body["id"] == first.body["id"]
    held.release()
    await ended(env, first.body["id"])
    third = await call(env, "POST", "/api/backfill", {"start_time": days_ago(6)})
    assert third.status == 202
    await ended(env, third.body["id"])


async def test_a_backfill_is_stopped_half_way_and_resumed(launch: Launch) -> None:
    """What it delivered stays, the activity at work commits what it has in hand, and the rest comes once."""
    async with launch(events=6_000) as env:
        held = env.hold("auditevents", after=2)
        body = {"start_time": days_ago(30)}
        started = await call(env, "POST", "/api/backfill", body)
        await until(lambda: held.reached() and env.sink.rows["Custom-OnePasswordEvents"] > 2_000)
        stopped = await call(env, "DELETE", f"/api/backfill/{started.body['id']}")
        assert (stopped.status, stopped.body["state"]) == (200, "stopped")
        names = [started.body["instance_id"], *started.body["streams"].values()]
        found = {name: env.host.client.get_instance(name) for name in names}
        assert {instance.status for instance in found.values() if instance} <= {
            RuntimeStatus.TERMINATED,
            RuntimeStatus.COMPLETED,
        }
        held.release()
        resumed = await call(env, "POST", "/api/backfill", body)
        assert (resumed.status, resumed.body["id"]) == (202, started.body["id"])
        done = await ended(env, started.body["id"])
        rows = rows_of(env, started.body["id"])
        assert len(rows) == len(set(rows)) == done["events"]
        for stream in STREAMS:
            env.assert_all_landed_once(stream)


async def test_stopping_twice_and_stopping_nothing(env: Environment) -> None:
    """Both are answered, and neither does any harm."""
    started = await call(env, "POST", "/api/backfill", {"start_time": days_ago(3)})
    done = await ended(env, started.body["id"])
    again = await call(env, "DELETE", f"/api/backfill/{started.body['id']}")
    assert (again.status, again.body) == (200, done)
    for method in ("GET", "DELETE"):
        missing = await call(env, method, "/api/backfill/20260101T000000Z-00000000")
        assert (missing.status, missing.headers["content-type"]) == (404, "application/problem+json")
