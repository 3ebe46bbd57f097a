"""Answers that neither a fuzzer nor a bad request gets: of an app that cannot work, for a browser, and after a typo."""

from datetime import timedelta
from typing import Any, Final

import aiohttp

from tests.api.document import operations, undocumented
from tests.e2e.api import days_ago
from tests.e2e.conftest import Environment, Launch, launch

__all__ = ["launch"]  # a fixture

BROWSER: Final = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ID: Final = "20260101T000000Z-00000000"
BODIES: Final[dict[str, Any]] = {
    "start_backfill": {"start_time": days_ago(5)},
    "reset_cursor": {"start_time": days_ago(5)},
}


async def ask_everything(env: Environment, accept: str = "*/*") -> dict[str, tuple[int, str]]:
    """Call every operation once; give the status and the kind of each answer, all of which are documented."""
    found = {}
    async with aiohttp.ClientSession(headers={"Accept": accept}) as session:
        for method, path, operation in operations():
            name = operation["operationId"]
            url = env.host.http_url + path.format(id=ID, key="nobody-auditevents")
            async with session.request(method, url, json=BODIES.get(name)) as response:
                body = await response.read()
            assert undocumented(name, response.status, response.headers["Content-Type"], body) == []
            found[name] = (response.status, response.content_type)
    return found


async def test_what_the_app_cannot_do_it_says_as_documented(launch: Launch) -> None:
    """With settings of no use and no storage, what needs them is 503, and the status is there all the same."""
    async with launch(change=lambda _: {"ONEPASSWORD_TOKEN": "", "ONEPASSWORD_EVENTS_URL": ""}) as env:
        found = await ask_everything(env)
    problem, json = "application/problem+json", "application/json"
    assert found == {
        "show_status": (200, json),
        "poll_now": (202, json),
        "reset_cursor": (404, problem),
        "start_backfill": (503, problem),
        "list_backfills": (200, json),
        "show_backfill": (404, problem),
        "stop_backfill": (404, problem),
        "list_dead_letters": (503, problem),
        "start_replay": (503, problem),
    }


async def test_a_browser_is_given_a_page_of_the_status_and_nothing_else(launch: Launch) -> None:
    """All other answers are JSON, whatever is asked for."""
    async with launch(storage=True) as env:
        found = await ask_everything(env, BROWSER)
    assert found.pop("show_status") == (200, "text/html")
    assert {kind for _, kind in found.values()} == {"application/json", "application/problem+json"}
    assert {status for status, _ in found.values()} == {200, 202, 404}


async def test_what_somebody_typed_into_the_monitor_breaks_no_answer(launch: Launch) -> None:
    """A cursor whose key begins with no time outlives its run, and the key is all that tells of its window then."""
    stream = {"account": "", "account_key": "X", "event_type": "auditevents"}
    window = {"start_time": days_ago(5), "end_time": days_ago(2)}
    async with launch(storage=True) as env:
        typed = {"v": 1, "stream": stream, "key": "99999999T999999Z-deadbeef-X-auditevents", **window}
        await env.host.client.wait_for(env.host.client.start("drain_stream", typed, "typed"))
        env.host.client.backdate("typed", timedelta(days=400))
        await env.host.fire_timer("housekeeping")
        assert env.host.client.get_instance("typed") is None
        found = await ask_everything(env)
    assert {found[name][0] for name in ("show_status", "list_backfills")} == {200}
