"""Scripted faults: what a client sees of each, and that none of them moves anything."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from onepassword_client import LONG_AGO, Client, serving, uuids

from local.onepassword import (
    ALWAYS,
    Body,
    CutBody,
    Drip,
    DropConnection,
    EmptyPages,
    Exchange,
    Fault,
    OnePasswordSimulator,
    RepeatCursor,
    Rewrite,
    Stall,
    Status,
)
from local.patience import until

PATH = "/api/v2/auditevents"
FIRST = {"limit": 50, "start_time": LONG_AGO}


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    simulator = OnePasswordSimulator(events=120)
    simulator.empty_pages = False
    async with serving(simulator) as client:
        yield client


async def test_script_order(client: Client) -> None:
    """Faults meet matching requests in the order in which they were added, each as often as told, after its pause."""
    faults = client.simulator.faults
    faults.add(Status(500), target="auditevents", times=2, after=1)
    faults.add(Status(503), target="itemusages")
    faults.add(Status(429))
    seen = [await client.status("auditevents", {}) for _ in range(4)]
    seen += [await client.status("itemusages", {}) for _ in range(2)]
    assert seen == [429, 500, 500, 200, 503, 200]
    assert faults.pending == 0
    assert client.simulator.requests == {"auditevents": 4, "itemusages": 2}


async def test_script_can_be_cleared(client: Client) -> None:
    """A fault that would last for ever ends when the script is cleared."""
    client.simulator.faults.add(Status(500), times=ALWAYS)
    assert [await client.status("auditevents", {}) for _ in range(3)] == [500] * 3
    client.simulator.faults.clear()
    assert await client.status("auditevents", {}) == 200


@pytest.mark.parametrize("code", [400, 401, 404, 429, 500])
async def test_statuses_have_the_api_s_bodies(client: Client, code: int) -> None:
    """A scripted status carries the body that the API has for it."""
    client.simulator.faults.add(Status(code))
    status, body = await client.send("POST", PATH, json=FIRST)
    assert status == code
    assert any(text in body for text in (b"Error", b"message", b"404 page not found"))


async def test_status_with_body_and_headers(client: Client) -> None:
    """A gateway's answer can be scripted whole, and comes before the token is even looked at."""
    client.simulator.faults.add(Status(502, b"<html>", {"Retry-After": "3"}, "text/html"), target="introspect")
    async with client.session.get(f"{client.simulator.url}/api/v2/auth/introspect") as response:
        assert (response.status, response.content_type) == (502, "text/html")
        assert response.headers["Retry-After"] == "3"
        assert await response.read() == b"<html>"


@pytest.mark.parametrize("body", [b"<html></html>", b'{"cursor":"x","items":[{', b'{"cursor":"\xff"}'])
async def test_bodies(client: Client, body: bytes) -> None:
    """Any bytes can stand where a page should."""
    client.simulator.faults.add(Body(body))
    assert await client.send("POST", PATH, json=FIRST) == (200, body)


@pytest.mark.parametrize("fault", [DropConnection(), CutBody(100), CutBody(10**9)], ids=repr)
async def test_broken_connections(client: Client, fault: Fault) -> None:
    """The connection breaks before or within the answer: the client is told nothing that looks whole."""
    # aiohttp itself repeats a request once when a kept-alive connection turns out to be closed.
    client.simulator.faults.add(fault, times=2)
    with pytest.raises(aiohttp.ClientError):
        await client.send("POST", PATH, json=FIRST)
    client.simulator.faults.clear()
    assert list(client.simulator.offered("auditevents")) == []
    assert client.simulator.served.total() == 0
    assert len((await client.page("auditevents", **FIRST))["items"]) == 50


async def test_stall(client: Client) -> None:
    """A stalled answer outlasts the client's patience, and was then never given."""
    client.simulator.faults.add(Stall(600))
    request = asyncio.create_task(client.send("POST", PATH, json=FIRST))
    await until(lambda: client.simulator.requests)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(request, 0.1)
    assert list(client.simulator.offered("auditevents")) == []
    client.simulator.faults.add(Stall(0.01))
    assert (await client.send("POST", PATH, json=FIRST))[0] == 200


@dataclass(frozen=True)
class Held(Fault):
    """A fault of this test's own."""

    reached: asyncio.Event

    async def apply(self, exchange: Exchange) -> web.StreamResponse:
        self.reached.set()
        await asyncio.sleep(60)
        return await exchange.send(await exchange.answer())


async def test_stop_does_not_wait_for_an_answer(client: Client) -> None:
    """A new fault needs nothing but its method, and the simulator stops although one is still at work."""
    held = Held(asyncio.Event())
    client.simulator.faults.add(held)
    request = asyncio.create_task(client.send("POST", PATH, json=FIRST))
    await held.reached.wait()
    await client.simulator.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await request


@pytest.mark.parametrize("limit", [1, 50])
async def test_drip(client: Client, limit: int) -> None:
    """A dripping answer is the real one."""
    client.simulator.faults.add(Drip(200_000))
    dripped = await client.page("auditevents", limit=limit, start_time=LONG_AGO)
    assert dripped == await client.page("auditevents", limit=limit, start_time=LONG_AGO)
    assert client.simulator.served == {"auditevents": 2 * limit}


@pytest.mark.parametrize("size", [50, 97, 10_000])
async def test_drip_writes_every_byte(client: Client, size: int) -> None:
    """Whatever the slices are, the body arrives whole."""
    client.simulator.faults.add(Drip(20 * size))
    dripped = await client.send("GET", "/api/v2/auth/introspect")
    assert dripped == await client.send("GET", "/api/v2/auth/introspect")


async def test_repeated_cursor(client: Client) -> None:
    """The request's own cursor comes back with a promise of more, and the stream is where it was."""
    first = await client.page("auditevents", **FIRST)
    client.simulator.faults.add(RepeatCursor(), times=2)
    for _ in range(2):
        page = await client.page("auditevents", cursor=first["cursor"])
        assert (page["cursor"], page["has_more"], page["items"]) == (first["cursor"], True, [])
    rest, _ = await client.drain("auditevents", cursor=first["cursor"])
    assert uuids(first["items"] + rest) == list(client.simulator.offered("auditevents"))


@pytest.mark.parametrize("fault", [RepeatCursor(), EmptyPages(), EmptyPages(has_more=False)], ids=repr)
async def test_empty_answers_to_a_reset(client: Client, fault: Fault) -> None:
    """A stream may begin with empty pages: the cursor that they carry leads to every event."""
    client.simulator.faults.add(fault)
    assert (await client.introspect())["features"]
    page = await client.page("auditevents", **FIRST)
    assert page["items"] == []
    events, _ = await client.drain("auditevents", cursor=page["cursor"])
    assert uuids(events) == list(client.simulator.offered("auditevents"))
    assert len(events) == 120


async def test_empty_pages(client: Client) -> None:
    """Several empty pages in a row each bring a new cursor and no event, and lose none."""
    client.simulator.faults.add(EmptyPages(), times=4, after=1)
    events, _ = await client.drain("auditevents", **FIRST)
    assert len(set(uuids(events))) == 120
    assert client.simulator.requests["auditevents"] == 7


async def test_rewrite(client: Client) -> None:
    """The real answer can be edited: a page, or what introspection says."""

    def foreign_field(page: dict[str, Any]) -> dict[str, Any]:
        return {**page, "items": [{**item, "new_field": {"a": 2**62}} for item in page["items"]]}

    client.simulator.faults.add(Rewrite(foreign_field), target="auditevents")
    client.simulator.faults.add(Rewrite(lambda body: {"features": [], **body}), target="introspect")
    page = await client.page("auditevents", **FIRST)
    assert [item["new_field"]["a"] for item in page["items"]] == [2**62] * 50
    assert next(iter(await client.introspect())) == "features"
    assert client.simulator.served == {"auditevents": 50}


async def test_refusals_outrank_edits(client: Client) -> None:
    """A fault that starts from the real answer shows the API's error when there is no page."""
    client.token = "unknown"
    for fault in (Rewrite(dict), CutBody(1), RepeatCursor()):
        client.simulator.faults.add(fault)
        assert await client.status("auditevents", {}) == 401
