"""Faults of the Logs Ingestion simulator as Microsoft's client and a plain one meet them over TLS."""

import asyncio
import gzip
import io
import json
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.monitor.ingestion.aio import LogsIngestionClient

from local.ingestion import (
    DropAfterStore,
    DropBeforeRead,
    Fault,
    IngestionSimulator,
    LateAnswer,
    RefuseRows,
    SmallerLimit,
    Stall,
    Status,
    read_tables,
)
from local.patience import until
from local.tls import Certificates
from local.workspace import Workspace

TEMPLATE = Path(__file__).parents[2] / "azuredeploy.json"
STREAM, TABLE = "Custom-OnePasswordEvents", "OnePasswordEventLogs_CL"


class Credential:
    """Gives a token that the simulator takes."""

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("good", int(time.time()) + 3600)


@dataclass
class Remote:
    """The simulator, what it stores, and two clients; neither tries anything twice."""

    simulator: IngestionSimulator
    workspace: Workspace
    azure: LogsIngestionClient
    session: aiohttp.ClientSession

    async def upload(self, *uuids: str) -> None:
        """Deliver rows with Microsoft's client."""
        body = gzip.compress(array(*uuids))
        await self.azure.upload(self.simulator.rule_id, STREAM, io.BytesIO(body))

    async def post(self, body: bytes, **options: Any) -> int:
        """Post a body as it is and return the status."""
        url = f"{self.simulator.url}/dataCollectionRules/{self.simulator.rule_id}/streams/{STREAM}"
        headers = {"Content-Type": "application/json", "Authorization": "Bearer good"}
        headers |= {"Content-Encoding": "gzip"} if body.startswith(b"\x1f\x8b") else {}
        query = {"api-version": "2023-01-01"}
        async with self.session.post(url, params=query, data=body, headers=headers, **options) as response:
            return response.status

    def stored(self) -> list[str]:
        """The uuid of every row, sorted."""
        return [row[0] for row in self.workspace.query(f"{TABLE} | project uuid_s | order by uuid_s asc")[1]]


@pytest.fixture
async def remote(tmp_path: Path) -> AsyncIterator[Remote]:
    certificates, authority = Certificates(), tmp_path / "trusted.pem"
    certificates.write_bundle(authority)
    workspace = Workspace(tmp_path / "workspace.duckdb", read_tables(TEMPLATE))
    simulator = IngestionSimulator(TEMPLATE, workspace, accepts_token=lambda token: token == "good")
    await simulator.start(certificates.server_context())
    trust = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=authority))
    async with (
        LogsIngestionClient(simulator.url, Credential(), connection_verify=str(authority), retry_total=0) as azure,
        aiohttp.ClientSession(connector=trust) as session,
    ):
        yield Remote(simulator, workspace, azure, session)
    await simulator.stop()
    workspace.close()


def array(*uuids: str) -> bytes:
    return json.dumps([{"log_source": "auditevents", "uuid": uuid} for uuid in uuids]).encode()


async def test_unreachable(remote: Remote) -> None:
    """Open connections end and new ones are refused; afterwards the url, rows, faults and refusals are as before."""
    simulator, url = remote.simulator, remote.simulator.url
    await remote.upload("A")
    simulator.faults.add(Status(503))
    simulator.refusals.append(RefuseRows(b'"B"'))
    for _ in range(2):
        async with simulator.unreachable():
            with pytest.raises(ServiceRequestError):
                await remote.upload("X")
            with pytest.raises(aiohttp.ClientConnectorError):
                await remote.post(array("X"))
    assert simulator.url == url
    assert [await remote.post(array(uuid)) for uuid in "ABC"] == [503, 400, 204]
    await remote.upload("D")
    assert remote.stored() == ["A", "C", "D"]
    assert (simulator.requests[STREAM], simulator.unacknowledged_rows) == (5, 0)


async def test_unreachable_ends_what_is_under_way(remote: Remote) -> None:
    """A request that waits when the endpoint goes is cut off and never stored."""
    remote.simulator.faults.add(Stall(600))
    request = asyncio.create_task(remote.upload("A"))
    await until(lambda: remote.simulator.requests)
    async with remote.simulator.unreachable():
        with pytest.raises(ServiceRequestError):
            await request
    await remote.upload("B")
    assert remote.stored() == ["B"]


async def test_reachable_again_after_a_failure(remote: Remote) -> None:
    """Whatever ends the outage, the endpoint is back; one that was stopped cannot go out of reach."""
    with pytest.raises(ZeroDivisionError):
        async with remote.simulator.unreachable():
            raise ZeroDivisionError
    assert await remote.post(array("A")) == 204
    await remote.simulator.stop()
    with pytest.raises(RuntimeError, match="start the simulator first"):
        async with remote.simulator.unreachable():
            pass


@pytest.mark.parametrize(("fault", "kept"), [(DropBeforeRead(), 0), (DropAfterStore(), 3)], ids=repr)
async def test_a_lost_acknowledgement(remote: Remote, fault: Fault, kept: int) -> None:
    """The caller sees a broken connection; the rows that it cannot know of are counted, and no others."""
    for times in (1, 2):  # on a new connection, and on one that has served a request
        remote.simulator.faults.add(fault)
        # azure-core has this error for requests that were never sent, and cannot tell that one of these was stored.
        with pytest.raises(ServiceRequestError):
            await remote.upload("A", "B", "C")
        assert remote.simulator.unacknowledged_rows == kept * times
        await remote.upload(f"D{times}")
    assert remote.simulator.requests[STREAM] == 4
    assert remote.simulator.rows[STREAM] == len(remote.stored()) == 2 * kept + 2


async def test_a_large_body_is_dropped_before_it_is_read(remote: Remote) -> None:
    """A body that does not fit into the sockets' buffers is not waited for."""
    remote.simulator.faults.add(DropBeforeRead())
    with pytest.raises(aiohttp.ClientConnectionError):
        await remote.post(array("A").ljust(1_000_000))
    assert remote.stored() == []
    assert await remote.post(array("B").ljust(1_000_000)) == 204


@dataclass(frozen=True)
class Abandoned(Fault):
    """Goes on once the caller has gone."""

    gone: asyncio.Event

    async def on_request(self, request: web.Request) -> web.Response | None:
        await until(lambda: request.transport is None)
        self.gone.set()
        return None


async def test_a_caller_that_did_not_wait(remote: Remote) -> None:
    """A request whose caller goes while it stalls is not stored; one whose caller waits is, and is acknowledged."""
    abandoned = Abandoned(asyncio.Event())
    remote.simulator.faults.add(abandoned)
    request = asyncio.create_task(remote.post(array("A")))
    await until(lambda: remote.simulator.requests)
    request.cancel()
    await abandoned.gone.wait()
    remote.simulator.faults.add(Stall(0.01))
    await remote.upload("B")
    assert remote.stored() == ["B"]
    assert remote.simulator.unacknowledged_rows == 0


async def test_a_caller_that_went_after_the_rows_were_stored(remote: Remote) -> None:
    """Rows count as unacknowledged for whatever reason their caller was not told."""
    remote.simulator.faults.add(LateAnswer(600))
    request = asyncio.create_task(remote.post(array("A", "B")))
    await until(lambda: sum(remote.simulator.rows.values()))
    request.cancel()
    await until(lambda: remote.simulator.unacknowledged_rows)
    assert remote.simulator.unacknowledged_rows == 2
    assert remote.stored() == ["A", "B"]


@pytest.mark.parametrize("code", [400, 413])
async def test_refused_rows(remote: Remote, code: int) -> None:
    """A request with the marked row is refused as a whole, every time, in Azure's shape and without naming the row."""
    remote.simulator.refusals.append(RefuseRows(b'"BAD"', code))
    for _ in range(2):
        await remote.upload("A")
        with pytest.raises(HttpResponseError) as refused:
            await remote.upload("B", "BAD", "C")
        assert refused.value.status_code == code
        assert refused.value.error is not None
        assert "BAD" not in str(refused.value)
    assert remote.stored() == ["A", "A"]
    remote.simulator.refusals.clear()
    await remote.upload("BAD")
    assert remote.stored() == ["A", "A", "BAD"]


async def test_a_smaller_limit(remote: Remote) -> None:
    """What is over the limit before compression is refused, however small it is on the wire; what fits is stored."""
    fits = array("A").ljust(10_000)
    remote.simulator.refusals.append(SmallerLimit(10_000))
    assert [await remote.post(body) for body in (fits, fits + b" ")] == [204, 413]
    assert [await remote.post(gzip.compress(body)) for body in (fits, fits + b" ")] == [204, 413]
    assert remote.stored() == ["A", "A"]


async def test_refusals_and_faults_do_not_count_each_other(remote: Remote) -> None:
    """A scripted fault strikes as many requests as it was told to; a refusal meets whatever comes through."""
    remote.simulator.refusals += [RefuseRows(b'"BAD"'), SmallerLimit(500)]
    remote.simulator.faults.add(Status(503), times=2, after=1)
    bodies = [array("BAD"), array("BAD"), array("A"), array("B"), array("BAD"), array("C").ljust(501)]
    assert [await remote.post(body) for body in bodies] == [400, 503, 503, 204, 400, 413]
    assert (remote.simulator.faults.struck, remote.simulator.faults.pending) == (2, 0)
    assert remote.stored() == ["B"]
