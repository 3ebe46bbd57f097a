"""Runs beside and after each other: ticks, leases, restarts, deaths."""

import asyncio
from datetime import UTC, datetime, timedelta

import durabletask.internal.orchestrator_service_pb2 as pb
import pytest

from local.host import RuntimeStatus
from local.onepassword import ALWAYS, DropConnection, OnePasswordSimulator, Status
from local.patience import next_second, within
from tests.e2e.conftest import BRISK, STREAMS, Environment, Launch, until


def has_ended(env: Environment, name: str) -> bool:
    instance = env.host.client.get_instance(name)
    return instance is not None and instance.finished


async def test_two_polls_at_once_deliver_everything_once(launch: Launch) -> None:
    """A stream is granted to one run at a time; the other ends as busy, which is normal."""
    async with launch(events=1_500) as env:
        held = [env.hold(stream) for stream in STREAMS]
        ids = [env.start_poll(), env.start_poll()]
        streams = [f"{poll}-{stream}" for poll in ids for stream in STREAMS]
        # Each stream has one run that is held, so whatever ends by then found its stream taken.
        await until(lambda: sum(has_ended(env, stream) for stream in streams) == len(STREAMS))
        for hold in held:
            hold.release()
        polls = [await env.host.client.wait_for(name) for name in ids]
        outcomes = sorted(result["outcome"] for poll in polls for result in poll.output["streams"].values())
        assert {poll.status for poll in polls} == {RuntimeStatus.COMPLETED}
        assert outcomes == ["busy"] * 3 + ["ok"] * 3
        env.assert_all_landed_once()


async def test_a_tick_that_finds_a_poll_running_skips_and_says_so(env: Environment) -> None:
    """One instance per tick, and none on top of another."""
    held = env.hold("auditevents")
    await env.host.fire_timer("poll_on_schedule")
    await next_second()  # this tick would have an id of its own
    await env.host.fire_timer("poll_on_schedule")
    polls = [found for found in env.host.client.query("poll-") if found.name == "poll"]
    assert len(polls) == 1
    warnings = [record.message for record in env.host.warnings]
    assert f"skipped this tick: {polls[0].instance_id} is still running" in warnings
    held.release()
    await env.host.client.wait_for(polls[0].instance_id)
    env.assert_all_landed_once()


async def test_a_tick_that_is_late_says_so(env: Environment) -> None:
    """A tick that makes up for one that the host missed starts a poll and says in the log that it is late."""
    await env.host.fire_timer("poll_on_schedule", past_due=True)
    (poll,) = [found.instance_id for found in env.host.client.query("poll-") if found.name == "poll"]
    await until(lambda: f"started {poll} (the tick was late)" in env.log.read_text())
    await env.host.client.wait_for(poll)


async def test_ticks_at_the_same_moment_are_one(env: Environment) -> None:
    """Whoever comes second finds the poll running, or at least its id taken; neither fails."""
    held = env.hold("auditevents")
    await next_second()
    began = datetime.now(UTC).replace(microsecond=0)
    await asyncio.gather(*(env.host.fire_timer("poll_on_schedule") for _ in range(4)))
    seconds = (datetime.now(UTC).replace(microsecond=0) - began).total_seconds() + 1
    held.release()
    polls = [found for found in env.host.client.query("poll-") if found.name == "poll"]
    for poll in polls:
        await env.host.client.wait_for(poll.instance_id)
    # Ids count in seconds; leases keep apart what ticks of several seconds start.
    assert 1 <= len(polls) <= seconds
    env.assert_all_landed_once()


async def test_a_poll_that_hangs_is_in_the_health_table_once_an_hour(env: Environment) -> None:
    """Ticks write it there themselves, as many as there are, and start the next poll beside it."""
    client = env.host.client
    held = env.hold("auditevents")
    await env.host.fire_timer("poll_on_schedule")
    (name,) = [found.instance_id for found in client.query("poll-") if found.name == "poll"]
    await until(held.reached)
    for hours in (1, 2):
        client.backdate(name, timedelta(hours=1, seconds=10))
        await env.host.fire_timer("poll_on_schedule")
        await env.host.fire_timer("poll_on_schedule")
        rows = env.health(f"| where instance_id == '{name}'")
        assert [(row["outcome"], row["event_type"]) for row in rows] == [("failed", "")] * hours
    assert all(row["error"].startswith(f"{name} has been running for ") for row in rows)
    notes = [found for found in client.query("long-poll-") if found.name == "note_long_polls"]
    assert len(notes) == 2
    assert {(await client.wait_for(note.instance_id)).status for note in notes} == {RuntimeStatus.COMPLETED}
    held.release()


@pytest.mark.engine
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


async def terminated(env: Environment, **pacing: float) -> str:
    """Terminate a poll and its stream while an activity is at work, which ends afterwards."""
    held = env.hold("auditevents")
    name = env.start_poll(**pacing)
    await until(held.reached)
    for instance in (name, f"{name}-auditevents"):
        env.host.client.terminate(instance)
        await env.host.client.wait_for(instance)
    held.release()
    return name


async def test_a_terminated_poll_blocks_its_streams(env: Environment) -> None:
    """Ticks before its lease runs out end as busy, and say until when."""
    name = await terminated(env)
    busy = await env.poll()
    assert busy.output["streams"]["auditevents"]["outcome"] == "busy"
    assert busy.output["healthy"] is False
    (row,) = env.health("| where outcome == 'busy' and event_type == 'auditevents'")
    assert f"{name}-auditevents holds the stream until" in row["error"]


@pytest.mark.engine
@pytest.mark.parametrize("purge", [False, True], ids=["terminated", "purged"])
async def test_a_stream_that_no_run_holds_is_free_within_a_tick(env: Environment, *, purge: bool) -> None:
    """The first tick after its activity must have ended finds that its run is over; the lease stands for minutes."""
    name = await terminated(env, transfer_limit=within(2.0))
    if purge:
        env.host.engine.service.PurgeInstances(pb.PurgeInstancesRequest(instanceId=f"{name}-auditevents"))
    # The terminated run's activity may have had time to deliver its events; then it commits them and renews the lease.
    await env.work_has_ended("auditevents")
    lease_until = datetime.fromisoformat(env.cursor("auditevents")["lease_until"])
    assert (await env.poll()).output["streams"]["auditevents"]["outcome"] == "ok"
    assert datetime.fromisoformat(env.cursor("auditevents")["run"]["at"]) < lease_until
    env.assert_all_landed_once()


@pytest.mark.engine
async def test_the_engine_tells_executions_apart(env: Environment) -> None:
    """A stream's memory has the execution that held it last: another one for each run, also under the same id."""
    name = (await env.poll()).instance_id
    first = env.cursor("auditevents")["execution"]
    env.host.client.restart(name)
    await until(lambda: env.cursor("auditevents")["execution"] != first)
    await env.host.client.wait_for(name)
    assert first
    assert env.cursor("auditevents")["execution"]


@pytest.mark.engine
async def test_a_stream_that_was_terminated_is_reported_for(env: Environment) -> None:
    """A poll reports a terminated stream in its own output and in the health table: the stream cannot."""
    held = env.hold("auditevents")
    name = env.start_poll()
    await until(held.reached)
    env.host.client.terminate(f"{name}-auditevents", "enough of it")
    await env.host.client.wait_for(f"{name}-auditevents")
    held.release()
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
    # The second attempt comes when the lease has run out. It goes on only if another run has the stream by then, and
    # the next attempt does if that takes longer.
    lease = {"lease_seconds": within(2.0), "transfer_limit": within(0.5), "retry_seconds": within(4.0), "attempts": 5}
    slow = env.start_poll(**lease)
    await until(lambda: env.source.requests["auditevents"])
    await env.lease_has_run_out("auditevents")
    assert (await env.poll()).output["streams"]["auditevents"]["outcome"] == "ok"
    late = await env.host.client.wait_for(slow)
    assert late.output["streams"]["auditevents"]["outcome"] == "superseded"
    (row,) = env.health("| where outcome == 'superseded' and event_type == 'auditevents'")
    assert row["error"] == "auditevents: another run took the stream over, or its cursor was reset or purged"
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
    held = env.hold("auditevents")
    name = env.start_poll()
    for stream in ("signinattempts", "itemusages"):
        child = await env.host.client.wait_for(f"{name}-{stream}")
        assert child.output["outcome"] == "ok"
    assert env.child(name, "auditevents").status is RuntimeStatus.RUNNING
    held.release()
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
