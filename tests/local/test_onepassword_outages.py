"""Faults of the simulated API as a client meets them over TLS: broken, slow, endless and throttled answers."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from onepassword_client import LONG_AGO, Client, uuids

from local.onepassword import (
    ALWAYS,
    CutBody,
    Drip,
    DropConnection,
    EmptyPages,
    Fault,
    Hold,
    OnePasswordSimulator,
    RepeatCursor,
    Stall,
    Status,
)
from local.patience import until, within
from local.tls import Certificates

PATH = "/api/v2/auditevents"
FIRST = {"limit": 50, "start_time": LONG_AGO}
DATE = "Sun, 22 Nov 2026 12:46:00 GMT"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    certificates = Certificates()
    certificates.write_bundle(tmp_path / "trusted.pem")
    simulator = OnePasswordSimulator(events=120)
    simulator.empty_pages = False
    await simulator.start(certificates.server_context())
    trust = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=tmp_path / "trusted.pem"))
    async with aiohttp.ClientSession(connector=trust) as session:
        yield Client(session, simulator, simulator.token())
    await simulator.stop()


async def test_unreachable(client: Client) -> None:
    """Open connections end and new ones are refused; afterwards the url, token, cursors and faults are good again."""
    simulator, url = client.simulator, client.simulator.url
    first = await client.page("auditevents", **FIRST)
    simulator.faults.add(Status(503))
    for _ in range(2):
        async with simulator.unreachable():
            assert simulator.url == url
            with pytest.raises(aiohttp.ClientConnectorError):
                await client.page("auditevents", cursor=first["cursor"])
            simulator.add_events("auditevents", 1)
    assert simulator.url == url
    assert await client.status("auditevents", {"cursor": first["cursor"]}) == 503
    rest, _ = await client.drain("auditevents", cursor=first["cursor"])
    assert uuids(first["items"] + rest) == list(simulator.offered("auditevents"))
    assert len(rest) == 72
    assert simulator.requests["auditevents"] == 4


async def test_unreachable_ends_what_is_under_way(client: Client) -> None:
    """A request that waits for its answer when the server goes is cut off, and is not answered after its return."""
    client.simulator.faults.add(Stall(600))
    request = asyncio.create_task(client.send("POST", PATH, json=FIRST))
    await until(lambda: client.simulator.requests)
    async with client.simulator.unreachable():
        with pytest.raises(aiohttp.ClientConnectionError):
            await request
    assert client.simulator.served.total() == 0
    assert await client.status("auditevents", FIRST) == 200


async def test_reachable_again_after_a_failure(client: Client) -> None:
    """Whatever ends the outage, the server is back; one that was never started cannot go out of reach."""
    with pytest.raises(ZeroDivisionError):
        async with client.simulator.unreachable():
            raise ZeroDivisionError
    assert await client.status("auditevents", FIRST) == 200
    with pytest.raises(RuntimeError, match="start the simulator first"):
        async with OnePasswordSimulator().unreachable():
            pass


@pytest.mark.parametrize("fault", [DropConnection(), CutBody(0), CutBody(500), CutBody(10**9)], ids=repr)
async def test_a_connection_that_breaks(client: Client, fault: Fault) -> None:
    """Before or within the answer, the client gets an error and nothing whole, and the next request is served."""
    for _ in range(2):  # on a new connection, and on one that has served a page
        client.simulator.faults.add(fault)
        with pytest.raises(aiohttp.ClientError):
            await client.page("auditevents", **FIRST)
        assert client.simulator.faults.pending == 0
        before = client.simulator.served["auditevents"]
        assert len((await client.page("auditevents", **FIRST))["items"]) == 50
        assert client.simulator.served["auditevents"] == before + 50
    assert client.simulator.requests["auditevents"] == 4


async def test_part_of_a_cut_body_arrives(client: Client) -> None:
    """What was sent before the cut reaches the client, status included: the error comes while it reads."""
    client.simulator.gzip = False
    client.simulator.faults.add(CutBody(500))
    headers = {"Authorization": f"Bearer {client.token}"}
    async with client.session.post(client.simulator.url + PATH, json=FIRST, headers=headers) as response:
        assert response.status == 200
        assert len(await response.content.readexactly(500)) == 500
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_a_stall_outlasts_patience(client: Client) -> None:
    """A client that reads with a limit gives up; one that waits gets the real answer."""
    held = Hold()
    client.simulator.faults.add(held)
    with pytest.raises(TimeoutError):
        await client.send("POST", PATH, json=FIRST, timeout=aiohttp.ClientTimeout(sock_read=0.1))
    assert list(client.simulator.offered("auditevents")) == []
    held.release()
    client.simulator.faults.add(Stall(0.2))
    assert len((await client.page("auditevents", **FIRST))["items"]) == 50


async def test_a_drip_defeats_a_limit_on_each_read(client: Client) -> None:
    """Every read succeeds within its limit, so that only a limit on the whole ends it; then nothing was given."""
    client.simulator.faults.add(Drip(200))
    with pytest.raises(TimeoutError) as ended:
        await client.send(
            "POST", PATH, json=FIRST, timeout=aiohttp.ClientTimeout(total=within(1.5), sock_read=within(1.0))
        )
    assert not isinstance(ended.value, aiohttp.SocketTimeoutError)
    assert client.simulator.served.total() == 0
    client.simulator.faults.add(Drip(100_000))
    assert len((await client.page("auditevents", **FIRST))["items"]) == 50


async def test_ten_empty_pages_in_a_row(client: Client) -> None:
    """Each has a cursor of its own and promises more; behind the tenth the stream goes on where it was."""
    first = await client.page("auditevents", **FIRST)
    client.simulator.faults.add(EmptyPages(), times=10)
    cursors = [first["cursor"]]
    for _ in range(10):
        page = await client.page("auditevents", cursor=cursors[-1])
        assert (page["items"], page["has_more"]) == ([], True)
        cursors.append(page["cursor"])
    assert len(set(cursors)) == 11
    rest, _ = await client.drain("auditevents", cursor=cursors[-1])
    assert uuids(first["items"] + rest) == list(client.simulator.offered("auditevents"))


async def test_a_cursor_that_repeats_for_ever(client: Client) -> None:
    """However often it is followed it leads to itself and promises more, until the script is cleared."""
    first = await client.page("auditevents", **FIRST)
    client.simulator.faults.add(RepeatCursor(), target="auditevents", times=ALWAYS)
    for _ in range(30):
        page = await client.page("auditevents", cursor=first["cursor"])
        assert (page["cursor"], page["has_more"], page["items"]) == (first["cursor"], True, [])
    assert (client.simulator.faults.pending, client.simulator.faults.struck) == (1, 30)
    client.simulator.faults.clear()
    rest, _ = await client.drain("auditevents", cursor=first["cursor"])
    assert len(rest) == 70


@pytest.mark.parametrize("value", ["17", DATE, None])
async def test_scripted_throttling(client: Client, value: str | None) -> None:
    """A scripted 429 says when to come back in seconds, by a date, or not at all; it uses up no request."""
    client.simulator.faults.add(Status(429, None, {"Retry-After": value} if value else {}))
    assert await throttled(client) == value
    assert await client.status("auditevents", FIRST) == 200


@pytest.mark.parametrize("value", ["17", DATE, None])
async def test_throttling_by_the_rate(tmp_path: Path, value: str | None) -> None:
    """The API's own 429 says it in the same three ways."""
    certificates = Certificates()
    certificates.write_bundle(tmp_path / "trusted.pem")
    simulator = OnePasswordSimulator(requests_per_minute=0)
    simulator.retry_after = {"17": 17, DATE: datetime(2026, 11, 22, 12, 46, tzinfo=UTC), None: None}[value]
    await simulator.start(certificates.server_context())
    trust = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=tmp_path / "trusted.pem"))
    async with aiohttp.ClientSession(connector=trust) as session:
        assert await throttled(Client(session, simulator, simulator.token())) == value
    await simulator.stop()


async def throttled(client: Client) -> str | None:
    """Ask for a page, be refused with 429, and return its Retry-After."""
    headers = {"Authorization": f"Bearer {client.token}"}
    async with client.session.post(client.simulator.url + PATH, json=FIRST, headers=headers) as response:
        assert response.status == 429
        return response.headers.get("Retry-After")
