"""The table of docs/delivery.md, row by row: each symptom is made for real, and is of the kind that the table says."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import aiohttp
import pytest
from aiohttp import web
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError

from local.ingestion import DropAfterStore, DropBeforeRead, IngestionSimulator, LateAnswer, read_tables
from local.ingestion import Status as Refusal
from local.onepassword import Body, CutBody, DropConnection, OnePasswordSimulator, Stall, Status
from local.tls import Certificates
from local.workspace import Workspace
from onepassword_sentinel.dead_letter_storage import DeadLetterStorage
from onepassword_sentinel.destination import EVENTS_STREAM
from onepassword_sentinel.errors import ConnectorError, CursorRejectedError, FailureKind
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.events_api import EventsApi
from onepassword_sentinel.events_token import EventsToken
from onepassword_sentinel.log_ingestion import LogIngestion
from onepassword_sentinel.page import Page
from onepassword_sentinel.position import Position
from onepassword_sentinel.rate_limit import RequestQuota
from onepassword_sentinel.settings import Account, Settings
from onepassword_sentinel.storage_account import StorageAccount
from tests.app.conftest import TEMPLATE, trusting
from tests.app.test_dead_letter_storage import LETTER
from tests.app.test_log_ingestion import BODY, Credential
from tests.conftest import Opaque
from tests.core.conftest import NOW
from tests.core.scripted import START, Sink, Source, event, run

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs/delivery.md").read_text()
RETRY_AFTER = {"Retry-After": "7"}
HANGS = -1


@dataclass
class Remotes:
    """Both remotes on real sockets, with nothing wrong yet."""

    source: OnePasswordSimulator
    sink: IngestionSimulator
    session: aiohttp.ClientSession
    authority: Path

    async def page(self, position: Position = START, quota: RequestQuota | None = None, seconds: float = 60.0) -> None:
        account = Account("", EventsToken.parse(self.source.token()), self.source.url)
        timeout = aiohttp.ClientTimeout(total=seconds)
        api = EventsApi(self.session, account, quota or RequestQuota(), timeout=timeout)
        await api.fetch_page(EventType.AUDIT_EVENTS, position)

    async def upload(self, error: type[Exception] | None = None, limit: float = 60.0) -> None:
        scope = "https://monitor.azure.com/.default"
        async with trusting(self.authority) as session:
            sink = LogIngestion(self.sink.url, self.sink.rule_id, scope, Credential(error), session, upload_limit=limit)
            await sink.upload(EVENTS_STREAM, BODY)


@pytest.fixture
async def remotes(tmp_path: Path) -> AsyncIterator[Remotes]:
    """Provide them."""
    certificates = Certificates()
    certificates.write_bundle(tmp_path / "ca.pem")
    workspace = Workspace(tmp_path / "w.duckdb", read_tables(TEMPLATE))
    sink = IngestionSimulator(TEMPLATE, workspace, accepts_token=lambda token: token == "token")
    source = OnePasswordSimulator(events=5)
    await source.start()
    await sink.start(certificates.server_context())
    async with aiohttp.ClientSession() as session:
        yield Remotes(source, sink, session, tmp_path / "ca.pem")
    await sink.stop()
    await source.stop()
    workspace.close()


# Does something that goes wrong, once for each way that the row of the table has; each raises.
type Symptom = Callable[[Remotes], AsyncIterator[Awaitable[object]]]


def asking(*faults: Any, position: Position = START, seconds: float = 60.0) -> Symptom:
    async def ways(remotes: Remotes) -> AsyncIterator[Awaitable[object]]:
        for fault in faults:
            remotes.source.faults.add(fault)
            yield remotes.page(position, seconds=seconds)

    return ways


def uploading(*faults: Any) -> Symptom:
    async def ways(remotes: Remotes) -> AsyncIterator[Awaitable[object]]:
        for fault in faults:
            remotes.sink.faults.add(fault)
            yield remotes.upload()

    return ways


async def no_connection_to_1password(remotes: Remotes) -> AsyncIterator[Awaitable[object]]:
    async for way in asking(DropConnection(), CutBody(100))(remotes):
        yield way
    async with remotes.source.unreachable():
        yield remotes.page()


async def no_connection_to_azure(remotes: Remotes) -> AsyncIterator[Awaitable[object]]:
    async for way in uploading(DropBeforeRead(), DropAfterStore())(remotes):
        yield way
    async with remotes.sink.unreachable():
        yield remotes.upload()
    remotes.sink.faults.add(LateAnswer(600))
    yield remotes.upload(limit=0.5)


async def no_token(remotes: Remotes) -> AsyncIterator[Awaitable[object]]:
    yield remotes.upload(ServiceRequestError)
    yield remotes.upload(ClientAuthenticationError)


async def no_settings(_: Remotes) -> AsyncIterator[Awaitable[object]]:
    async def parse() -> None:
        Settings.parse({}, now=NOW)

    yield parse()


async def quota_used_up(remotes: Remotes) -> AsyncIterator[Awaitable[object]]:
    quota = RequestQuota(((1, 60.0),), max_wait=0.0)
    await remotes.page(quota=quota)
    yield remotes.page(quota=quota)


class Stuck(Source):
    """Gives events and the cursor that it was asked with."""

    async def fetch_page(self, event_type: EventType, position: Position) -> Page:
        page = await super().fetch_page(event_type, position)
        return Page(position.cursor or "", has_more=True, items=page.items, uuids=page.uuids, size=page.size)


async def cursor_does_not_move(_: Remotes) -> AsyncIterator[Awaitable[object]]:
    yield failing(Stuck([event(0)]), Sink(), START.after_page("0"))


async def cursor_rejected_again(_: Remotes) -> AsyncIterator[Awaitable[object]]:
    source = Source([event(0)])
    source.failing["0"] = CursorRejectedError("1Password answered 400")
    yield failing(source, Sink(), START.after_page("0"), may_start_over=False)


async def every_row_refused(_: Remotes) -> AsyncIterator[Awaitable[object]]:
    yield failing(Source([event(0), event(1)]), Sink("U0", "U1"))
    yield failing(Source([event(n) for n in range(99)]), Sink(*(f"U{n}" for n in range(50))))


class Failed(Exception):  # noqa: N818  # a transfer's failure, which is data
    """Carries a transfer's failure to where errors are compared."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


async def failing(*arguments: Any, **options: Any) -> None:
    done = await run(*arguments, **options)
    assert done.failure is not None
    raise Failed(done.failure.kind)


def keeping(*statuses: int) -> Symptom:
    """Let a storage account answer with a status, over TLS; 0 is one that does not listen, `HANGS` does not answer."""

    async def ways(remotes: Remotes) -> AsyncIterator[Awaitable[object]]:
        for status in statuses:
            async with storage(status, remotes) as kept:
                yield kept.keep(LETTER)

    return ways


@asynccontextmanager
async def storage(status: int, remotes: Remotes) -> AsyncIterator[DeadLetterStorage]:
    async def answer(_: web.Request) -> web.Response:
        if status == HANGS:
            await asyncio.sleep(600)
        return web.Response(status=status)

    certificates = Certificates()
    authority = remotes.authority.with_name("storage.pem")
    certificates.write_bundle(authority)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificates.server_context()).start()
    account = StorageAccount(f"https://localhost:{runner.addresses[0][1] if status else 1}/account")
    options = {"seconds": 0.5} if status == HANGS else {}
    kept = DeadLetterStorage(account, lambda _: Opaque(), connection_verify=str(authority), **options)
    yield kept
    await kept.close()
    await runner.cleanup()


async def no_storage(_: Remotes) -> AsyncIterator[Awaitable[object]]:
    yield DeadLetterStorage(None, lambda _: Opaque()).keep(LETTER)


CURSOR = Position(cursor="c")
SYMPTOMS: dict[str, Symptom] = {
    "an app setting is missing or wrong": no_settings,
    "1Password: no connection, or it breaks off": no_connection_to_1password,
    "1Password: no whole page within a minute": asking(Stall(9), seconds=0.1),
    "1Password: 200 with a body that is not a page": asking(Body(b"<html>"), Body(b'{"cursor":"c"}'), Body(b"\xff")),
    "1Password: events, and a cursor that does not move on": cursor_does_not_move,
    "1Password: 408, 500 or above": asking(Status(408), Status(500), Status(502), Status(503), Status(504)),
    "1Password: 429, or 503 with `Retry-After`": asking(Status(429), Status(503, b"", RETRY_AFTER)),
    "1Password: the request quota is used up": quota_used_up,
    "1Password: 400 on a cursor": asking(Status(400), position=CURSOR),
    "1Password: 400 on a cursor again, within an hour": cursor_rejected_again,
    "1Password: 400 on a start time": asking(Status(400)),
    "1Password: 401 or 403": asking(Status(401), Status(403)),
    "1Password: 404 or a redirect": asking(Status(404), Status(301), Status(308)),
    "1Password: another status": asking(Status(405), Status(418)),
    "Azure: no connection, or no acknowledgement within a minute": no_connection_to_azure,
    "Azure: the identity gets no token": no_token,
    "Azure: 400 or 413": uploading(Refusal(400), Refusal(413)),
    "Azure: one row after the other refused, none accepted": every_row_refused,
    "Azure: 401": uploading(Refusal(401)),
    "Azure: 403": uploading(Refusal(403)),
    "Azure: 404": uploading(Refusal(404)),
    "Azure: 429, or 503 with `Retry-After`": uploading(Refusal(429), Refusal(503, b"", RETRY_AFTER)),
    "Azure: another status": uploading(Refusal(408), Refusal(500), Refusal(502), Refusal(503)),
    "storage: no connection, no answer within a minute, or 500 or above": keeping(0, HANGS, 500, 503),
    "storage: 401 or 403": keeping(401, 403),
    "storage: none is named": no_storage,
}
KINDS = set(get_args(FailureKind.__value__))


def table(heading: str) -> dict[str, str]:
    """Read the two columns of the document's table under a heading line."""
    lines = DOCUMENT[DOCUMENT.index(heading) :].splitlines()[2:]
    rows = [re.fullmatch(r"\| (.+?) \| (.+) \|", line) for line in lines[: lines.index("")]]
    return {row[1]: row[2] for row in rows if row}


@pytest.mark.parametrize("symptom", SYMPTOMS)
async def test_a_symptom_is_of_the_kind_that_the_document_says(remotes: Remotes, symptom: str) -> None:
    """Every way in which it shows is of the one kind."""
    expected = table("| symptom | kind |")[symptom]
    ways = 0
    async for way in SYMPTOMS[symptom](remotes):
        with pytest.raises((ConnectorError, Failed)) as caught:
            await way
        assert caught.value.kind == expected
        ways += 1
    assert ways


def test_the_document_has_every_symptom_and_every_kind_once() -> None:
    """Nothing is described that is not tested, no kind is left out, and each says what happens next."""
    symptoms = table("| symptom | kind |")
    assert list(symptoms) == list(SYMPTOMS)
    assert set(symptoms.values()) == set(table("| kind | what happens next |")) == KINDS
