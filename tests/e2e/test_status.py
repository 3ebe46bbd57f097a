"""The status, as JSON and as a page in a real browser, of an app that is well and of one that is not."""

import pytest

from local.ingestion import RefuseRows
from local.onepassword import ALWAYS, Status
from tests.browser import chromium, new_page
from tests.e2e.api import call, days_ago
from tests.e2e.conftest import STREAMS, Environment, Launch
from tests.e2e.test_reruns import start_backfill

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


async def test_before_the_first_poll_nothing_is_called_healthy(env: Environment) -> None:
    """There is nothing to say yet, and that is said."""
    status = (await call(env, "GET", "/api/status")).body
    assert (status["healthy"], status["streams"], status["polls"]) == (False, [], [])
    assert status["summary"] == "No stream has been polled yet"


async def test_a_poll_leaves_a_record_however_it_ends(env: Environment) -> None:
    """Also one that fails, and one that Durable Functions Monitor restarts under another id."""
    await env.recorded((done := await env.poll()).instance_id)
    env.source.revoke(env.simulators.settings["ONEPASSWORD_TOKEN"])
    again = env.host.client.restart(done.instance_id, new_id=True)
    await env.recorded(again)
    status = (await call(env, "GET", "/api/status")).body
    assert [(poll["instance_id"], poll["state"], poll["counts"]) for poll in status["polls"]] == [
        (again, "failed", {}),
        (done.instance_id, "completed", {"ok": 3}),
    ]
    assert status["polls"][0]["error"] == status["problems"][0]


async def test_a_healthy_app(launch: Launch) -> None:
    """Every stream with its counts, the polls, and no problem."""
    async with launch(storage=True) as env:
        for _ in range(2):
            await env.poll()
        status = (await call(env, "GET", "/api/status")).body
        assert (status["healthy"], status["summary"]) == (True, "All 3 streams are healthy")
        assert {stream["event_type"] for stream in status["streams"]} == set(STREAMS)
        for stream in status["streams"]:
            assert (stream["health"], stream["events_total"], stream["events_today"]) == ("healthy", 300, 300)
            quarters = stream["polled"]
            assert [sum(quarter[name] for quarter in quarters) for name in ("polls", "events", "failed")] == [2, 300, 0]
            assert max(quarter["most"] for quarter in quarters) == 300
            assert sum(quarter["bytes"] for quarter in quarters) == stream["bytes_today"]
            assert (stream["dead_letters"], stream["last_failure"]) == (0, None)
            assert stream["key"] == env.key(stream["event_type"])
            assert stream["bytes_today"] > 0
        assert [poll["state"] for poll in status["polls"]] == ["completed", "completed"]
        assert (status["problems"], status["dead_letters_problem"]) == ([], "")


async def test_a_broken_app(launch: Launch) -> None:
    """What fails is failing, with what to do, and the rest is as it is."""
    async with launch(storage=True) as env:
        uuid = env.source.logs["itemusages"].uuid_at(7)
        env.sink.refusals.append(RefuseRows(uuid.encode()))
        await env.poll()
        env.source.faults.add(Status(401), target="auditevents")
        await env.recorded((await env.poll()).instance_id)
        status = (await call(env, "GET", "/api/status")).body
        streams = {stream["event_type"]: stream for stream in status["streams"]}
        assert {name: stream["health"] for name, stream in streams.items()} == {
            "auditevents": "failing",
            "itemusages": "healthy",
            "signinattempts": "healthy",
        }
        assert status["summary"] == "2 of 3 streams are healthy; look at auditevents"
        assert "put it into ONEPASSWORD_TOKEN" in streams["auditevents"]["last_failure"]["message"]
        assert streams["itemusages"]["dead_letters"] == 1
        assert status["polls"][0]["outcomes"]["auditevents"] == "failed"


@pytest.mark.engine
async def test_a_revoked_token_does_not_leave_its_streams_healthy(env: Environment) -> None:
    """Its streams are unpolled on the status, and the failed poll's message is the problem."""
    await env.poll()
    env.source.revoke(env.simulators.settings["ONEPASSWORD_TOKEN"])
    poll = await env.poll()
    await env.recorded(poll.instance_id)
    status = (await call(env, "GET", "/api/status")).body
    assert {stream["health"] for stream in status["streams"]} == {"unpolled"}
    assert status["problems"] == [poll.error_message]


async def test_wrong_settings_are_on_the_status(launch: Launch) -> None:
    """The page is there although nothing else works, and says which settings to mend."""
    change = {"LOGS_INGESTION_RULE_ID": "onepassword-events", "POLL_SCHEDULE": "0 */5 * * * *"}
    async with launch(change=lambda _: change) as env:
        await env.recorded((await env.poll()).instance_id)
        status = (await call(env, "GET", "/api/status")).body
        (problem,) = status["problems"]
        assert problem.startswith("Fix these app settings: LOGS_INGESTION_RULE_ID must be the rule's immutable id")
        refused = await call(env, "POST", "/api/backfill", {"start_time": days_ago(1)})
        assert (refused.status, refused.body["detail"]) == (503, problem)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (HTML, "text/html"),
        ("text/html", "text/html"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("application/json, text/html;q=0.9", "application/json"),
        ("image/png", "application/json"),
    ],
)
async def test_browsers_get_the_page_and_programs_the_data(env: Environment, accept: str, kind: str) -> None:
    """By the Accept header; whoever has no wish gets JSON."""
    answer = await call(env, "GET", "/api/status", Accept=accept)
    assert answer.headers["content-type"].partition(";")[0] == kind
    assert (answer.headers["cache-control"], answer.headers["vary"]) == ("no-store", "Accept")


async def test_the_page_in_a_browser(launch: Launch) -> None:
    """Well, then broken: the state is in the title, each failure is readable, and nothing else is loaded or run."""
    change = {"MONITOR_URL": "https://dfm.example/OnePasswordEvents"}
    async with launch(change=lambda _: change) as env, chromium() as browser:
        poll = await env.poll()
        page = await new_page(browser)
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: asked.append(request.url))
        address = f"{env.host.http_url}/api/status"
        await page.goto(address)
        assert "3" in await page.title()
        assert await page.get_by_role("heading", name="All 3 streams are healthy").count() == 1
        link = page.get_by_role("link", name=poll.instance_id)
        monitor = f"https://dfm.example/OnePasswordEvents/durable-instances/{poll.instance_id}"
        assert await link.get_attribute("href") == monitor

        backfill_id, name = start_backfill(env, days_ago(30))
        await env.host.client.wait_for(name)
        env.source.faults.add(
            Status(401, b'<script>document.title="owned"</script>'), target="auditevents", times=ALWAYS
        )
        await env.poll()
        await page.goto(address)
        assert await page.get_by_role("heading", name="2 of 3 streams are healthy; look at auditevents").count() == 1
        assert await page.get_by_text("put it into ONEPASSWORD_TOKEN").first.is_visible()
        assert await page.get_by_text('<script>document.title="owned"</script>').first.is_visible()
        assert await page.get_by_text(backfill_id).first.is_visible()
        assert "owned" not in await page.title()
        assert said == []
        assert asked == [address, address]
