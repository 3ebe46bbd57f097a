"""Delivery through the real SDK, over TLS, to an endpoint that answers as Azure or a gateway in front of it may."""

import asyncio
import gzip
import time
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError

from local.ingestion import DropAfterStore, DropBeforeRead, Fault, IngestionSimulator, Status
from onepassword_sentinel.destination import EVENTS_STREAM, HEALTH_STREAM
from onepassword_sentinel.errors import ConnectorError, PermanentError, RowsRefusedError, ThrottledError, TransientError
from onepassword_sentinel.log_ingestion import LogIngestion
from tests.app.conftest import trusting

BODY = gzip.compress(b'[{"log_source":"auditevents","uuid":"A"}]')
HTML = b"<html>\n<title>Bad gateway</title></html>"


class Credential:
    """Gives one token, or fails."""

    def __init__(self, error: type[Exception] | None = None, *, lifetime: int = 3600) -> None:
        self.error = error
        self.lifetime = lifetime
        self.asked = 0

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        self.asked += 1
        if self.error:
            raise self.error("no identity")
        return AccessToken("token", int(time.time()) + self.lifetime)


async def upload(target: tuple[IngestionSimulator, Path], credential: Any = None, **options: str) -> None:
    simulator, authority = target
    values = {"endpoint": simulator.url, "rule_id": simulator.rule_id, "stream": EVENTS_STREAM, **options}
    scope = "https://monitor.azure.com/.default"
    async with trusting(authority) as session:
        sink = LogIngestion(values["endpoint"], values["rule_id"], scope, credential or Credential(), session)
        await sink.upload(values["stream"], BODY)


async def test_an_acknowledged_chunk_has_landed(endpoint: tuple[IngestionSimulator, Path]) -> None:
    """Returning means that all of it is stored, and one request was made."""
    await upload(endpoint)
    assert (endpoint[0].rows[EVENTS_STREAM], endpoint[0].requests[EVENTS_STREAM]) == (1, 1)


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        (Status(400, b'{"error":{"code":"InvalidPayload"}}'), RowsRefusedError, '400 “{"error":{"code":"InvalidPay'),
        (Status(401), PermanentError, "check LOGS_INGESTION_SCOPE"),
        (Status(403, HTML, {"Content-Type": "text/html"}), PermanentError, "role Monitoring Metrics Publisher"),
        (Status(404), PermanentError, "compare LOGS_INGESTION_ENDPOINT and LOGS_INGESTION_RULE_ID"),
        (Status(413), RowsRefusedError, "too large"),
        (Status(429, b"", {"Retry-After": "7"}), ThrottledError, "limits are reached"),
        (Status(429), ThrottledError, "limits are reached"),
        (Status(503, b"", {"Retry-After": "7"}), ThrottledError, "answered 503"),
        (Status(503), TransientError, "answered 503"),
        (Status(502, HTML, {"Content-Type": "text/html"}), TransientError, "502 “<html> <title>Bad gateway</title>"),
        (Status(500, b"not json", {"Content-Type": "application/json"}), TransientError, "500 “not json”"),
        (DropBeforeRead(), TransientError, "Logs Ingestion"),
        (DropAfterStore(), TransientError, "Logs Ingestion"),
    ],
    ids=lambda value: str(getattr(value, "code", "")) if isinstance(value, Fault) else None,
)
async def test_an_answer_becomes_what_is_to_be_done(
    endpoint: tuple[IngestionSimulator, Path], fault: Fault, kind: type[ConnectorError], says: str
) -> None:
    """Whatever stands in the body and whatever it is said to be, the status counts, and nothing is tried twice."""
    endpoint[0].faults.add(fault)
    with pytest.raises(ConnectorError) as caught:
        await upload(endpoint)
    assert type(caught.value) is kind
    assert says in str(caught.value)
    assert endpoint[0].requests[EVENTS_STREAM] == 1
    if isinstance(caught.value, ThrottledError):
        assert caught.value.retry_after == (7 if getattr(fault, "headers", None) else 60)


async def test_a_rule_that_asked_for_a_pause_is_left_alone(endpoint: tuple[IngestionSimulator, Path]) -> None:
    """Whatever stream it was told to, no other request is sent before the time is over."""
    simulator, authority = endpoint
    simulator.faults.add(Status(429, b"", {"Retry-After": "7"}))
    scope = "https://monitor.azure.com/.default"
    waits = []
    async with trusting(authority) as session:
        sink = LogIngestion(simulator.url, simulator.rule_id, scope, Credential(), session)
        for stream in (EVENTS_STREAM, EVENTS_STREAM, HEALTH_STREAM):
            with pytest.raises(ThrottledError) as caught:
                await sink.upload(stream, BODY)
            waits.append(caught.value.retry_after)
    assert simulator.requests.total() == 1
    assert waits[0] == 7 > waits[1] > waits[2] > 0


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"rule_id": "dcr-0"}, PermanentError, "LOGS_INGESTION_RULE_ID"),
        ({"stream": "Custom-Nothing"}, PermanentError, "no such rule or stream"),
        ({"endpoint": "https://localhost:1"}, TransientError, "no answer from Logs Ingestion at https://localhost:1"),
    ],
    ids=["rule", "stream", "endpoint"],
)
async def test_a_wrong_address_is_named(
    endpoint: tuple[IngestionSimulator, Path], options: dict[str, str], kind: type[ConnectorError], says: str
) -> None:
    """An operator reads which setting to look at."""
    with pytest.raises(kind, match=says):
        await upload(endpoint, **options)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ClientAuthenticationError, "AZURE_CLIENT_ID"),
        (ServiceRequestError, r"identity endpoint did not answer \(no identity\)"),
    ],
    ids=["refused", "unreachable"],
)
async def test_an_identity_without_a_token_is_not_taken_for_the_endpoint(
    endpoint: tuple[IngestionSimulator, Path], error: type[Exception], says: str
) -> None:
    """The rule was never asked; the sentence is about the identity."""
    with pytest.raises(TransientError, match=says):
        await upload(endpoint, Credential(error))
    assert endpoint[0].requests[EVENTS_STREAM] == 0


async def test_a_connection_that_fails_is_tried_once(endpoint: tuple[IngestionSimulator, Path]) -> None:
    """Retries are the orchestration's: a second try down here would hide the first from it."""
    connections = 0

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(TransientError, match="no answer from"):
            await upload(endpoint, endpoint=f"https://localhost:{port}")
    assert connections == 1


async def test_a_refused_token_is_named(endpoint: tuple[IngestionSimulator, Path]) -> None:
    """A token of another audience is what a wrong scope gives."""
    endpoint[0]._accepts_token = lambda _: False
    with pytest.raises(PermanentError, match=r"answered 401 .*LOGS_INGESTION_SCOPE"):
        await upload(endpoint)


@pytest.mark.parametrize(("lifetime", "asked"), [(3600, 2), (100, 6)], ids=["good", "about to expire"])
async def test_a_token_is_used_until_shortly_before_it_expires(
    endpoint: tuple[IngestionSimulator, Path], lifetime: int, asked: int
) -> None:
    """The app and the SDK ask for it once each while it is good, and at every request when it is not."""
    simulator, authority = endpoint
    credential = Credential(lifetime=lifetime)
    async with trusting(authority) as session:
        scope = "https://monitor.azure.com/.default"
        sink = LogIngestion(simulator.url, simulator.rule_id, scope, credential, session)
        for _ in range(3):
            await sink.upload(EVENTS_STREAM, BODY)
    assert credential.asked == asked
