"""Broken remotes: one clear sentence, nothing committed, nothing lost, the other streams go on."""

from datetime import datetime
from typing import Any

import pytest

from local.host import RuntimeStatus
from local.ingestion import Status as Refusal
from local.onepassword import (
    ALWAYS,
    Body,
    CutBody,
    DropConnection,
    Fault,
    RepeatCursor,
    Rewrite,
    Status,
)
from local.patience import until_past
from local.simulators import Simulators
from tests.e2e.conftest import Environment, Launch

OTHERS = ("signinattempts", "itemusages")
HTML = Body(b"<!DOCTYPE html><title>Sign in</title>", "text/html")
EMPTY_AND_STUCK = RepeatCursor()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Status(401, b'{"Error":{"Message":"Unauthorized"}}'), "put it into ONEPASSWORD_TOKEN"),
        (Status(404, b"404 page not found"), "is not the Events API"),
        (Status(500, b'{"Error":{"Message":"Internal Server Error"}}'), "status.1password.com"),
        (HTML, "a proxy may be in between"),
        (Body(b'{"cursor":"c","has_more":false,"items":[{"uuid":"\xff"}]}'), "text that is not UTF-8"),
        (Body(b'{"cursor":"c","has_more":false}'), "JSON that is not a page"),
        (Body(b'{"cursor":"c","has_more":fal'), "malformed JSON"),
        (CutBody(2_000), "no whole answer"),
        (DropConnection(), "no whole answer"),
        (Status(400, b'{"Error":{"Message":"Bad Request"}}'), "please report it"),
    ],
    ids=["401", "404", "500", "html", "utf-8", "shape", "truncated", "cut", "dropped", "400"],
)
async def test_a_stream_that_fails_says_why_and_keeps_nobody(env: Environment, fault: Fault, says: str) -> None:
    """The poll's output names stream, sight and remedy; the next poll delivers everything."""
    env.source.faults.add(fault, target="auditevents", times=2)
    poll = await env.poll()
    assert poll.status is RuntimeStatus.FAILED
    assert poll.error_message.startswith("auditevents: ")
    assert says in poll.error_message
    assert env.child(poll.instance_id, "auditevents").error_message == poll.error_message
    state = env.cursor("auditevents")
    assert (state["position"]["cursor"], state["outcome"], state["error"]) == (None, "failed", poll.error_message)
    assert env.account("auditevents").rows == 0
    env.assert_all_landed_once(*OTHERS)
    (row,) = env.health("| where event_type == 'auditevents'")
    assert (row["outcome"], row["error"], row["events"]) == ("failed", poll.error_message, 0)
    assert env.heartbeats() == set()

    env.source.faults.clear()
    healed = await env.poll()
    assert healed.output["healthy"] is True
    env.assert_all_landed_once()


def _token(simulators: Simulators, **options: Any) -> str:
    assert simulators.onepassword is not None
    return simulators.onepassword.token(**options)


async def test_a_revoked_token_names_its_setting(env: Environment) -> None:
    """Introspection is where a token that is no longer good shows first."""
    env.source.revoke(env.simulators.settings["ONEPASSWORD_TOKEN"])
    poll = await env.poll()
    assert poll.status is RuntimeStatus.FAILED
    assert poll.error_message.startswith("introspection: 1Password answered 401")
    assert "put it into ONEPASSWORD_TOKEN" in poll.error_message


async def test_a_token_without_a_stream_has_two_and_says_so_once(launch: Launch) -> None:
    """What a token does not cover is no failure."""
    features = ("signinattempts", "auditevents")
    async with launch(change=lambda s: {"ONEPASSWORD_TOKEN": _token(s, features=features)}) as env:
        for _ in range(2):
            assert set((await env.poll()).output["streams"]) == set(features)
        warnings = [record.message for record in env.host.warnings if "does not cover" in record.message]
        (warning,) = warnings
        assert warning.startswith("the token in ONEPASSWORD_TOKEN does not cover itemusages")
        env.assert_all_landed_once(*features)


@pytest.mark.engine
async def test_a_short_throttling_is_waited_out(env: Environment) -> None:
    """A durable timer waits within the poll's budget, and the poll goes on by itself."""
    env.source.faults.add(Status(429, b"", {"Retry-After": "1"}), target="auditevents")
    poll = await env.poll()
    assert poll.output["healthy"] is True
    (row,) = env.health("| where event_type == 'auditevents'")
    assert (row["outcome"], row["error"], row["events"]) == ("ok", "", 300)
    timers = [
        event for event in env.host.client.history(f"{poll.instance_id}-auditevents") if event.HasField("timerFired")
    ]
    assert timers
    env.assert_all_landed_once()


async def test_a_long_throttling_is_left_to_later_ticks(env: Environment) -> None:
    """Being asked to slow down is no failure and no success: no heartbeat, and nobody asks before the time is over."""
    env.source.faults.add(Status(429, b"", {"Retry-After": "3600"}), target="auditevents")
    poll = await env.poll(budget_seconds=1)
    assert poll.status is RuntimeStatus.COMPLETED
    assert (poll.output["healthy"], poll.output["streams"]["auditevents"]["outcome"]) == (False, "throttled")
    assert env.heartbeats() == set()
    # What the process knows of it dies with the process; what the cursor knows does not.
    env.host.worker.kill()
    asked = env.source.requests["auditevents"]
    early = await env.poll(budget_seconds=1)
    assert early.output["streams"]["auditevents"]["outcome"] == "throttled"
    assert env.source.requests["auditevents"] == asked
    error = env.child(early.instance_id, "auditevents").output["error"]
    assert ("quota is used up" in error, "asked to wait until" in error) == (True, True)


async def test_a_tick_after_a_throttling_goes_on(env: Environment) -> None:
    """The first one behind the time that 1Password asked for delivers everything."""
    env.source.faults.add(Status(429, b"", {"Retry-After": "2"}), target="auditevents")
    poll = await env.poll(budget_seconds=0)
    assert poll.output["streams"]["auditevents"]["outcome"] == "throttled"
    await until_past(datetime.fromisoformat(env.cursor("auditevents")["not_before"]))
    assert (await env.poll()).output["healthy"] is True
    env.assert_all_landed_once()


async def test_a_health_row_waits_for_a_rule_that_throttles(env: Environment) -> None:
    """What happened is told all the same, and the heartbeat comes after it."""
    env.sink.faults.add(Refusal(429, b"", {"Retry-After": "1"}), target="Custom-OnePasswordConnectorHealth", times=2)
    poll = await env.poll()
    assert poll.output["healthy"] is True
    assert {row["event_type"] for row in env.health()} == {*OTHERS, "auditevents"}
    assert env.heartbeats() == {poll.instance_id}
    assert env.sink.faults.pending == 0


async def test_a_throttled_introspection_is_no_failure_either(env: Environment) -> None:
    """Nothing is polled, the health table says why, and a tick after the time is over finds everything."""
    env.source.faults.add(Status(429, b"", {"Retry-After": "3600"}), target="introspect")
    poll = await env.poll()
    assert (poll.status, poll.output["healthy"], poll.output["streams"]) == (RuntimeStatus.COMPLETED, False, {})
    (row,) = env.health()
    assert (row["outcome"], "quota is used up" in row["error"]) == ("throttled", True)
    again = await env.poll()
    assert (again.output["healthy"], env.source.requests) == (False, {"introspect": 1})
    env.host.worker.kill()
    await env.poll()
    env.assert_all_landed_once()


async def test_a_fault_between_pages_keeps_the_pages_before_it(launch: Launch) -> None:
    """What was acknowledged is committed, and the run goes on from there by itself."""
    async with launch(events=3_500) as env:
        env.source.faults.add(Status(502, b"<html>Bad gateway</html>"), target="auditevents", after=2, times=1)
        poll = await env.poll()
        assert poll.output["healthy"] is True
        assert env.source.requests["auditevents"] > env.source.requests["signinattempts"]
        env.assert_all_landed_once()


@pytest.mark.parametrize("failing", [1, 2, 3], ids=["first chunk", "second chunk", "third chunk"])
async def test_a_refused_chunk_is_sent_again_and_no_other(launch: Launch, failing: int) -> None:
    """A page of audit events is more than one chunk; those that Azure has are not repeated."""
    async with launch(events=2_500) as env:
        env.sink.faults.add(Refusal(503), target="Custom-OnePasswordEvents", after=failing, times=1)
        assert (await env.poll()).output["healthy"] is True
        env.assert_all_landed_once()


async def test_a_missing_role_says_which(env: Environment) -> None:
    """403 from the rule is an operator's affair; everything waits for it, and lands once it is there."""
    env.sink.faults.add(Refusal(403), times=ALWAYS)
    poll = await env.poll()
    assert poll.status is RuntimeStatus.FAILED
    assert poll.error_message.startswith("signinattempts, itemusages, auditevents: Logs Ingestion answered 403")
    assert "Monitoring Metrics Publisher" in poll.error_message
    env.sink.faults.clear()
    assert (await env.poll()).output["healthy"] is True
    env.assert_all_landed_once()


async def test_a_rejected_cursor_is_replaced_and_the_overlap_shares_its_uuids(env: Environment) -> None:
    """Nothing is lost; at most two days are repeated, and the health table says so."""
    await env.poll()
    env.source.add_events("auditevents", 25)
    env.source.faults.add(Status(400, b'{"Error":{"Message":"Bad Request"}}'), target="auditevents")
    poll = await env.poll()
    assert poll.output["streams"]["auditevents"]["outcome"] == "recovered"
    account = env.account("auditevents")
    assert (account.lost, account.offered) == (0, 325)
    assert 0 < (account.duplicated or 0) < 200
    (row,) = env.health("| where outcome == 'recovered'")
    assert "rejected the cursor" in row["error"]
    env.assert_all_landed_once(*OTHERS)

    env.source.faults.add(Status(400, b'{"Error":{"Message":"Bad Request"}}'), target="auditevents")
    again = await env.poll()
    assert again.status is RuntimeStatus.FAILED
    assert "shortly after it was replaced" in again.error_message
    assert env.account("auditevents") == account


async def test_a_cursor_that_never_moves_does_not_loop(env: Environment) -> None:
    """has_more without end and without events ends the run; the next poll asks anew."""
    await env.poll()
    env.source.faults.add(EMPTY_AND_STUCK, target="auditevents", times=ALWAYS)
    before = env.source.requests["auditevents"]
    assert (await env.poll()).output["healthy"] is True
    assert env.source.requests["auditevents"] == before + 1


async def test_a_page_that_repeats_its_cursor_with_events_is_not_delivered(env: Environment) -> None:
    """Events behind a cursor that does not move would come again for ever."""
    await env.poll()
    cursor = env.cursor("auditevents")["position"]["cursor"]
    env.source.add_events("auditevents", 5)
    env.source.faults.add(
        Rewrite(lambda page: {**page, "cursor": cursor, "has_more": True}), target="auditevents", times=2
    )
    poll = await env.poll()
    assert "a cursor that does not move on" in poll.error_message
    assert (await env.poll()).output["healthy"] is True
    env.assert_all_landed_once()
