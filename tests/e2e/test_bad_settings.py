"""Wrong settings: said by the poll, in the health table and on the status page; what can do without them goes on."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.host import Instance, RuntimeStatus
from local.ingestion import RefuseRows
from local.onepassword import LEGACY_AUDIENCE
from local.simulators import Simulators
from onepassword_sentinel.schedule import DEFAULT_SCHEDULE
from tests.e2e.api import call, days_ago
from tests.e2e.conftest import STREAMS, Environment, Launch, until

REFERENCE = "@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/onepassword)"

type Setting = Callable[[Simulators], dict[str, str]]


def token(simulators: Simulators, **options: Any) -> str:
    assert simulators.onepassword is not None
    return simulators.onepassword.token(**options)


def yesterday() -> datetime:
    return datetime.now(UTC) - timedelta(days=1)


async def change(env: Environment, settings: Mapping[str, str]) -> None:
    """Change app settings as Azure does, which starts the app anew."""
    worker = env.host.worker
    env.host._settings.update(settings)
    before = worker.generation
    worker.kill()
    await until(lambda: worker.generation > before)


async def status(env: Environment) -> dict[str, Any]:
    found = await call(env, "GET", "/api/status")
    assert found.status == 200
    return dict(found.body)


async def assert_said(env: Environment, poll: Instance, sentence: str) -> None:
    """The poll failed with the sentence, a health row has the whole of it, and the status page shows it."""
    assert (poll.status, poll.error_message) == (RuntimeStatus.FAILED, sentence)
    (row,) = env.health()
    assert (row["outcome"], row["account"], row["event_type"], row["error"]) == ("failed", "", "", sentence)
    assert row["instance_id"] == poll.instance_id
    await env.recorded(poll.instance_id)
    page = await status(env)
    assert (page["healthy"], page["problems"], page["streams"]) == (False, [sentence], [])
    assert page["polls"][0]["error"] == sentence
    assert env.heartbeats() == set()


ACCOUNT: dict[str, tuple[Setting, str]] = {
    "unresolved": (
        lambda _: {"ONEPASSWORD_TOKEN": REFERENCE},
        "ONEPASSWORD_TOKEN is a Key Vault reference that Azure did not resolve: check the secret's name",
    ),
    "truncated": (
        lambda simulators: {"ONEPASSWORD_TOKEN": simulators.settings["ONEPASSWORD_TOKEN"][:99]},
        "ONEPASSWORD_TOKEN is not a whole Events API token",
    ),
    "legacy": (
        lambda simulators: {"ONEPASSWORD_TOKEN": token(simulators, aud=LEGACY_AUDIENCE)},
        "ONEPASSWORD_TOKEN names no host: set ONEPASSWORD_EVENTS_URL",
    ),
    "expired": (
        lambda simulators: {"ONEPASSWORD_TOKEN": token(simulators, expires=yesterday())},
        "ONEPASSWORD_TOKEN expired on ",
    ),
    "missing": (lambda _: {"ONEPASSWORD_TOKEN": ""}, "ONEPASSWORD_TOKEN is missing: give it the Events API"),
    "plain http": (
        lambda _: {"ONEPASSWORD_EVENTS_URL": "http://events.1password.com"},
        "ONEPASSWORD_EVENTS_URL must be an https:// address without path, such as https://events.1password.com",
    ),
    "with a path": (
        lambda _: {"ONEPASSWORD_EVENTS_URL": "https://events.1password.com/api/v2"},
        "ONEPASSWORD_EVENTS_URL must be an https:// address without path",
    ),
    "no address": (
        lambda _: {"ONEPASSWORD_EVENTS_URL": "events.1password.com"},
        "ONEPASSWORD_EVENTS_URL must be an https:// address without path",
    ),
}


@pytest.mark.parametrize(("changed", "says"), ACCOUNT.values(), ids=ACCOUNT)
async def test_an_account_that_cannot_be_used_is_reported(launch: Launch, changed: Setting, says: str) -> None:
    """With what to mend; nothing is asked for, and the token is sent nowhere."""
    async with launch(change=changed) as env:
        poll = await env.poll()
        assert poll.error_message.startswith(f"Fix these app settings: {says}")
        await assert_said(env, poll, poll.error_message)
        assert env.source.requests.total() == 0


async def test_an_address_where_nobody_answers_is_reported(launch: Launch) -> None:
    """It may be a passing fault, so it is asked again first."""
    async with launch(change=lambda simulators: {"ONEPASSWORD_TOKEN": token(simulators, aud="localhost:1")}) as env:
        poll = await env.poll()
        assert poll.error_message.startswith("introspection: ")
        assert "from https://localhost:1" in poll.error_message
        await assert_said(env, poll, poll.error_message)


async def test_one_account_that_cannot_be_used_is_reported_under_its_name(launch: Launch) -> None:
    """The others are polled, and are backfilled without a word of it."""
    async with launch(change=lambda _: {"ONEPASSWORD_TOKEN_ACME": REFERENCE}) as env:
        poll = await env.poll()
        assert poll.error_message.startswith("Fix these app settings: ONEPASSWORD_TOKEN_ACME is a Key Vault reference")
        await assert_said_beside_streams(env, poll, poll.error_message, account="ACME")
        env.assert_all_landed_once()
        assert await backfilled(env, account="") is RuntimeStatus.COMPLETED
        assert await backfilled(env) is RuntimeStatus.FAILED


async def assert_said_beside_streams(env: Environment, poll: Instance, sentence: str, *, account: str = "") -> None:
    """As for a poll of which nothing came, but that every stream is well and says so."""
    assert (poll.status, poll.error_message) == (RuntimeStatus.FAILED, sentence)
    (row,) = env.health("| where event_type == ''")
    assert (row["outcome"], row["account"], row["error"]) == ("failed", account, sentence)
    assert row["instance_id"] == poll.instance_id
    assert {row["outcome"] for row in env.health("| where event_type != ''")} == {"ok"}
    await env.recorded(poll.instance_id)
    page = await status(env)
    assert (page["healthy"], page["problems"]) == (False, [sentence])
    assert {stream["event_type"]: stream["health"] for stream in page["streams"]} == dict.fromkeys(STREAMS, "healthy")
    assert page["summary"] == "The connector needs attention"
    assert env.heartbeats() == set()


async def backfilled(env: Environment, **about: str) -> RuntimeStatus:
    answer = await call(env, "POST", "/api/backfill", {"start_time": days_ago(1), **about})
    assert answer.status == 202, answer
    return (await env.host.client.wait_for(answer.body["instance_id"], 60)).status


OPTIONS = {
    "no NCRONTAB": ("POLL_SCHEDULE", "every 5 minutes", "POLL_SCHEDULE must be an NCRONTAB expression of six fields"),
    "TimeSpan": ("POLL_SCHEDULE", "00:05:00", "POLL_SCHEDULE must be an NCRONTAB expression of six fields"),
    "unresolved": ("POLL_SCHEDULE", "%SCHEDULE%", "POLL_SCHEDULE must be an NCRONTAB expression of six fields"),
    "retention": (
        "HISTORY_RETENTION_DAYS",
        "0",
        "HISTORY_RETENTION_DAYS must be a whole number of days from 1 to 3650",
    ),
    "monitor": ("MONITOR_URL", "dfm.example", "MONITOR_URL must be an address with the hub"),
}


@pytest.mark.parametrize(("name", "value", "says"), OPTIONS.values(), ids=OPTIONS)
async def test_a_wrong_option_is_reported_by_a_poll_that_delivers(
    launch: Launch, name: str, value: str, says: str
) -> None:
    """The app is indexed, everything lands, and every poll fails until somebody puts it right."""
    async with launch(change=lambda _: {name: value}) as env:
        assert env.host.functions["poll_on_schedule"].schedule == DEFAULT_SCHEDULE
        poll = await env.poll()
        assert poll.error_message.startswith(f"Fix these app settings: {says}")
        await assert_said_beside_streams(env, poll, poll.error_message)
        env.assert_all_landed_once()
        assert await backfilled(env) is RuntimeStatus.COMPLETED


async def test_a_wrong_schedule_still_polls(launch: Launch) -> None:
    """The timer fires by the default, and what it starts delivers."""
    async with launch(change=lambda _: {"POLL_SCHEDULE": "0 0 0 30 2 *"}) as env:
        await env.host.fire_timer("poll_on_schedule")
        (name,) = [run.instance_id for run in env.host.client.query("poll-") if run.name == "poll"]
        poll = await env.host.client.wait_for(name, 60)
        assert poll.error_message == (
            "Fix these app settings: POLL_SCHEDULE must be an NCRONTAB expression of six fields, seconds first, such "
            "as 0 */5 * * * * (its day never comes); until it is, 1Password is polled every 5 minutes"
        )
        env.assert_all_landed_once()


async def test_a_schedule_of_five_fields_or_none_is_right(launch: Launch) -> None:
    """As in Azure; without one polls come every five minutes, and nobody is told that anything is wrong."""
    async with launch(change=lambda _: {"POLL_SCHEDULE": "*/10 * * * MON-FRI"}) as env:
        assert env.host.functions["poll_on_schedule"].schedule == "0 */10 * * * MON-FRI"
        await change(env, {"POLL_SCHEDULE": ""})
        assert (await env.poll()).output["healthy"] is True
        assert (await status(env))["problems"] == []


LOOKBACK = (
    "Fix these app settings: FIRST_RUN_LOOKBACK_DAYS must be a whole number of days from 0 to 120; until it is, a "
    "stream that has no cursor yet does not begin"
)


async def test_a_wrong_look_back_begins_no_stream(launch: Launch) -> None:
    """Begun at another place it would never ask for what is older; begun once the setting is right it has it all."""
    async with launch(change=lambda _: {"FIRST_RUN_LOOKBACK_DAYS": "121"}) as env:
        poll = await env.poll()
        why = "it has no cursor yet, and FIRST_RUN_LOOKBACK_DAYS says no place to begin"
        assert poll.error_message == f"{LOOKBACK} | {', '.join(STREAMS)}: {why}"
        rows = {row["event_type"]: row for row in env.health()}
        assert {name: row["error"] for name, row in rows.items()} == {
            "": LOOKBACK,
            **{stream: f"{stream}: {why}" for stream in STREAMS},
        }
        assert {row["outcome"] for row in rows.values()} == {"failed"}
        await env.recorded(poll.instance_id)
        page = await status(env)
        assert (page["healthy"], page["problems"]) == (False, [LOOKBACK])
        assert {stream["event_type"]: stream["health"] for stream in page["streams"]} == dict.fromkeys(
            STREAMS, "failing"
        )
        assert (env.source.requests.keys(), env.heartbeats()) == ({"introspect"}, set())

        await change(env, {"FIRST_RUN_LOOKBACK_DAYS": "120"})
        assert (await env.poll()).output["healthy"] is True
        env.assert_all_landed_once()


async def test_a_wrong_look_back_keeps_no_stream_that_has_begun(launch: Launch) -> None:
    """It has a cursor, and does without; so does a backfill, which has a window."""
    async with launch() as env:
        await env.poll()
        env.source.add_events("auditevents", 25)
        await change(env, {"FIRST_RUN_LOOKBACK_DAYS": "a year"})
        poll = await env.poll()
        assert (poll.status, poll.error_message) == (RuntimeStatus.FAILED, LOOKBACK)
        env.assert_all_landed_once()
        await env.recorded(poll.instance_id)
        page = await status(env)
        assert (page["problems"], {stream["health"] for stream in page["streams"]}) == ([LOOKBACK], {"healthy"})
        assert await backfilled(env) is RuntimeStatus.COMPLETED


DESTINATION = {
    "no endpoint": ("LOGS_INGESTION_ENDPOINT", "", "LOGS_INGESTION_ENDPOINT is missing: take the data collection"),
    "no address": ("LOGS_INGESTION_ENDPOINT", "rule.example", "LOGS_INGESTION_ENDPOINT must be an https:// address"),
    "a name": ("LOGS_INGESTION_RULE_ID", "onepassword", "LOGS_INGESTION_RULE_ID must be the rule's immutable id"),
}


@pytest.mark.parametrize(("name", "value", "says"), DESTINATION.values(), ids=DESTINATION)
async def test_a_wrong_destination_is_on_the_status_page(launch: Launch, name: str, value: str, says: str) -> None:
    """There is no table to write it to; what else is wrong is said in the same breath."""
    async with launch(change=lambda _: {name: value, "FIRST_RUN_LOOKBACK_DAYS": "x"}) as env:
        poll = await env.poll()
        assert poll.status is RuntimeStatus.FAILED
        assert poll.error_message.startswith(f"Fix these app settings: {says}")
        assert "; FIRST_RUN_LOOKBACK_DAYS must be a whole number" in poll.error_message
        await env.recorded(poll.instance_id)
        assert (await status(env))["problems"] == [poll.error_message]
        assert env.source.requests.total() == 0
        assert "the health rows of this poll could not be delivered: Fix these app settings: " in env.log.read_text()
        refused = await call(env, "POST", "/api/backfill", {"start_time": days_ago(1)})
        assert (refused.status, refused.body["detail"]) == (503, poll.error_message)


async def test_a_token_that_cannot_be_used_keeps_no_dead_letter(launch: Launch) -> None:
    """They are listed, counted and delivered again without 1Password; a backfill is refused, which needs it."""
    async with launch(storage=True) as env:
        uuid = env.source.logs["auditevents"].uuid_at(7)
        env.sink.refusals.append(RefuseRows(uuid.encode()))
        assert (await env.poll()).output["healthy"] is True
        env.sink.refusals.clear()
        await change(env, {"ONEPASSWORD_TOKEN": REFERENCE})
        (problem,) = (await status(env))["problems"]
        (letter,) = (await call(env, "GET", "/api/dead-letters")).body["dead_letters"]
        assert letter["uuid"] == uuid
        counts = {stream["event_type"]: stream["dead_letters"] for stream in (await status(env))["streams"]}
        assert counts == {"signinattempts": 0, "itemusages": 0, "auditevents": 1}
        replayed = await call(env, "POST", "/api/dead-letters/replay")
        assert (replayed.status, replayed.body["uploaded"]) == (200, 1)
        env.assert_all_landed_once()
        refused = await call(env, "POST", "/api/backfill", {"start_time": days_ago(1)})
        assert (refused.status, refused.body["detail"]) == (503, problem)


SORTER = "AzureFunctionsJobHost__extensions__durableTask__entityMessageReorderWindowInMinutes"


async def test_a_setting_that_stops_all_delivery_is_named_at_start_by_ticks_and_on_the_page(launch: Launch) -> None:
    """Polls hang without a word of their own; whoever looks at the log or at the page reads what to do."""
    async with launch(change=lambda _: {SORTER: "30"}) as env:
        says = f"The app setting {SORTER} must be 0"
        assert env.log.read_text().count(says) == 1
        await env.host.fire_timer("poll_on_schedule")
        assert [record.level for record in env.host.warnings if record.message.startswith(says)] == ["ERROR"] * 2
        problems = (await status(env))["problems"]
        assert any(problem.startswith(says) for problem in problems)
        assert any(run.name == "poll" for run in env.host.client.query("poll-"))
