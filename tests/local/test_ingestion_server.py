"""The Logs Ingestion simulator over TLS: what it takes, and what it refuses as Azure would."""

import asyncio
import gzip
import io
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from azure.core.exceptions import HttpResponseError
from azure.identity.aio import ManagedIdentityCredential
from azure.monitor.ingestion.aio import LogsIngestionClient

from local.identity import ManagedIdentitySimulator
from local.ingestion import DropAfterStore, DropBeforeRead, Hold, IngestionSimulator, Status, read_tables
from local.patience import until
from local.workspace import Workspace

TEMPLATE = Path(__file__).parents[2] / "azuredeploy.json"
STREAM, TABLE = "Custom-OnePasswordEvents", "OnePasswordEventLogs_CL"
HEALTH_STREAM = "Custom-OnePasswordConnectorHealth"
LIMIT = 1_048_576


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_tls(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = Workspace(tmp_path / "workspace.duckdb", read_tables(TEMPLATE))
    yield opened
    opened.close()


@pytest.fixture
async def simulator(workspace: Workspace, server_tls: ssl.SSLContext) -> AsyncIterator[IngestionSimulator]:
    running = IngestionSimulator(TEMPLATE, workspace, accepts_token=lambda token: token == "good")
    await running.start(server_tls)
    yield running
    await running.stop()
    await running.stop()


@dataclass
class Caller:
    """Posts to the simulator; every part of the request can be made wrong."""

    session: aiohttp.ClientSession
    simulator: IngestionSimulator

    async def post(
        self,
        body: bytes,
        *,
        rule: str | None = None,
        stream: str = STREAM,
        version: str = "2023-01-01",
        token: str = "good",
        **headers: str,
    ) -> tuple[int, Any]:
        """Post ``body``; return the status and the decoded answer."""
        url = f"{self.simulator.url}/dataCollectionRules/{rule or self.simulator.rule_id}/streams/{stream}"
        sent = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.post(
            url, params={"api-version": version}, data=io.BytesIO(body), headers=sent
        ) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None


@pytest.fixture
async def caller(simulator: IngestionSimulator, ca: trustme.CA) -> AsyncIterator[Caller]:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        yield Caller(session, simulator)


def array(*uuids: str) -> bytes:
    return json.dumps([{"log_source": "auditevents", "uuid": uuid} for uuid in uuids]).encode()


def stored(workspace: Workspace) -> list[str]:
    return [row[0] for row in workspace.query(f"{TABLE} | project uuid_s | order by uuid_s asc")[1]]


async def test_plain_and_gzip(caller: Caller, workspace: Workspace) -> None:
    """An array of objects is stored, compressed or not, and counted by stream."""
    assert await caller.post(array("A", "B")) == (204, None)
    assert await caller.post(gzip.compress(array("C")), Content_Encoding="gzip") == (204, None)
    assert await caller.post(b'[{"outcome":"ok"}]', stream=HEALTH_STREAM) == (204, None)
    assert stored(workspace) == ["A", "B", "C"]
    simulator = caller.simulator
    assert simulator.requests == {STREAM: 2, HEALTH_STREAM: 1}
    assert simulator.rows == {STREAM: 3, HEALTH_STREAM: 1}
    assert simulator.bytes[STREAM] == len(array("A", "B")) + len(array("C"))


async def test_an_empty_array(caller: Caller, workspace: Workspace) -> None:
    """An array without rows is accepted and stores none."""
    assert (await caller.post(b"[]"))[0] == 204
    assert stored(workspace) == []


@pytest.mark.parametrize(
    ("status", "wrong"),
    [
        (401, {"token": "bad"}),
        (401, {"Authorization": "Basic good"}),
        (400, {"version": "2021-11-01-preview"}),
        (404, {"rule": "dcr-00000000000000000000000000000000"}),
        (404, {"stream": "Custom-Unknown"}),
        (404, {"stream": TABLE}),
        (400, {"Content_Type": "text/plain"}),
        (400, {"Content_Encoding": "br"}),
        (400, {"Content_Encoding": "gzip"}),
    ],
)
async def test_a_wrong_request(caller: Caller, workspace: Workspace, status: int, wrong: dict[str, str]) -> None:
    """A request that is wrong in one respect is refused in Azure's shape, and nothing is stored."""
    answered, answer = await caller.post(array("A"), **wrong)
    assert answered == status
    assert set(answer["error"]) == {"code", "message"}
    assert stored(workspace) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"[1]",
        b'[{"uuid":"A"},null]',
        b'[{"uuid":"A"},[]]',
        b'[{"uuid":"A"}',
        b'[{"uuid":"A"}] x',
        b'[{"uuid":"A"},{"uuid":"\xff"}]',
        b'[{"uuid":"A"},{"uuid":"\\ud800"}]',
        b'[{"uuid":"A"},{"uuid":NaN}]',
        b"\xef\xbb\xbf[]",
    ],
)
async def test_a_malformed_body(caller: Caller, workspace: Workspace, body: bytes) -> None:
    """One malformed row refuses the request as a whole, and the answer does not name the row."""
    status, answer = await caller.post(body)
    assert (status, answer["error"]["code"]) == (400, "InvalidPayload")
    assert stored(workspace) == []


@pytest.mark.parametrize("damage", [lambda b: b[:-5], lambda b: b + b, lambda b: b[:20] + b"\0\0" + b[22:]])
async def test_damaged_gzip(caller: Caller, workspace: Workspace, damage: Any) -> None:
    """A gzip stream that is cut, repeated or damaged refuses the request."""
    status, _ = await caller.post(damage(gzip.compress(array(*"ABCDEFGH"))), Content_Encoding="gzip")
    assert status == 400
    assert stored(workspace) == []


async def test_one_megabyte(caller: Caller, workspace: Workspace) -> None:
    """A body of 1 MB is taken; one byte more is refused, whether it is compressed or not."""
    fits = array("A").ljust(LIMIT)
    assert (await caller.post(fits))[0] == 204
    assert (await caller.post(gzip.compress(fits), Content_Encoding="gzip"))[0] == 204
    assert (await caller.post(fits + b" "))[0] == 413
    assert (await caller.post(gzip.compress(fits + b" "), Content_Encoding="gzip"))[0] == 413
    assert len(stored(workspace)) == 2


async def test_throttling(workspace: Workspace, server_tls: ssl.SSLContext, ca: trustme.CA) -> None:
    """Over the limit a minute the answer is 429, with the seconds to wait, and nothing is stored."""
    simulator = IngestionSimulator(TEMPLATE, workspace, accepts_token=bool, requests_per_minute=1)
    await simulator.start(server_tls)
    context = ssl.create_default_context()
    ca.configure_trust(context)
    url = f"{simulator.url}/dataCollectionRules/{simulator.rule_id}/streams/{STREAM}?api-version=2023-01-01"
    headers = {"Content-Type": "application/json", "Authorization": "Bearer x"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context), headers=headers) as session:
        first = await session.post(url, data=array("A"))
        second = await session.post(url, data=array("B"))
    await simulator.stop()
    assert (first.status, second.status) == (204, 429)
    assert 1 <= int(second.headers["Retry-After"]) <= 60
    assert stored(workspace) == ["A"]


async def test_scripted_status(caller: Caller, workspace: Workspace) -> None:
    """A scripted status strikes its stream only, after as many requests and as often as it was told."""
    caller.simulator.faults.add(Status(503, b'"later"', {"Retry-After": "1"}), target=STREAM, times=2, after=1)
    assert (await caller.post(b"[]", stream=HEALTH_STREAM))[0] == 204
    answers = [(await caller.post(array(uuid)))[0] for uuid in "ABCD"]
    assert answers == [204, 503, 503, 204]
    assert stored(workspace) == ["A", "D"]


@pytest.mark.parametrize(("fault", "kept"), [(DropBeforeRead(), []), (DropAfterStore(), ["A"])])
async def test_dropped_connections(caller: Caller, workspace: Workspace, fault: Any, kept: list[str]) -> None:
    """The caller sees the same when the connection breaks before and after the rows are stored."""
    caller.simulator.faults.add(fault)
    with pytest.raises(aiohttp.ClientConnectionError):
        await caller.post(array("A"))
    assert stored(workspace) == kept
    assert (await caller.post(array("B")))[0] == 204


async def test_a_stall(caller: Caller, workspace: Workspace) -> None:
    """A stalled request is served in the end, and meanwhile others are served."""
    held = Hold()
    caller.simulator.faults.add(held, target=STREAM)
    stalled = asyncio.create_task(caller.post(array("A")))
    assert (await caller.post(b"[{}]", stream=HEALTH_STREAM))[0] == 204
    await until(held.reached)
    assert stored(workspace) == []
    held.release()
    assert (await stalled)[0] == 204
    assert stored(workspace) == ["A"]


async def test_concurrent_requests(caller: Caller, workspace: Workspace) -> None:
    """Requests that come at once are all stored."""
    answers = await asyncio.gather(*(caller.post(array(f"{n:02}-a", f"{n:02}-b")) for n in range(20)))
    assert {status for status, _ in answers} == {204}
    assert len(set(stored(workspace))) == 40


async def test_microsofts_client(
    identity: ManagedIdentitySimulator,
    workspace: Workspace,
    server_tls: ssl.SSLContext,
    ca: trustme.CA,
    tmp_path: Path,
) -> None:
    """Microsoft's client delivers a gzip stream with a managed identity's token, and reads a refusal."""
    authority = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(authority))
    simulator = IngestionSimulator(TEMPLATE, workspace, accepts_token=identity.accepts)
    await simulator.start(server_tls)
    async with (
        ManagedIdentityCredential() as credential,
        LogsIngestionClient(simulator.url, credential, connection_verify=str(authority)) as client,
    ):
        await client.upload(simulator.rule_id, STREAM, io.BytesIO(gzip.compress(array("A"))))
        with pytest.raises(HttpResponseError) as refused:
            await client.upload(simulator.rule_id, "Custom-Unknown", io.BytesIO(gzip.compress(array("B"))))
    await simulator.stop()
    assert refused.value.status_code == 404
    assert refused.value.error is not None
    assert refused.value.error.code == "InvalidStream"
    assert stored(workspace) == ["A"]
