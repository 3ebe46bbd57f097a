"""The simulated streams over HTTP: cursors, windows, pages, and the ledger of what was offered."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from onepassword_client import LONG_AGO, PAGES_AT_MOST, Client, Clock, serving, uuids

from local.onepassword import EVENT_TYPES, OnePasswordSimulator


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(clock: Clock) -> AsyncIterator[Client]:
    async with serving(OnePasswordSimulator(events=2500, now=clock)) as client:
        yield client


@pytest.mark.parametrize("event_type", EVENT_TYPES)
async def test_every_event_is_delivered_once(client: Client, event_type: str) -> None:
    """A client that follows the cursor gets every event of its window once, in the ledger's order."""
    events, _ = await client.drain(event_type, limit=1000, start_time=LONG_AGO)
    assert len(set(uuids(events))) == 2500
    assert uuids(events) == list(client.simulator.offered(event_type))
    assert client.simulator.served[event_type] == 2500


async def test_ledger_is_empty_before_a_reset(client: Client) -> None:
    """Nothing counts as offered until a reset cursor was accepted."""
    assert await client.status("auditevents", {"limit": 0}) == 400
    assert list(client.simulator.offered("auditevents")) == []


async def test_ledger_begins_at_the_earliest_start(client: Client, clock: Clock) -> None:
    """The ledger holds what lies behind the earliest accepted start, events that come later included."""
    for days in (1, 3, 2):
        await client.page("itemusages", start_time=(clock.time - timedelta(days=days)).isoformat())
    added = client.simulator.add_events("itemusages", 3)
    offered = list(client.simulator.offered("itemusages"))
    window, _ = await client.drain("itemusages", limit=1000, start_time=(clock.time - timedelta(days=3)).isoformat())
    assert offered == uuids(window)
    assert offered[-3:] == added


async def test_cursor_repeats_while_nothing_is_new(client: Client) -> None:
    """At the end of the stream the API answers with the very cursor that was sent."""
    _, cursor = await client.drain("signinattempts", limit=1000, start_time=LONG_AGO)
    again = await client.page("signinattempts", cursor=cursor)
    assert again["items"] == []
    assert again["has_more"] is False
    assert again["cursor"] == cursor


async def test_late_events_follow_the_cursor(client: Client) -> None:
    """A late event lies behind the newest timestamp, and still comes after the cursor that was given before it."""
    events, cursor = await client.drain("itemusages", limit=1000, start_time=LONG_AGO)
    newest = max(datetime.fromisoformat(event["timestamp"]) for event in events)
    added = client.simulator.add_events("itemusages", 50, late=True)
    late, _ = await client.drain("itemusages", cursor=cursor)
    assert uuids(late) == added
    behind = [newest - datetime.fromisoformat(event["timestamp"]) for event in late]
    assert min(behind) >= timedelta(minutes=5)
    assert max(behind) <= timedelta(hours=26)


async def test_window_selects_by_timestamp(client: Client, clock: Clock) -> None:
    """start_time is inclusive and end_time exclusive; the end still binds the cursor."""
    events, _ = await client.drain("auditevents", limit=1000, start_time=LONG_AGO)
    moments = sorted(event["timestamp"] for event in events if event["timestamp"].endswith("Z"))
    start, end = moments[300], moments[900]
    window = {"start_time": start, "end_time": end}
    inside, cursor = await client.drain("auditevents", limit=100, **window)
    chosen = [event["timestamp"] for event in inside if event["timestamp"].endswith("Z")]
    assert start in chosen
    assert end not in chosen
    clock.forward(minutes=1)
    client.simulator.add_events("auditevents", 5)
    assert (await client.page("auditevents", cursor=cursor))["items"] == []


async def test_defaults_are_the_last_hour_and_a_hundred(client: Client, clock: Clock) -> None:
    """An empty body means the last hour, a hundred events at a time."""
    client.simulator.add_events("auditevents", 150)
    page = await client.page("auditevents")
    assert len(page["items"]) == 100
    assert page["has_more"] is True
    hour_ago = clock.time - timedelta(hours=1)
    assert all(datetime.fromisoformat(event["timestamp"]) >= hour_ago for event in page["items"])


async def test_limit_travels_in_the_cursor(client: Client) -> None:
    """A cursor that was born with a limit keeps it."""
    first = await client.page("auditevents", limit=7, start_time=LONG_AGO)
    second = await client.page("auditevents", cursor=first["cursor"])
    assert [len(page["items"]) for page in (first, second)] == [7, 7]


async def test_same_request_same_page(client: Client) -> None:
    """A cursor may be sent again: the page is the same, and so is what follows."""
    first = await client.page("auditevents", limit=10, start_time=LONG_AGO)
    pages = [await client.page("auditevents", cursor=first["cursor"]) for _ in range(2)]
    assert pages[0] == pages[1]
    assert not set(uuids(pages[0]["items"])) & set(uuids(first["items"]))


async def test_history_ends_after_120_days(client: Client, clock: Clock) -> None:
    """Events older than 120 days are gone, whatever start was named."""
    clock.forward(days=117)
    events, _ = await client.drain("auditevents", limit=1000, start_time=LONG_AGO)
    assert 0 < len(events) < 2500
    oldest = min(datetime.fromisoformat(event["timestamp"]) for event in events)
    assert oldest >= clock.time - timedelta(days=120)
    assert uuids(events) == list(client.simulator.offered("auditevents"))


@pytest.mark.parametrize("event_type", EVENT_TYPES)
async def test_empty_pages_that_promise_more(client: Client, event_type: str) -> None:
    """Now and then a page is empty although more is there; never twice in a row, and nothing is lost by it."""
    sizes, body = [], {"limit": 25, "start_time": LONG_AGO}
    seen: list[str] = []
    for _ in range(PAGES_AT_MOST):
        page = await client.page(event_type, **body)
        sizes.append(len(page["items"]))
        seen += uuids(page["items"])
        body = {"cursor": page["cursor"]}
        if not page["has_more"]:
            break
    empty = [number for number, size in enumerate(sizes) if not size]
    assert len(empty) == 3
    assert all(sizes[number - 1] and sizes[number + 1] for number in empty)
    assert len(set(seen)) == len(seen) == 2500


async def test_key_order_varies(client: Client) -> None:
    """The keys of a page come in more than one order."""
    orders, body = set(), {"limit": 10, "start_time": LONG_AGO}
    for _ in range(6):
        page = await client.page("auditevents", **body)
        orders.add(tuple(page))
        body = {"cursor": page["cursor"]}
    assert len(orders) > 3
