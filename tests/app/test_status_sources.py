"""The status reads a bounded number of rows, by prefix or by id, and misses nothing that it shows."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from durabletask.client import OrchestrationStatus

from onepassword_sentinel.position import Position
from onepassword_sentinel.recent_polls import PollRecord, PollStart, RecentPolls, ended, started
from onepassword_sentinel.status import Status
from onepassword_sentinel.status_report import report
from onepassword_sentinel.stream_state import Refusal, StreamState
from onepassword_sentinel.wire import from_wire, to_wire
from tests.app.task_hub import CountingHub
from triggers import running_backfills, status_sources, task_hub

if TYPE_CHECKING:
    import azure.durable_functions as df

NOW = datetime(2026, 11, 27, 12, 0, 30, tzinfo=UTC)
EVENT_TYPES = ("auditevents", "itemusages", "signinattempts")
MOST = 5_000


def uuid(number: int) -> str:
    """Name an account; the first characters are of all kinds that 1Password uses."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    return letters[number % 32] + letters[number * 7 // 32 % 32] + f"{number:024}"


def id_of(time: datetime) -> str:
    return f"poll-{time:%Y%m%dT%H%M%SZ}"


def cursor(hub: CountingHub, key: str, **state: Any) -> None:
    fields: dict[str, Any] = {
        "position": Position(cursor="c", start_time="2026-11-15T12:00:00Z"),
        "asked_at": NOW + timedelta(seconds=1),
        "parent_id": id_of(NOW),
        "outcome": "ok",
        "succeeded_at": NOW - timedelta(seconds=10),
    }
    hub.states[f"@stream_cursor@{key}"] = json.dumps(to_wire(StreamState(**fields | state)))


def hub_with(accounts: int, polls: int = 0) -> CountingHub:
    """Make a hub with live streams, and the runs of polls and their streams at every five minutes until now."""
    hub, recent = CountingHub(), RecentPolls()
    for number in range(accounts):
        for event_type in EVENT_TYPES:
            cursor(hub, f"{uuid(number)}-{event_type}")
    for number in reversed(range(polls)):
        at = NOW - timedelta(minutes=5 * number)
        hub.add_run(id_of(at), "poll", OrchestrationStatus.COMPLETED, at, output='{"healthy": true}')
        recent = ended(recent, PollRecord.of(id_of(at), at, at, outcomes={"auditevents": "ok"}, healthy=True))
        for child in range(accounts * 3):
            hub.add_run(f"{id_of(at)}-{child:04}", "drain_stream", OrchestrationStatus.COMPLETED, at)
    hub.states["@recent_polls@all"] = json.dumps(to_wire(recent))
    return hub


def backfill_cursors(hub: CountingHub, backfills: int, streams: int) -> None:
    """Add finished cursors of backfills, which come before those of live streams."""
    position = Position(cursor="c", start_time="2026-09-01T00:00:00Z", end_time="2026-09-08T00:00:00Z")
    for backfill in range(backfills):
        for number in range(streams):
            cursor(hub, f"20260901T000000Z-{backfill:08x}-{uuid(number)}-auditevents", position=position)


def begin_poll(hub: CountingHub, at: datetime, streams: int) -> None:
    """Add a poll that is at work on its streams."""
    hub.add_run(id_of(at), "poll", OrchestrationStatus.RUNNING, at)
    for number in range(streams):
        hub.add_run(f"{id_of(at)}-{number:04}", "drain_stream", OrchestrationStatus.RUNNING, NOW)
    recent = from_wire(RecentPolls, json.loads(hub.states["@recent_polls@all"]))
    hub.states["@recent_polls@all"] = json.dumps(to_wire(started(recent, PollStart(id_of(at), at))))


async def view(hub: CountingHub) -> Status:
    read = await status_sources.read(cast("df.DurableFunctionsClient", hub), NOW)
    return report(NOW, cursors=read.cursors, recent=read.recent, runs=read.runs, unread=read.unread)


def test_the_budgets_together_are_below_5000() -> None:
    """Whatever fills them."""
    assert status_sources.MOST_ROWS < MOST


async def test_a_day_of_polls_of_150_accounts_costs_a_row_a_stream() -> None:
    """40,000 runs in the hub are not read."""
    hub = hub_with(150, polls=89)
    assert len(hub.runs) > 40_000
    status = await view(hub)
    assert (len(status.streams), status.healthy, status.problems) == (450, True, ())
    assert [poll.instance_id for poll in status.polls] == [id_of(NOW - timedelta(minutes=5 * n)) for n in range(12)]
    assert hub.rows == 450 + 1
    assert hub.scanned == 0
    assert hub.requests < 20


async def test_a_poll_at_work_is_shown_with_150_accounts() -> None:
    """All its streams run at the same time; one that hangs since yesterday is named as well.

    The day's other runs are not gone through.
    """
    hub = hub_with(150, polls=20)
    for at in (NOW - timedelta(hours=20), NOW + timedelta(seconds=1)):
        begin_poll(hub, at, streams=450)
    status = await view(hub)
    assert [poll.state for poll in status.polls] == ["running", *["completed"] * 11]
    (problem,) = status.problems
    assert problem.startswith(f"{id_of(NOW - timedelta(hours=20))} has been running for 20 hours")
    assert hub.rows < MOST
    assert hub.scanned == 2 * 450


async def test_a_poll_that_was_restarted_and_terminated_is_not_healthy() -> None:
    """Its record tells of the run before, which ended well."""
    hub = hub_with(1, polls=1)
    begin_poll(hub, NOW, streams=0)
    again = NOW + timedelta(minutes=1)
    hub.add_run(id_of(NOW), "poll", OrchestrationStatus.TERMINATED, again, output='"enough"')
    recent = from_wire(RecentPolls, json.loads(hub.states["@recent_polls@all"]))
    hub.states["@recent_polls@all"] = json.dumps(to_wire(started(recent, PollStart(id_of(NOW), again))))
    status = await view(hub)
    assert [(poll.instance_id, poll.state) for poll in status.polls] == [(id_of(NOW), "stopped")]
    assert status.problems == (f"{id_of(NOW)} was terminated: enough",)


async def test_cursors_of_backfills_never_hide_a_live_stream() -> None:
    """There are more of them than a view reads."""
    hub = hub_with(150, polls=1)
    backfill_cursors(hub, 20, 450)
    status = await view(hub)
    assert len(status.streams) == 450
    assert status.problems == ("Not every backfill is looked at: there are too many cursors of backfills",)
    assert hub.rows < MOST


async def test_live_streams_beyond_the_first_query_are_shown() -> None:
    """They are read by the first characters of their keys, and none is left out in between."""
    hub = hub_with(600, polls=1)
    backfill_cursors(hub, 1, 1)  # so that the first query ends between the streams of an account
    status = await view(hub)
    assert (len(status.streams), status.problems) == (1_800, ())
    assert hub.rows < MOST


async def test_more_than_a_view_may_read_is_said() -> None:
    """Of streams, of running polls and of backfills; never more rows are read."""
    hub = hub_with(1_200, polls=1)
    backfill_cursors(hub, 10, 450)
    for seconds in (1, 2):
        begin_poll(hub, NOW + timedelta(seconds=seconds), streams=4_000)
    for number in range(4_000):
        name = f"backfill-20260902T000000Z-{number:08x}"
        hub.add_run(name, "backfill", OrchestrationStatus.RUNNING, NOW, input="{}")
        hub.add_run(f"{name}-x", "drain_stream", OrchestrationStatus.FAILED, NOW)
    status = await view(hub)
    assert {problem.partition(":")[0] for problem in status.problems} == {
        "Not every stream is looked at",
        "Not every running poll is looked at",
        "Not every backfill is looked at",
    }
    assert hub.rows < MOST


async def test_a_poll_under_an_id_of_its_own_is_found_through_its_streams() -> None:
    """Durable Functions Monitor restarted it; it was terminated and left no record."""
    hub = hub_with(1, polls=1)
    at = NOW + timedelta(seconds=5)
    cursor(hub, f"{uuid(0)}-auditevents", parent_id="4f5e", asked_at=at)
    hub.add_run("4f5e", "poll", OrchestrationStatus.TERMINATED, at, output='"enough of it"')
    status = await view(hub)
    assert next((poll.instance_id, poll.state, poll.error) for poll in status.polls) == (
        "4f5e",
        "stopped",
        "was terminated: enough of it",
    )


async def test_a_poll_that_was_refused_every_stream_is_found() -> None:
    """Another run held them, so the streams remember it only as refused."""
    hub = hub_with(1, polls=1)
    at = NOW + timedelta(seconds=5)
    refused = Refusal("4f5e-auditevents", "4f5e", "busy")
    cursor(hub, f"{uuid(0)}-auditevents", refused=refused, asked_at=at)
    hub.add_run("4f5e", "poll", OrchestrationStatus.TERMINATED, at, output='"enough of it"')
    assert (await view(hub)).polls[0].instance_id == "4f5e"


async def test_a_run_that_was_terminated_while_it_held_its_stream_is_found() -> None:
    """By its id, which the cursor remembers."""
    hub = hub_with(1, polls=1)
    holder = f"{id_of(NOW)}-auditevents"
    cursor(hub, f"{uuid(0)}-auditevents", holder=holder, lease_until=NOW + timedelta(minutes=9))
    hub.add_run(holder, "drain_stream", OrchestrationStatus.TERMINATED, NOW, output="enough of it")
    (stream,) = [stream for stream in (await view(hub)).streams if stream.event_type == "auditevents"]
    assert "was terminated: enough of it" in stream.explanation


async def test_the_failure_of_a_run_is_its_output() -> None:
    """Azure Storage sends no failure details, and the output of a failed run is no JSON."""
    hub = CountingHub()
    output = "orchestrators.backfill.BackfillFailedError: Fix these app settings: X is missing"
    name = "backfill-20261101T000000Z-0123abcd"
    hub.add_run(name, "backfill", OrchestrationStatus.FAILED, NOW, output=output, input='{"account": "ACME"}')
    client = cast("df.DurableFunctionsClient", hub)
    run = await task_hub.run(client, name)
    assert run is not None
    assert (run.state, run.error, run.output) == ("failed", "Fix these app settings: X is missing", {})
    # It failed before any stream began, so no cursor remembers it.
    (found,) = (await running_backfills.all_of_them(client)).values()
    assert (found.id, found.state, found.failure, found.account) == (
        "20261101T000000Z-0123abcd",
        "failed",
        "Fix these app settings: X is missing",
        "ACME",
    )


@pytest.mark.parametrize("streams", [0, 450])
async def test_a_running_backfill_is_never_missed(streams: int) -> None:
    """Behind the streams of another one, or under an id of its own that only its cursor remembers."""
    hub = hub_with(1)
    for number in range(streams):
        hub.add_run(f"backfill-20261101T000000Z-00000000-{number}", "drain_stream", OrchestrationStatus.RUNNING, NOW)
    about = '{"id": "20261102T000000Z-00000001", "account": "ACME"}'
    hub.add_run("backfill-20261102T000000Z-00000001", "backfill", OrchestrationStatus.RUNNING, NOW, input=about)
    position = Position(cursor="c", start_time="2026-11-03T00:00:00Z", end_time="2026-11-04T00:00:00Z")
    key = f"20261103T000000Z-00000002-{uuid(0)}-auditevents"
    cursor(hub, key, position=position, outcome="throttled", parent_id="4f5e", run_id="4f5e-auditevents")
    hub.add_run("4f5e", "backfill", OrchestrationStatus.RUNNING, NOW, input='{"id": "20261103T000000Z-00000002"}')
    found = await running_backfills.all_of_them(cast("df.DurableFunctionsClient", hub))
    running = {backfill.id: backfill.account for backfill in found.values() if backfill.state == "running"}
    assert running["20261102T000000Z-00000001"] == "ACME"
    assert "20261103T000000Z-00000002" in running
