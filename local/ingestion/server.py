"""The HTTP side of the Logs Ingestion simulator.

Source: Azure Monitor docs, "Logs Ingestion API in Azure Monitor" and "Custom logs limits". The shape of an error
body is known, ``{"error": {"code", "message"}}``; its codes are not all documented, and no caller may rely on them.
"""

import asyncio
import ssl
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import duckdb
from aiohttp import web

from local.workspace import Workspace

from .body import MalformedBodyError, read_rows
from .faults import Faults, Refusal
from .limits import BYTES_PER_MINUTE, CALL_BYTES, REQUESTS_PER_MINUTE, MinuteBudget
from .template import read_rule, read_tables
from .transform import CompiledFlow, compile_flow

API_VERSION = "2023-01-01"
GZIP_WINDOW = 31  # zlib: 15 bits, and a gzip header


class RefusedError(Exception):
    """A request that is refused, with the answer that it gets."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers

    def response(self) -> web.Response:
        """The answer in Azure's shape."""
        body = {"error": {"code": self.code, "message": str(self)}}
        return web.json_response(body, status=self.status, headers=self.headers)


class IngestionSimulator:
    """Receives rows for the data collection rule of a template and stores them in a workspace.

    A request is stored as a whole or not at all. Counters are by stream: ``requests`` has every request that
    arrived, ``rows`` and ``bytes`` (uncompressed) what was stored. ``unacknowledged_rows`` is how many rows, of all
    streams, were stored without the caller being told: so many may be repeated. ``faults`` strike requests in turn;
    what one of ``refusals`` says no to is never stored, as long as it is in the list.
    """

    def __init__(
        self,
        template: Path,
        workspace: Workspace,
        *,
        accepts_token: Callable[[str], bool],
        requests_per_minute: int = REQUESTS_PER_MINUTE,
        bytes_per_minute: int = BYTES_PER_MINUTE,
    ) -> None:
        """Read and compile the template's rule. Raises ``TemplateError``."""
        rule, tables = read_rule(template), read_tables(template)
        self.rule_id = rule.immutable_id
        self.url = ""
        self.requests: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self.unacknowledged_rows = 0
        self.faults = Faults()
        self.refusals: list[Refusal] = []
        self._flows = {stream: compile_flow(rule, stream, tables) for stream in rule.flows}
        self._workspace = workspace
        self._accepts_token = accepts_token
        self._budget = MinuteBudget(requests_per_minute, bytes_per_minute)
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ingestion")
        self._runner: web.AppRunner | None = None
        self._listening: tuple[ssl.SSLContext, int] | None = None

    async def start(self, ssl_context: ssl.SSLContext, port: int = 0) -> None:
        """Listen on 127.0.0.1; port 0 takes a free one."""
        await self._listen(ssl_context, port)

    @asynccontextmanager
    async def unreachable(self) -> AsyncIterator[None]:
        """Close all connections and refuse new ones for a while; afterwards listen again, under the same ``url``.

        A request that is being stored is answered first; one that stalls is cut off after a second or two.
        """
        if self._runner is None or self._listening is None:
            raise RuntimeError("start the simulator first: it was not reachable before")
        await self._close()
        try:
            yield
        finally:
            await self._listen(*self._listening)

    async def _listen(self, ssl_context: ssl.SSLContext, port: int) -> None:
        app = web.Application(client_max_size=CALL_BYTES)
        app.router.add_post("/dataCollectionRules/{rule}/streams/{stream}", self._answer)
        # The body is decompressed here, not by aiohttp: both of its sizes are limited.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, auto_decompress=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=ssl_context).start()
        self._listening = ssl_context, self._runner.addresses[0][1]
        self.url = f"https://localhost:{self._listening[1]}"

    async def _close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def stop(self) -> None:
        """Finish what is being stored and close every connection. May be called twice; is not started again."""
        await self._close()
        await asyncio.to_thread(self._writer.shutdown)

    async def _answer(self, request: web.Request) -> web.Response:
        stream = request.match_info["stream"]
        self.requests[stream] += 1
        fault = self.faults.take(stream)
        if fault and (answer := await fault.on_request(request)):
            return answer
        try:
            flow = self._admit(request, stream)
            body = await _read(request)
            size, rows = await asyncio.get_running_loop().run_in_executor(
                self._writer, self._store, flow, body, _encoding(request)
            )
        except RefusedError as refusal:
            return refusal.response()
        self.rows[stream] += rows
        self.bytes[stream] += size
        answer = await fault.on_stored(request) if fault else None
        if answer or request.transport is None or request.transport.is_closing():
            self.unacknowledged_rows += rows
        return answer or web.Response(status=204)

    def _admit(self, request: web.Request, stream: str) -> CompiledFlow:
        """Check all that precedes the body."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._accepts_token(token):
            raise RefusedError(401, "InvalidToken", "The bearer token is missing, expired or of another audience.")
        if request.query.get("api-version") != API_VERSION:
            raise RefusedError(400, "InvalidApiVersion", f"The api-version must be {API_VERSION}.")
        if request.match_info["rule"] != self.rule_id:
            raise RefusedError(404, "NotFound", "There is no data collection rule with this immutable id.")
        if stream not in self._flows:
            raise RefusedError(404, "InvalidStream", f"The data collection rule has no stream {stream}.")
        if request.content_type != "application/json":
            raise RefusedError(400, "InvalidContentType", "The content type must be application/json.")
        if _encoding(request) not in {"identity", "gzip"}:
            raise RefusedError(400, "InvalidContentEncoding", "The only content encoding is gzip.")
        return self._flows[stream]

    def _store(self, flow: CompiledFlow, body: bytes, encoding: str) -> tuple[int, int]:
        """Check the body and insert its rows; return its uncompressed size and their number."""
        payload = _gunzip(body) if encoding == "gzip" else body
        if wait := self._budget.take(len(payload)):
            raise RefusedError(429, "TooManyRequests", "Over the limit a minute.", {"Retry-After": str(wait)})
        for refusal in self.refusals:
            if refusal.refuses(payload):
                raise RefusedError(refusal.code, "Refused", "The request cannot be processed.")
        try:
            return len(payload), self._workspace.insert(flow.table, flow.select, [read_rows(payload)])
        except (MalformedBodyError, duckdb.InvalidInputException) as error:
            # Azure names no row: whoever wants to know which one is at fault has to split the request.
            raise RefusedError(400, "InvalidPayload", "The body is not a JSON array of objects.") from error


def _encoding(request: web.Request) -> str:
    return request.headers.get("Content-Encoding", "identity").lower()


async def _read(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise _too_large() from error


def _gunzip(body: bytes) -> bytes:
    stream = zlib.decompressobj(GZIP_WINDOW)
    try:
        payload = stream.decompress(body, CALL_BYTES + 1)
    except zlib.error as error:
        raise RefusedError(400, "InvalidCompression", "The body is not valid gzip.") from error
    if len(payload) > CALL_BYTES:
        raise _too_large()
    if not stream.eof or stream.unused_data:
        raise RefusedError(400, "InvalidCompression", "The body is not one whole gzip stream.")
    return payload


def _too_large() -> RefusedError:
    return RefusedError(413, "ContentLengthLimitExceeded", f"The body exceeds {CALL_BYTES} bytes.")
