"""The main job: what 1Password has stands in the table, once, labelled and typed."""

import json
import re
from collections import defaultdict

import pytest

from local.ingestion import DropAfterStore, RefuseRows
from local.onepassword import ALWAYS, Rewrite
from onepassword_sentinel.destination import EVENTS_STREAM, HEALTH_STREAM
from tests.e2e.conftest import APP_DIR, STREAMS, Environment, Launch


async def test_every_event_lands_once_in_its_stream(launch: Launch) -> None:
    """Several pages a stream, new and late events between polls: nothing lost, nothing doubled."""
    async with launch(events=2_500) as env:
        assert (await env.poll()).output["healthy"] is True
        env.assert_all_landed_once()
        for stream in STREAMS:
            env.source.add_events(stream, 40)
        env.source.add_events("itemusages", 40, late=True)
        assert (await env.poll()).output["healthy"] is True
        env.assert_all_landed_once()
        assert env.account("itemusages").rows == 2_580


async def test_a_tick_of_the_timer_starts_a_poll_that_reads_well(env: Environment) -> None:
    """Instance ids tell what, when and which stream; the output has counts and no event."""
    await env.host.fire_timer("poll_on_schedule")
    (poll,) = [found for found in env.host.client.query("poll-") if found.name == "poll"]
    poll = await env.host.client.wait_for(poll.instance_id)
    assert len(poll.instance_id) == len("poll-20261122T124500Z")
    children = {found.instance_id for found in env.host.client.query(f"{poll.instance_id}-")}
    assert children == {f"{poll.instance_id}-{stream}" for stream in STREAMS}
    assert {name: result["events"] for name, result in poll.output["streams"].items()} == dict.fromkeys(STREAMS, 300)


def _functions(env: Environment) -> dict[str, set[str]]:
    """Name the functions by their trigger."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, function in env.host.functions.items():
        found[function.trigger].add(name)
    return found


async def test_the_app_has_these_functions(launch: Launch) -> None:
    """The worker library indexes these and none of the SDK's, whatever the settings are; the schedule is a setting."""
    async with launch(change=lambda _: {"ONEPASSWORD_TOKEN": "none", "POLL_SCHEDULE": "7 */3 * * * *"}) as env:
        assert _functions(env) == {
            "timerTrigger": {"poll_on_schedule", "housekeeping"},
            "httpTrigger": {
                *("poll_now", "reset_cursor", "show_status", "list_dead_letters", "start_replay"),
                *("start_backfill", "list_backfills", "show_backfill", "stop_backfill"),
            },
            "orchestrationTrigger": {
                *("poll", "drain_stream", "backfill", "reset_stream", "replay_dead_letters", "note_long_polls"),
            },
            "activityTrigger": {
                *("discover_streams", "look_up_run", "transfer_events", "report_health", "upload_dead_letters"),
            },
            "entityTrigger": {"stream_cursor", "recent_polls"},
        }
        assert env.host.functions["poll_on_schedule"].schedule == "7 */3 * * * *"


@pytest.mark.engine
async def test_an_idle_poll_asks_once_per_stream_and_moves_nothing(env: Environment) -> None:
    """Nothing new costs one request a stream and one introspection; all else on the network is health rows."""
    await env.poll()
    identity = env.simulators.identity
    assert identity is not None
    before, moved = env.source.requests.copy(), [env.cursor(stream)["moved_at"] for stream in STREAMS]
    uploaded, signed_in = env.sink.requests.copy(), identity.requests
    poll = await env.poll()
    spent = env.source.requests - before
    assert poll.output["healthy"] is True
    assert spent == {"introspect": 1, **dict.fromkeys(STREAMS, 1)}
    # A row for each stream, and the heartbeat.
    assert env.sink.requests - uploaded == {HEALTH_STREAM: len(STREAMS), EVENTS_STREAM: 1}
    assert identity.requests == signed_in
    assert [env.cursor(stream)["moved_at"] for stream in STREAMS] == moved


async def test_rows_carry_what_the_rules_need(env: Environment) -> None:
    """Names, types and derived columns are those of the official table, put right."""
    await env.poll()
    sample = env.rows(
        "OnePasswordEventLogs_CL | where log_source == 'signinattempts' and isnotempty(user_type)"
        " | extend at = timestamp, ingested = TimeGenerated | take 1",
    )[0]
    assert sample["action_type"]
    assert json.loads(sample["target_user"])["user_type"] == sample["user_type"]
    assert sample["backfill_id"] == ""
    assert sample["at"] < sample["ingested"]
    assert env.rows("OnePasswordEventLogs_CL | where isnull(timestamp) | count") == [{"Count": 0}]
    (large,) = env.rows("OnePasswordEventLogs_CL | summarize largest = max(aux_id)")
    assert large["largest"] > 2**31


async def test_a_stream_starts_where_the_settings_say(launch: Launch) -> None:
    """With a look-back of three days nothing older is asked for, and nothing younger is missed."""
    async with launch(change=lambda _: {"FIRST_RUN_LOOKBACK_DAYS": "3"}) as env:
        await env.poll()
        env.assert_all_landed_once()
        (age,) = env.rows("OnePasswordEventLogs_CL | summarize oldest = min(timestamp)")
        assert 0 < (env.account("auditevents").rows or 0) < 300
        start = env.cursor("auditevents")["position"]["start_time"]
        assert age["oldest"].isoformat() >= start.removesuffix("Z")


async def test_a_backlog_is_drained_in_bounded_steps(launch: Launch) -> None:
    """An activity ends after its pages, each step is committed, and a poll ends when its budget is used up."""
    async with launch(events=6_000) as env:
        first = await env.poll(transfer_pages=2, budget_seconds=0)
        assert {result["outcome"] for result in first.output["streams"].values()} == {"more"}
        assert first.output["healthy"] is True
        assert {result["pages"] for result in first.output["streams"].values()} == {2}
        second = await env.poll(transfer_pages=2)
        assert {result["outcome"] for result in second.output["streams"].values()} == {"ok"}
        env.assert_all_landed_once()


async def test_health_rows_say_what_happened(env: Environment) -> None:
    """One row per stream and poll, and a heartbeat for a healthy poll."""
    poll = await env.poll()
    rows = {row["event_type"]: row for row in env.health()}
    assert set(rows) == set(STREAMS)
    for row in rows.values():
        assert (row["outcome"], row["events"], row["error"]) == ("ok", 300, "")
        assert row["pages"] == row["requests"] >= 1
        assert min(row["chunks"], row["bytes"], row["seconds"], row["lag_seconds"]) > 0
        assert row["connector_version"]
        assert row["instance_id"].startswith(poll.instance_id)
    assert env.heartbeats() == {poll.instance_id}


async def test_schema_drift_is_reported_and_delivered(env: Environment) -> None:
    """A field that 1Password adds does not stop anything, and is named."""

    def add_field(page: dict) -> dict:
        return {**page, "items": [{**item, "risk_score": 7} for item in page["items"]]}

    env.source.faults.add(Rewrite(add_field), target="auditevents", times=ALWAYS)
    poll = await env.poll()
    assert poll.output["streams"]["auditevents"]["drift"] == "risk_score"
    assert [row["drift"] for row in env.health("| where event_type == 'auditevents'")] == ["risk_score"]
    env.assert_all_landed_once()


async def test_the_documents_query_counts_each_event_once(launch: Launch) -> None:
    """An acknowledgement was lost, so a chunk stands in the table twice; the query of docs/delivery.md removes it."""
    query = re.search(r"```kusto\n(.+?)```", (APP_DIR / "docs/delivery.md").read_text(), re.DOTALL)
    assert query is not None
    async with launch() as env:
        env.sink.faults.add(DropAfterStore(), target="Custom-OnePasswordEvents")
        await env.poll()
        accounts = [env.account(stream) for stream in STREAMS]
        assert sum(account.duplicated or 0 for account in accounts) == env.sink.unacknowledged_rows == 300
        assert env.rows(f"{query[1]} | count") == [{"Count": 900}]


async def test_an_event_that_cannot_be_a_row_is_kept_and_said(launch: Launch) -> None:
    """The health table counts it and the run's output names the container; the poll is healthy all the same."""
    async with launch(storage=True) as env:
        uuid = env.source.logs["auditevents"].uuid_at(7)
        env.sink.refusals.append(RefuseRows(uuid.encode()))
        poll = await env.poll()
        assert poll.output["healthy"] is True
        (row,) = env.health("| where event_type == 'auditevents'")
        assert (row["outcome"], row["events"], row["dead_letters"]) == ("ok", 299, 1)
        said = "auditevents: 1 event is kept in the blob container onepassword-dead-letters, with the reason"
        assert row["error"] == said
        assert f"ok: {said}" in env.log.read_text()
        (blob,) = await env.storage.blobs("onepassword-dead-letters")
        assert json.loads(blob.body)["uuid"] == blob.metadata["uuid"] == uuid
        assert (blob.metadata["stream"], blob.metadata["reason"], blob.metadata["status"]) == (
            "auditevents",
            "refused",
            "400",
        )
        assert blob.name.startswith(f"{env.source.account_uuid}-auditevents/")
