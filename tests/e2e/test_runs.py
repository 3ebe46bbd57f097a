"""Runs beside and after each other: ticks, leases, restarts, deaths."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from local.host import RuntimeStatus
from local.onepassword import ALWAYS, DropConnection, OnePasswordSimulator, Stall, Status
from tests.e2e.conftest import BRISK, STREAMS, Environment, Launch, until


async def test_two_polls_at_once_deliver_everything_once(launch: Launch) -> None:
    """A stream is granted to one run at a time; the other ends as busy, which is normal."""
    async with launch(events=1_500) as env:
        ids = [env.start_poll(), env.start_poll()]
        polls = [await env.host.client.wait_for(name) for name in ids]
        outcomes = sorted(result["outcome"] for poll in polls for result in poll.output["streams"].values())
        assert {poll.status for poll in polls} == {RuntimeStatus.COMPLETED}
        assert outcomes == ["busy"] * 3 + ["ok"] * 3
        env.assert_all_landed_once()


async def test_a_tick_that_finds_a_poll_running_skips_and_says_so(env: Environment) -> None:
    """One instance per tick, and none on top of another."""
    env.source.faults.add(Stall(2.5), target="auditevents")
    await env.host.fire_timer("poll_on_schedule")
    await asyncio.sleep(1.1)  # ids count in seconds: this tick would have one of its own
    await env.host.fire_timer("poll_on_schedule")
    polls = [found for found in env.host.client.query("poll-") if found.name == "poll"]
    assert len(polls) == 1
    warnings = [record.message for record in env.host.warnings]
    assert f"skipped this tick: {polls[0].instance_id} is still running" in warnings
    await env.host.client.wait_for(polls[0].instance_id)
    env.assert_all_landed_once()


async def test_ticks_at_the_same_moment_are_one(env: Environment) -> None:
    """Whoever comes second finds the poll running, or at least its id taken; neither fails."""
    await asyncio.gather(*(env.host.fire_timer("poll_on_schedule") for _ in range(4)))
    polls = [found for found in env.host.client.query("poll-") if found.name == "poll"]
    for poll in polls:
        await env.host.client.wait_for(poll.instance_id)
    # Ticks may straddle the turn of a second; leases keep even those apart.
    assert 1 <= len(polls) <= 2
    env.assert_all_landed_once()


@pytest.mark.parametrize("new_id", [False, True], ids=["same id", "new id"])
async def test_a_failed_poll_can_be_restarted(env: Environment, *, new_id: bool) -> None:
    """Restart resumes from the cursors and repeats nothing, under whatever id."""
    env.source.faults.add(Status(401), target="auditevents")
    failed = await env.poll()
    assert failed.status is RuntimeStatus.FAILED
    again = env.host.client.restart(failed.instance_id, new_id=new_id)
    assert (again == failed.instance_id) is not new_id
    restarted = await env.host.client.wait_for(again)
    assert restarted.output["healthy"] is True
    assert restarted.output["streams"]["signinattempts"]["events"] == 0
    env.assert_all_landed_once()


async def test_a_terminated_poll_blocks_its_streams_only_until_the_lease_runs_out(env: Environment) -> None:
    """Ticks before that end as busy; the first one after it goes on."""
    env.source.faults.add(Stall(0.6), target="auditevents")
    name = env.start_poll(lease_seconds=4.0, transfer_limit=3.0)
    await until(lambda: env.source.requests["auditevents"])
    env.host.client.terminate(name)
    env.host.client.terminate(f"{name}-auditevents")
    await env.host.client.wait_for(f"{name}-auditevents")
    busy = await env.poll()
    assert busy.output["streams"]["auditevents"]["outcome"] == "busy"
    assert busy.output["healthy"] is False
    (row,) = env.health("| where outcome == 'busy' and event_type == 'auditevents'")
    assert f"{name}-auditevents holds the stream until" in row["error"]
    for _ in range(100):
        if (await env.poll()).output["streams"]["auditevents"]["outcome"] == "ok":
            break
        await asyncio.sleep(0.1)
    # The terminated run's activity delivered its events all the same, and committed them itself.
    env.assert_all_landed_once()


async def test_a_stream_that_was_terminated_is_reported_for(env: Environment) -> None:
    """It could not say how it ended, so its poll does, in its own output and in the health table."""
    env.source.faults.add(Stall(0.6), target="auditevents")
    name = env.start_poll()
    await until(lambda: env.source.requests["auditevents"])
    env.host.client.terminate(f"{name}-auditevents", "enough of it")
    poll = await env.host.client.wait_for(name)
    assert poll.status is RuntimeStatus.FAILED
    assert poll.error_message.startswith("auditevents: ")
    rows = {row["event_type"]: row for row in env.health()}
    assert set(rows) == set(STREAMS)
    assert (rows["auditevents"]["outcome"], rows["auditevents"]["error"]) == ("failed", poll.error_message)
    assert rows["auditevents"]["account_uuid"] == env.source.account_uuid


async def test_a_run_that_lost_its_lease_does_no_harm(env: Environment) -> None:
    """A second attempt finds that another run holds the stream, and leaves without a word to anybody."""
    env.source.faults.add(Status(500), target="auditevents")
    slow = env.start_poll(lease_seconds=1.0, transfer_limit=0.8, retry_seconds=5.0)
    await until(lambda: env.source.requests["auditevents"])
    await asyncio.sleep(1.1)
    assert (await env.poll()).output["streams"]["auditevents"]["outcome"] == "ok"
    late = await env.host.client.wait_for(slow)
    assert late.output["streams"]["auditevents"]["outcome"] == "superseded"
    (row,) = env.health("| where outcome == 'superseded'")
    assert row["error"] == "auditevents: another run took the stream over"
    env.assert_all_landed_once()


async def test_accounts_are_independent(launch: Launch) -> None:
    """Each account has cursors of its own; one whose token is refused does not keep the other."""
    other = OnePasswordSimulator(seed=99, events=120)
    await other.start()
    try:
        token = other.token()
        change = {"ONEPASSWORD_TOKEN_ACME": token, "ONEPASSWORD_EVENTS_URL_ACME": other.url}
        async with launch(change=lambda _: change) as env:
            first = await env.poll()
            assert first.output["healthy"] is True
            assert set(first.output["streams"]) == {*STREAMS, *(f"acme-{stream}" for stream in STREAMS)}
            assert env.rows("OnePasswordEventLogs_CL | where log_source == 'auditevents' | count") == [{"Count": 420}]
            assert {row["account"] for row in env.health()} == {"", "ACME"}

            other.revoke(token)
            env.source.add_events("auditevents", 10)
            second = await env.poll()
            assert second.status is RuntimeStatus.FAILED
            assert second.error_message.startswith("ACME introspection: 1Password answered 401")
            assert "ONEPASSWORD_TOKEN_ACME" in second.error_message
            assert env.rows("OnePasswordEventLogs_CL | where log_source == 'auditevents' | count") == [{"Count": 430}]
    finally:
        await other.stop()


async def test_one_slow_stream_does_not_delay_the_others(env: Environment) -> None:
    """All streams are drained at the same time."""
    env.source.faults.add(Stall(1.5), target="auditevents")
    name = env.start_poll()
    for stream in ("signinattempts", "itemusages"):
        child = await env.host.client.wait_for(f"{name}-{stream}")
        assert child.output["outcome"] == "ok"
    assert env.child(name, "auditevents").status is RuntimeStatus.RUNNING
    await env.host.client.wait_for(name)
    env.assert_all_landed_once()


async def test_a_window_is_drained_with_a_cursor_of_its_own(env: Environment) -> None:
    """What a backfill will run: no budget, throttling waited out, rows labelled, the live cursor left alone."""
    await env.poll()
    live = env.cursor("auditevents")
    account_key = env.source.account_uuid
    start = (datetime.now(UTC) - timedelta(days=5)).isoformat()
    end = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    env.source.faults.add(Status(429, b"", {"Retry-After": "1"}), target="auditevents")
    name = env.host.client.start(
        "drain_stream",
        {
            "v": 1,
            "stream": {"account": "", "account_key": account_key, "event_type": "auditevents"},
            "key": "b1-auditevents",
            "start_time": start,
            "end_time": end,
            "backfill_id": "b1",
            "pacing": {**BRISK, "budget_seconds": None, "transfer_pages": 1},
        },
        "backfill-b1-auditevents",
    )
    output = (await env.host.client.wait_for(name)).output
    assert output["outcome"] == "ok"
    assert env.source.faults.pending == 0
    live_rows, window = (
        env.rows(f"OnePasswordEventLogs_CL | where log_source == 'auditevents' and backfill_id == '{backfill}'")
        for backfill in ("", "b1")
    )
    assert len(live_rows) == 300
    assert output["events"] == len(window) > 0
    in_window = {row["uuid_s"] for row in live_rows if start[:26] <= row["timestamp"].isoformat() < end[:26]}
    assert {row["uuid_s"] for row in window} == in_window
    assert env.host.client.entity_state("stream_cursor", f"{account_key}-auditevents") == live


async def test_an_account_without_streams_has_a_health_row_of_its_own(env: Environment) -> None:
    """Nobody has to look into Durable Functions Monitor to learn that a token was revoked."""
    env.source.revoke(env.simulators.settings["ONEPASSWORD_TOKEN"])
    poll = await env.poll()
    (row,) = env.health()
    assert (row["outcome"], row["event_type"], row["instance_id"]) == ("failed", "", poll.instance_id)
    assert row["error"] == poll.error_message
    assert [record.message for record in env.host.warnings if record.level == "ERROR"] == [poll.error_message]


async def test_1password_out_of_reach_has_a_health_row_too(env: Environment) -> None:
    """An outage is the commonest failure; its row is there as soon as the retries are over."""
    env.source.faults.add(DropConnection(), times=ALWAYS)
    poll = await env.poll()
    assert poll.error_message.startswith("introspection: no whole answer from https://localhost")
    (row,) = env.health()
    assert (row["outcome"], row["error"]) == ("failed", poll.error_message)
