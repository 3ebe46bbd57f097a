"""What an operator does over HTTP or by a signal in Durable Functions Monitor, and what is done every night."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from local.host import Instance, RuntimeStatus
from local.onepassword import ALWAYS, EmptyPages, Exchange
from local.patience import within
from onepassword_sentinel.stream_requests import Begin, Release
from onepassword_sentinel.wire import to_wire
from tests.e2e.api import Answer, call, days_ago
from tests.e2e.conftest import STREAMS, Environment, Launch, until
from tests.e2e.test_reruns import assert_window_landed_once, backfill_input, start_backfill


async def test_poll_now(env: Environment) -> None:
    """It is the poll that the timer would have started; a second one is told which one runs."""
    held = env.hold("auditevents")
    first = await call(env, "POST", "/api/poll")
    second = await call(env, "POST", "/api/poll")
    held.release()
    assert (first.status, second.status) == (202, 409)
    assert first.body["instance_id"] == second.body["instance_id"]
    assert second.headers["content-type"] == "application/problem+json"
    assert (await env.host.client.wait_for(first.body["instance_id"])).output["healthy"] is True
    env.assert_all_landed_once()


async def test_a_reset_moves_a_live_cursor_back(env: Environment) -> None:
    """It answers where the cursor stood and stands; the next poll delivers once more what came since, and no more."""
    await env.poll()
    before = env.cursor("auditevents")
    start = days_ago(2)
    reset = await call(env, "POST", f"/api/streams/{env.key('auditevents')}/reset", {"start_time": start})
    assert reset.status == 200
    assert reset.body["old"]["cursor"] == before["position"]["cursor"]
    assert (reset.body["new"]["cursor"], reset.body["new"]["start_time"]) == (None, start)
    trace = env.host.client.get_instance(reset.body["instance_id"])
    assert trace is not None
    assert (trace.name, trace.status) == ("reset_stream", RuntimeStatus.COMPLETED)
    (stream,) = [found for found in await streams(env) if found["event_type"] == "auditevents"]
    assert stream["health"] == "behind"
    poll = await env.poll()
    since = [
        row
        for row in env.rows("OnePasswordEventLogs_CL | where log_source == 'auditevents' | project uuid_s, timestamp")
        if row["timestamp"].isoformat() >= start[:19]
    ]
    assert poll.output["streams"]["auditevents"]["events"] == len({row["uuid_s"] for row in since})
    assert len(since) == 2 * len({row["uuid_s"] for row in since}) > 0
    env.assert_all_landed_once("signinattempts", "itemusages")


async def test_a_reset_that_is_restarted_is_followed_again(env: Environment) -> None:
    """A restart in Durable Functions Monitor is another execution, and so another request."""
    await env.poll()
    reset = await call(env, "POST", f"/api/streams/{env.key('auditevents')}/reset", {"start_time": days_ago(2)})
    moves = env.cursor("auditevents")["moves"]
    again = await env.host.client.wait_for(env.host.client.restart(reset.body["instance_id"]))
    assert (again.status, again.output["old"]["moves"]) == (RuntimeStatus.COMPLETED, moves)
    assert env.cursor("auditevents")["moves"] == moves + 1


async def test_a_reset_under_a_run_at_work(env: Environment) -> None:
    """What the run delivers is not committed any more, and the next one waits for its activity to end."""
    reset, ended = await reset_under_a_run(env)
    assert reset.status == 200
    assert ended.output["streams"]["auditevents"]["outcome"] == "superseded"
    busy = await env.poll()
    assert busy.output["streams"]["auditevents"]["outcome"] == "busy"


async def test_a_run_after_a_reset_under_another(env: Environment) -> None:
    """It begins where the cursor was reset to, as soon as no activity can be at work any more."""
    reset, _ = await reset_under_a_run(env, transfer_limit=within(2.0))
    await env.lease_has_run_out("auditevents")
    assert (await env.poll()).output["streams"]["auditevents"]["outcome"] == "ok"
    # It went on from the reset, and not from where the run at work came to.
    assert env.cursor("auditevents")["position"]["start_time"] == reset.body["new"]["start_time"]


async def reset_under_a_run(env: Environment, **pacing: float) -> tuple[Answer, Instance]:
    """Reset a stream while a poll's activity is at work; return the answer and how the poll ended."""
    await env.poll()
    env.source.add_events("auditevents", 40)
    held = env.hold("auditevents")
    name = env.start_poll(**pacing)
    await until(held.reached)
    reset = await call(env, "POST", f"/api/streams/{env.key('auditevents')}/reset", {"start_time": days_ago(0.001)})
    held.release()
    return reset, await env.host.client.wait_for(name)


async def test_what_cannot_be_reset_is_refused(env: Environment) -> None:
    """A stream that is not there, a backfill's, a time of no use; all of it before anything moves."""
    await env.poll()
    before = env.cursor("auditevents")
    backfill_id, name = start_backfill(env, days_ago(3))
    await env.host.client.wait_for(name)
    now = {"start_time": days_ago(1)}
    good = env.key("auditevents")
    answers = {
        "unknown": await call(env, "POST", "/api/streams/NOBODY-auditevents/reset", now),
        "not a key": await call(env, "POST", "/api/streams/@x@y/reset", now),
        "backfill": await call(env, "POST", f"/api/streams/{backfill_id}-{good}/reset", now),
        "future": await call(env, "POST", f"/api/streams/{good}/reset", {"start_time": days_ago(-1)}),
        "members": await call(env, "POST", f"/api/streams/{good}/reset", {"start": days_ago(1)}),
    }
    assert {name: answer.status for name, answer in answers.items()} == {
        "unknown": 404,
        "not a key": 404,
        "backfill": 409,
        "future": 400,
        "members": 400,
    }
    assert [error["pointer"] for error in answers["members"].body["errors"]] == ["/start", "/start_time"]
    assert env.cursor("auditevents") == before


@pytest.mark.engine
async def test_a_rejected_reset_says_why(env: Environment) -> None:
    """A backfill's cursor stays where it is: 409 over HTTP, and a run started by hand fails with the reason."""
    backfill_id, name = start_backfill(env, days_ago(3))
    await env.host.client.wait_for(name)
    key = f"{backfill_id}-{env.key('auditevents')}"
    before = env.host.client.entity_state("stream_cursor", key)
    answer = await call(env, "POST", f"/api/streams/{key}/reset", {"start_time": days_ago(1)})
    assert (answer.status, answer.headers["content-type"]) == (409, "application/problem+json")
    assert answer.body["detail"] == "This is a backfill's cursor; start another backfill for another window."
    by_hand = env.host.client.start("reset_stream", {"v": 1, "key": key, "start_time": days_ago(1)}, "reset-by-hand")
    run = await env.host.client.wait_for(by_hand)
    assert run.status is RuntimeStatus.FAILED
    assert run.error_message == f"{key}: this is a backfill's cursor; a window of its own is another backfill"
    assert env.host.client.entity_state("stream_cursor", key) == before


@pytest.mark.parametrize(
    ("operation", "data", "says"),
    [
        ("commit", {"fence": 1}, "commit belongs to the app's own runs"),
        ("begin", {}, "begin belongs to the app's own runs"),
        ("release", None, "release belongs to the app's own runs"),
        ("forget", {"finished_before": "2030-01-01T00:00:00Z"}, "a live stream's cursor is never forgotten"),
        ("reset", {}, "reset was given what it does not understand"),
        ("reset", {"start_time": "soon"}, "start_time must be a time"),
        ("set_state", {"fence": 9}, "no operation 'set_state'; an operator may signal reset and stop"),
        ("delete", None, "no operation 'delete'"),
    ],
)
async def test_a_signal_that_would_do_harm_is_refused(env: Environment, operation: str, data: Any, says: str) -> None:
    """The cursor stays as it is, and the log says why."""
    await env.poll()
    before = env.cursor("auditevents")
    env.host.client.signal_entity("stream_cursor", env.key("auditevents"), operation, data)
    await until(lambda: says in env.log.read_text())
    assert env.cursor("auditevents") == before
    await env.poll()
    env.assert_all_landed_once()


async def test_a_signal_resets_too(env: Environment) -> None:
    """Whoever has Durable Functions Monitor open needs no function key."""
    await env.poll()
    start = days_ago(1)
    env.host.client.signal_entity("stream_cursor", env.key("itemusages"), "reset", {"start_time": start})
    await until(lambda: env.cursor("itemusages")["outcome"] == "reset")
    assert env.cursor("itemusages")["position"]["start_time"] == start


async def test_a_signal_frees_a_stream_whose_run_was_terminated(env: Environment) -> None:
    """Not at once: its activity is at work, delivers and commits, and gives the stream back."""
    held = env.hold("auditevents")
    name = env.start_poll()
    await until(held.reached)
    for instance in (name, f"{name}-auditevents"):
        env.host.client.terminate(instance)
        await env.host.client.wait_for(instance)
    assert (await env.poll()).output["streams"]["auditevents"]["outcome"] == "busy"
    env.host.client.signal_entity("stream_cursor", env.key("auditevents"), "stop", {})
    await until(lambda: env.cursor("auditevents")["stopping"])
    held.release()
    await until(lambda: not env.cursor("auditevents")["holder"])
    assert env.cursor("auditevents")["outcome"] == "stopped"
    assert (await env.poll()).output["streams"]["auditevents"]["outcome"] == "ok"
    env.assert_all_landed_once()


async def test_a_signal_stops_a_run_that_is_alive(launch: Launch) -> None:
    """It ends as stopped, and the next poll goes on behind what it delivered."""
    async with launch(events=3_000) as env:
        held = env.hold("auditevents")
        name = env.start_poll(transfer_pages=1)
        await until(held.reached)
        env.host.client.signal_entity("stream_cursor", env.key("auditevents"), "stop", {})
        await until(lambda: env.cursor("auditevents")["stopping"])
        held.release()
        ended = await env.host.client.wait_for(name)
        assert ended.output["streams"]["auditevents"]["outcome"] == "stopped"
        assert ended.output["healthy"] is False
        await env.poll_until_healthy()
        env.assert_all_landed_once()


@dataclass(frozen=True)
class Trickle(EmptyPages):
    """Empty pages without end, at most ten a second: a run that has them stays alive in one generation."""

    async def apply(self, exchange: Exchange) -> web.StreamResponse:
        await asyncio.sleep(0.1)
        return await super().apply(exchange)


async def test_a_backfill_leaves_a_stream_to_one_that_is_alive(launch: Launch) -> None:
    """It sees that the other renews its lease for longer than a dead one's activity could, and is no success."""
    async with launch() as env:
        env.source.faults.add(Trickle(), target="auditevents", times=ALWAYS)
        pacing = {"transfer_pages": 5, "transfer_limit": within(1.5)}
        backfill_id, name = start_backfill(env, days_ago(30), **pacing)
        await until(lambda: env.source.requests["auditevents"])
        data = backfill_input(days_ago(30), **pacing) | {"id": backfill_id, "event_types": ["auditevents"]}
        second = await env.host.client.wait_for(env.host.client.start("backfill", data, "second"))
        assert second.status is RuntimeStatus.FAILED
        assert f"auditevents: {name}-auditevents holds the stream until" in second.error_message
        assert "its window is not delivered: restart the backfill" in second.error_message
        env.source.faults.clear()
        await env.host.client.wait_for(name)
        assert_window_landed_once(env, backfill_id)


async def test_the_night_purges_what_ended_long_ago(env: Environment) -> None:
    """Runs that ended within the retention stay, however long ago they began; so do cursors that are still needed."""
    client = env.host.client
    old, recent = [(await env.poll()).instance_id for _ in range(2)]
    finished, unfinished = ("20260901T000000Z-0000000a", "20260901T000000Z-0000000b")
    then = datetime.now(UTC) - timedelta(days=31)
    begin = Begin("long-ago", then, 900, "2026-09-01T00:00:00Z", "2026-09-02T00:00:00Z")
    for backfill_id, outcome in ((finished, "ok"), (unfinished, "failed")):
        key = f"{backfill_id}-ACC-auditevents"
        client.signal_entity("stream_cursor", key, "begin", to_wire(begin))
        client.signal_entity("stream_cursor", key, "release", to_wire(Release(1, then, outcome, "")))
    backfill_id, name = start_backfill(env, days_ago(3))
    await client.wait_for(name)
    for instance in (old, *(f"{old}-{stream}" for stream in STREAMS)):
        client.backdate(instance, timedelta(days=30, minutes=5))
    client.backdate(recent, timedelta(days=29))
    live = {stream: env.cursor(stream) for stream in STREAMS}
    assert all(live.values())

    await env.host.fire_timer("housekeeping")
    await until(lambda: client.entity_state("stream_cursor", f"{finished}-ACC-auditevents") is None)
    kept = {instance.instance_id for instance in client.query()}
    assert not {old, *(f"{old}-{stream}" for stream in STREAMS)} & kept
    assert {recent, name} <= kept
    assert client.entity_state("stream_cursor", f"{unfinished}-ACC-auditevents")
    assert client.entity_state("stream_cursor", f"{backfill_id}-{env.key('auditevents')}")
    assert live == {stream: env.cursor(stream) for stream in STREAMS}
    assert "purged 4 runs that ended before" in env.log.read_text()
    await env.host.fire_timer("housekeeping")
    cursors = {f"@stream_cursor@{key}" for key in known_keys(env, backfill_id, unfinished)}
    assert client.entities().keys() == {*cursors, "@recent_polls@all"}


def known_keys(env: Environment, backfill_id: str, unfinished: str) -> set[str]:
    live = {env.key(stream) for stream in STREAMS}
    return live | {f"{backfill_id}-{key}" for key in live} | {f"{unfinished}-ACC-auditevents"}


async def test_the_retention_is_a_setting(launch: Launch) -> None:
    """What the operator wants to look back on is kept."""
    async with launch(change=lambda _: {"HISTORY_RETENTION_DAYS": "2"}) as env:
        poll = (await env.poll()).instance_id
        env.host.client.backdate(poll, timedelta(days=2, minutes=5))
        await env.host.fire_timer("housekeeping")
        assert env.host.client.get_instance(poll) is None


async def streams(env: Environment) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await call(env, "GET", "/api/status")).body["streams"]
    return found
