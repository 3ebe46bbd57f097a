"""Backfills when something is in the way: what passes is waited out, what does not is said in a sentence."""

from typing import Any

import pytest

from local.host import RuntimeStatus
from local.onepassword import ALWAYS, DropConnection, OnePasswordSimulator, Status
from local.simulators import Simulators
from tests.e2e.api import call, days_ago
from tests.e2e.conftest import STREAMS, Environment, Launch, until
from tests.e2e.test_reruns import assert_window_landed_once, backfill_input, start_backfill

PATIENT = {"stall_seconds": 0.1, "most_stalls": 3}


async def test_an_outage_is_waited_out(env: Environment) -> None:
    """No next tick would go on, so the backfill does, and repeats nothing."""
    env.source.faults.add(DropConnection(), target="auditevents", times=5)
    backfill_id, name = start_backfill(env, days_ago(30), **PATIENT)
    ended = await env.host.client.wait_for(name)
    assert (ended.status, env.source.faults.pending) == (RuntimeStatus.COMPLETED, 0)
    assert_window_landed_once(env, backfill_id)


async def test_an_outage_without_end_ends_the_backfill(env: Environment) -> None:
    """After so many waits without a single event; restarted later, it goes on."""
    env.source.faults.add(DropConnection(), target="auditevents", times=ALWAYS)
    backfill_id, name = start_backfill(env, days_ago(30), **PATIENT)
    ended = await env.host.client.wait_for(name)
    assert ended.status is RuntimeStatus.FAILED
    assert ended.error_message.startswith("auditevents: no whole answer from https://localhost")
    # Twice each time (`BRISK`): once at first, and after each of the three waits.
    assert env.source.requests["auditevents"] == 2 * 4
    found = (await call(env, "GET", f"/api/backfill/{backfill_id}")).body
    assert {stream["label"]: stream["state"] for stream in found["streams"]} == {
        "auditevents": "failed",
        "itemusages": "completed",
        "signinattempts": "completed",
    }
    assert found["failure"] == ended.error_message
    env.source.faults.clear()
    again = await call(env, "POST", "/api/backfill", {"start_time": found["start_time"]})
    assert (again.status, again.body["id"]) == (202, backfill_id)
    assert (await env.host.client.wait_for(again.body["instance_id"])).status is RuntimeStatus.COMPLETED
    assert_window_landed_once(env, backfill_id)


@pytest.mark.engine
async def test_throttling_at_the_beginning_is_waited_out(env: Environment) -> None:
    """A backfill that 1Password throttles at the introspection waits, and then delivers its window."""
    env.source.faults.add(Status(429, b"", {"Retry-After": "1"}), target="introspect", times=1)
    backfill_id, name = start_backfill(env, days_ago(30), throttle_seconds=1.2)
    assert (await env.host.client.wait_for(name)).status is RuntimeStatus.COMPLETED
    assert_window_landed_once(env, backfill_id)


@pytest.mark.engine
async def test_throttling_in_the_middle_is_waited_out(launch: Launch) -> None:
    """A stream that 1Password throttles between two pages goes on after the pause and delivers its whole window."""
    async with launch(events=2_500) as env:
        env.source.faults.add(Status(429, b"", {"Retry-After": "2"}), target="auditevents", after=1)
        backfill_id, name = start_backfill(env, days_ago(30), transfer_pages=1)
        ended = await env.host.client.wait_for(name)
        assert (ended.status, env.source.faults.pending) == (RuntimeStatus.COMPLETED, 0)
        assert {stream: result["outcome"] for stream, result in ended.output["streams"].items()} == dict.fromkeys(
            STREAMS, "ok"
        )
        assert ended.output["events"] == 3 * 2_500
        assert_window_landed_once(env, backfill_id)


async def test_a_stream_that_was_terminated_is_reported_for(env: Environment) -> None:
    """Its backfill says so, in its output and in the health table; the other streams are delivered."""
    held = env.hold("auditevents")
    backfill_id, name = start_backfill(env, days_ago(30))
    await until(held.reached)
    env.host.client.terminate(f"{name}-auditevents", "enough of it")
    await env.host.client.wait_for(f"{name}-auditevents")
    held.release()
    ended = await env.host.client.wait_for(name)
    assert ended.status is RuntimeStatus.FAILED
    (row,) = env.health("| where outcome == 'failed'")
    assert (row["event_type"], row["error"], row["backfill_id"]) == ("auditevents", ended.error_message, backfill_id)
    assert row["instance_id"] == name


async def test_1password_out_of_reach_is_reported(env: Environment) -> None:
    """Before it is known which streams there are."""
    env.source.faults.add(DropConnection(), times=ALWAYS)
    backfill_id, name = start_backfill(env, days_ago(30))
    ended = await env.host.client.wait_for(name)
    assert ended.error_message.startswith("introspection: no whole answer from https://localhost")
    (row,) = env.health()
    assert (row["outcome"], row["error"], row["backfill_id"]) == ("failed", ended.error_message, backfill_id)


async def test_a_backfill_of_one_account_leaves_the_other_alone(launch: Launch) -> None:
    """Its failure is not the other's either, and a backfill of all accounts has cursors for each."""
    other = OnePasswordSimulator(seed=99, events=120)
    await other.start()
    try:
        change = {"ONEPASSWORD_TOKEN_ACME": other.token(), "ONEPASSWORD_EVENTS_URL_ACME": other.url}
        async with launch(change=lambda _: change) as env:
            everything = await call(env, "POST", "/api/backfill", {"start_time": days_ago(30)})
            assert set(everything.body["streams"]) == {*STREAMS, *(f"acme-{stream}" for stream in STREAMS)}
            ended = await env.host.client.wait_for(everything.body["instance_id"])
            assert ended.output["events"] == 3 * (300 + 120)
            env.source.revoke(env.simulators.settings["ONEPASSWORD_TOKEN"])
            acme = await call(env, "POST", "/api/backfill", {"start_time": days_ago(30), "account": "ACME"})
            assert set(acme.body["streams"]) == {f"acme-{stream}" for stream in STREAMS}
            ended = await env.host.client.wait_for(acme.body["instance_id"])
            assert (ended.status, ended.output["events"]) == (RuntimeStatus.COMPLETED, 360)
            found = (await call(env, "GET", f"/api/backfill/{acme.body['id']}")).body
            assert (found["account"], {stream["label"] for stream in found["streams"]}) == (
                "ACME",
                {f"acme-{stream}" for stream in STREAMS},
            )
    finally:
        await other.stop()


async def test_an_event_type_that_no_token_covers_is_said(launch: Launch) -> None:
    """The others are backfilled all the same."""

    def narrow(simulators: Simulators) -> dict[str, str]:
        assert simulators.onepassword is not None
        return {"ONEPASSWORD_TOKEN": simulators.onepassword.token(features=["auditevents"])}

    async with launch(change=narrow) as env:
        body = {"start_time": days_ago(30), "event_types": ["auditevents", "itemusages"]}
        started = await call(env, "POST", "/api/backfill", body)
        ended = await env.host.client.wait_for(started.body["instance_id"])
        assert ended.error_message == "itemusages: no token covers it, so there is nothing to backfill"
        found = (await call(env, "GET", started.headers["location"])).body
        assert (found["state"], found["events"], found["failure"]) == ("failed", 300, ended.error_message)
        (row,) = env.health("| where outcome == 'failed'")
        assert (row["error"], row["backfill_id"]) == (ended.error_message, found["id"])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "start_time is missing"),
        ({}, "start_time is missing"),
        ({"start_time": "2026-11-01"}, "start_time must say its zone"),
        (
            {"start_time": "2030-01-01T00:00:00Z", "event_types": ["x"]},
            "lies in the future; event_types/0 must be one of",
        ),
        ({"id": "x"}, "required field `start_time`"),
        ({"start_time": days_ago(3), "account": "NOPE"}, "no account is named 'NOPE'"),
        ("idle", "this input is no backfill: Expected `object`, got `str`"),
        ([1], "this input is no backfill: Expected `object`, got `array`"),
        ({"x" * 40_000: 1}, "this input is no backfill: xxx"),
    ],
    ids=range(9),
)
async def test_what_was_typed_wrong_into_the_monitor_is_said(env: Environment, data: Any, says: str) -> None:
    """The instance's output is the sentence; nothing was delivered."""
    ended = await env.host.client.wait_for(env.host.client.start("backfill", data, "typed"))
    assert ended.status is RuntimeStatus.FAILED
    assert says in ended.error_message
    # Azure Storage never ends a run that fails with over 32,768 characters.
    assert len(ended.error_message) < 3_000
    assert env.sink.rows["Custom-OnePasswordEvents"] == 0


async def test_what_was_typed_right_into_the_monitor_is_a_backfill(env: Environment) -> None:
    """The same JSON as over HTTP, under whatever id, is the same backfill, and HTTP shows it."""
    start = days_ago(30)
    ended = await env.host.client.wait_for(env.host.client.start("backfill", {"start_time": start}, "typed"))
    assert ended.status is RuntimeStatus.COMPLETED
    (found,) = (await call(env, "GET", "/api/backfill")).body["backfills"]
    assert (found["id"], found["state"]) == (backfill_input(start)["id"], "completed")
    assert_window_landed_once(env, found["id"])
    again = await call(env, "POST", "/api/backfill", {"start_time": start})
    assert (again.status, again.body["state"]) == (200, "completed")
