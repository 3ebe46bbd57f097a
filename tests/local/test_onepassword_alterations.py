"""What can be changed about a simulated stream: single events, the length of cursors, and what overlaps."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from onepassword_client import LONG_AGO, Client, Clock, serving, uuids

from local.onepassword import OnePasswordSimulator, Overlap

FIRST = {"limit": 50, "start_time": LONG_AGO}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(clock: Clock) -> AsyncIterator[Client]:
    simulator = OnePasswordSimulator(events=120, now=clock)
    simulator.empty_pages = False
    async with serving(simulator) as client:
        yield client


def setting(**fields: Any) -> Callable[[bytes], bytes]:
    return lambda event: json.dumps({**json.loads(event), **fields}).encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"details": {"value": "x" * 2_000_000}},
        {"details": {"value": "x" * 70_000}},
        {"__class__": "Popen", "__module__": "subprocess", "__data__": ["true"]},
        {"unheard_of": {"of": [1, None]}},
        {"action": "unheard-of", "object_type": "unheard-of"},
    ],
    ids=["2 MB", "64 KB", "class", "key", "enum"],
)
async def test_an_altered_event_comes_altered_every_time(client: Client, fields: dict[str, Any]) -> None:
    """It keeps its uuid and its place, all others are as they were, and the ledger does not notice."""
    plain, _ = await client.drain("auditevents", **FIRST)
    client.simulator.alter("auditevents", 70, setting(**fields))
    offered = list(client.simulator.offered("auditevents"))
    for limit in (50, 1000):
        events, _ = await client.drain("auditevents", limit=limit, start_time=LONG_AGO)
        assert events.pop(70) == {**plain[70], **fields}
        assert events == plain[:70] + plain[71:]
    assert offered == uuids(plain)


async def test_an_event_that_has_only_just_arrived_is_altered_in_its_own_stream(client: Client) -> None:
    """The place counts arrivals, so that a late event's is the last one."""
    (uuid,) = client.simulator.add_events("itemusages", 1, late=True)
    client.simulator.alter("itemusages", len(client.simulator.logs["itemusages"]) - 1, setting(action="unheard-of"))
    for stream, altered in (("itemusages", [uuid]), ("auditevents", [])):
        events, _ = await client.drain(stream, **FIRST)
        assert [event["uuid"] for event in events if event.get("action") == "unheard-of"] == altered


async def test_a_later_edit_replaces_an_earlier_one(client: Client) -> None:
    """Each edit starts from the original, so that the original can be had back."""
    plain = await client.page("auditevents", **FIRST)
    client.simulator.alter("auditevents", 3, setting(first=1))
    client.simulator.alter("auditevents", 3, setting(second=2))
    assert (await client.page("auditevents", **FIRST))["items"][3] == {**plain["items"][3], "second": 2}
    client.simulator.alter("auditevents", 3, bytes)
    assert await client.page("auditevents", **FIRST) == plain


@pytest.mark.parametrize(
    ("position", "edit", "error"),
    [
        (0, setting(uuid="ANOTHER"), ValueError),
        (0, lambda _: b"{}", ValueError),
        (0, lambda event: event[:-1], ValueError),
        (120, bytes, IndexError),
        (-1, bytes, IndexError),
    ],
)
async def test_what_cannot_be_altered(
    client: Client, position: int, edit: Callable[[bytes], bytes], error: type[Exception]
) -> None:
    """An edit that loses the uuid, and an event that is not there, are refused at once and not when it is asked for."""
    with pytest.raises(error):
        client.simulator.alter("auditevents", position, edit)
    assert len((await client.drain("auditevents", **FIRST))[0]) == 120


async def test_long_cursors(client: Client) -> None:
    """Cursors grow by the padding, and short and long ones lead to the same page, whatever the padding is then."""
    short = (await client.page("auditevents", **FIRST))["cursor"]
    client.simulator.cursor_padding = 10_000
    long = (await client.page("auditevents", **FIRST))["cursor"]
    assert len(long) == len(short) + 10_000
    following = await client.page("auditevents", cursor=short)
    assert await client.page("auditevents", cursor=long) == following
    assert len(following["cursor"]) == len(long)
    client.simulator.cursor_padding = 0
    events, last = await client.drain("auditevents", cursor=long)
    assert len(events) == 70
    assert len(last) == len(short)


async def test_a_long_cursor_repeats_while_nothing_is_new(client: Client) -> None:
    """At the end of the stream the padded cursor comes back as it was sent, and is good in no other stream."""
    client.simulator.cursor_padding = 10_000
    _, cursor = await client.drain("auditevents", **FIRST)
    assert (await client.page("auditevents", cursor=cursor))["cursor"] == cursor
    assert await client.status("itemusages", {"cursor": cursor}) == 400


async def test_overlap(client: Client) -> None:
    """A page begins with the end of the one before it, event for event the same, and the stream goes on as it would."""
    client.simulator.alter("auditevents", 48, setting(unheard_of=True))
    first = await client.page("auditevents", **FIRST)
    real = await client.page("auditevents", cursor=first["cursor"])
    offered = list(client.simulator.offered("auditevents"))
    client.simulator.faults.add(Overlap(7), target="auditevents")
    page = await client.page("auditevents", cursor=first["cursor"])
    assert page == {**real, "items": first["items"][-7:] + real["items"]}
    assert page["items"][5]["unheard_of"] is True
    rest, _ = await client.drain("auditevents", cursor=page["cursor"])
    assert uuids(first["items"] + real["items"] + rest) == offered == list(client.simulator.offered("auditevents"))


async def test_overlap_on_an_empty_page(client: Client) -> None:
    """A poll that has nothing new can bring old events; the cursor is the one that was sent."""
    events, cursor = await client.drain("auditevents", **FIRST)
    client.simulator.faults.add(Overlap(3))
    page = await client.page("auditevents", cursor=cursor)
    assert (page["items"], page["has_more"], page["cursor"]) == (events[-3:], False, cursor)


async def test_overlap_where_nothing_precedes(client: Client) -> None:
    """The first page is the real one, and a cursor brings no event from outside its window or beyond its start."""
    real = await client.page("auditevents", **FIRST)
    client.simulator.faults.add(Overlap(1_000), times=3)
    assert await client.page("auditevents", **FIRST) == real
    second = await client.page("auditevents", cursor=real["cursor"])
    assert uuids(second["items"]) == list(client.simulator.offered("auditevents"))[:100]
    late = {"limit": 5, "start_time": client.simulator.now().isoformat()}
    assert (await client.page("auditevents", **late))["items"] == []


@pytest.mark.parametrize("hours", [1, 5, 30, 100])
async def test_overlap_stays_in_the_window(client: Client, clock: Clock, hours: int) -> None:
    """However far it reaches back, it brings what the cursor's window selects and nothing else, in its order."""
    client.simulator.add_events("itemusages", 30, late=True)
    client.simulator.add_events("itemusages", 5)
    start = (clock.time - timedelta(hours=hours)).isoformat()
    events, cursor = await client.drain("itemusages", limit=10, start_time=start)
    client.simulator.faults.add(Overlap(1_000))
    assert 5 <= len(events) < 155
    assert (await client.page("itemusages", cursor=cursor))["items"] == events


async def test_overlap_across_arrivals(client: Client, clock: Clock) -> None:
    """What arrived last comes again first, late events too, and nothing that is older than 120 days."""
    _, cursor = await client.drain("itemusages", **FIRST)
    clock.forward(minutes=1)
    added = client.simulator.add_events("itemusages", 2, late=True) + client.simulator.add_events("itemusages", 2)
    assert uuids((await client.drain("itemusages", cursor=cursor))[0]) == added
    _, cursor = await client.drain("itemusages", cursor=cursor)
    client.simulator.faults.add(Overlap(3), times=2)
    assert uuids((await client.page("itemusages", cursor=cursor))["items"]) == added[-3:]
    clock.forward(days=121)
    assert (await client.page("itemusages", cursor=cursor))["items"] == []
