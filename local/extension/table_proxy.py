"""A proxy before Azurite's tables: it rejects what Azure Tables rejects, counts, and breaks requests on demand.

It has a thread of its own: the local host's client blocks the event loop until the engine has read its tables.
"""

import asyncio
import json
import re
import threading
import urllib.parse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Self

import aiohttp
from aiohttp import web
from yarl import URL

from local.patience import within

# What Azure Tables answers at most (learn.microsoft.com, "Query timeout and pagination").
MOST_ROWS: Final = 1_000
_WRITTEN: Final = re.compile(r"PartitionKey='([^']*)'")
_ROW: Final = re.compile(r"/T[0-9a-f]+Instances\(PartitionKey='([^']*)'")
_TABLE: Final = re.compile(r"/T[0-9a-f]+(Instances|History|Partitions)\b")
# Of the connection between client and proxy, not of the request.
_HOP_BY_HOP: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect", "date"})
_NOT_SATISFIED: Final = {"odata.error": {"code": "UpdateConditionNotSatisfied", "message": {"value": "0:Not now."}}}
_INVALID: Final = {"odata.error": {"code": "InvalidInput", "message": {"value": "One of the inputs is not valid."}}}


@dataclass(frozen=True, slots=True)
class TableRequest:
    """A request: `table` is Instances, History or Partitions, or empty for a batch, which `body` tells."""

    method: str
    table: str
    path: str
    body: bytes

    @property
    def writes(self) -> bool:
        """Whether it changes a table."""
        return self.method != "GET"

    @property
    def written(self) -> str:
        """The instance whose history or state a batch writes, an entity's as `@name@key`; empty if it is no batch."""
        if not self.writes or self.table:
            return ""
        found = _WRITTEN.search(urllib.parse.unquote(self.body.decode(errors="replace")))
        return found[1] if found else ""

    @property
    def row(self) -> str:
        """The instance whose row among the instances is written, after its history; empty if it is another request."""
        found = _ROW.search(urllib.parse.unquote(self.path)) if self.writes else None
        return found[1] if found else ""


@dataclass
class TableProxy:
    """Forwards requests to `behind`, a port of 127.0.0.1.

    Attributes:
        requests: how many there were, by method and table.
        rows: how many rows were returned, by table.
        tops: the page sizes that were asked for.
        refused: how many requests were rejected, for either reason.
        refuses: answers `refusal` to the requests for which it says so; it is called in the proxy's thread.
        refusal: the status of such an answer. The extension repeats a request after 503; after 412 it takes the
            partition for lost, and runs the turn or batch again.
        port: where the proxy listens, once it is entered.

    """

    behind: int
    requests: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    tops: Counter[int] = field(default_factory=Counter)
    refused: int = 0
    refuses: Callable[[TableRequest], bool] | None = None
    refusal: int = 503
    port: int = 0

    def __enter__(self) -> Self:
        started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._serve(started)])
        self._thread.start()
        assert started.wait(within(30))
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(within(30))
        self._loop.close()

    async def _serve(self, started: threading.Event) -> None:
        self._stopped = asyncio.Event()
        application = web.Application(client_max_size=2**30)
        application.router.add_route("*", "/{rest:.*}", self._forward)
        runner = web.AppRunner(application, access_log=None, auto_decompress=False, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        connections = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(auto_decompress=False, connector=connections) as self._session:
            started.set()
            await self._stopped.wait()
            await runner.cleanup()

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        path, body = request.raw_path, await request.read()
        named = _TABLE.search(path)
        asked = TableRequest(request.method, named[1] if named else "", path, body)
        self.requests[f"{asked.method} {asked.table or 'batch'}"] += 1
        if top := re.search(r"[?&](?:\$|%24)top=(\d+)", path):
            self.tops[int(top[1])] += 1
            if int(top[1]) > MOST_ROWS:
                self.refused += 1
                return web.json_response(_INVALID, status=400)
        if self.refuses is not None and self.refuses(asked):
            self.refused += 1
            return web.json_response(_NOT_SATISFIED, status=self.refusal)
        return await self._ask(request, asked)

    async def _ask(self, request: web.Request, asked: TableRequest) -> web.Response:
        url = URL(f"http://127.0.0.1:{self.behind}{asked.path}", encoded=True)
        headers = _without_hop_by_hop(request.headers) | {"Host": f"127.0.0.1:{self.port}"}
        async with self._session.request(request.method, url, data=asked.body, headers=headers) as answer:
            content = await answer.read()
            if asked.method == "GET" and answer.status == 200 and asked.table:
                found = json.loads(content)
                self.rows[asked.table] += len(found["value"]) if "value" in found else 1
            return web.Response(body=content, status=answer.status, headers=_without_hop_by_hop(answer.headers))


def _without_hop_by_hop(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
