"""One HTTP request, what the API would answer to it, and how an answer is sent."""

import zlib
from collections import Counter
from dataclasses import dataclass
from typing import Final

import msgspec
from aiohttp import web

from local.onepassword.answers import Answer
from local.onepassword.api import EventsApi, Page
from local.onepassword.cursors import Cursor

INTROSPECT: Final = "introspect"
_COMPRESS_FROM: Final = 1024  # bytes; below it gzip saves nothing
_GZIP: Final = 31  # zlib's window size that means a gzip container


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a method and a path stand for: an event type or ``introspect``, in a version of the API."""

    name: str
    version: int


class Exchange:
    """A request on its way to an answer. A fault decides how much of the real one is used."""

    def __init__(
        self, api: EventsApi, request: web.Request, endpoint: Endpoint, served: Counter[str], *, gzip: bool
    ) -> None:
        self.api = api
        self.request = request
        self.endpoint = endpoint
        self._served = served
        accepted = request.headers.get("Accept-Encoding", "")
        self._gzip = gzip and any(coding.strip() == "gzip" for coding in accepted.split(","))

    async def answer(self) -> Answer:
        """The real answer; ``RefusedError`` if it is an error."""
        if self.endpoint.name == INTROSPECT:
            authorization = self.request.headers.get("Authorization")
            return self.api.introspect(authorization, version=self.endpoint.version)
        cursor, is_reset = await self.cursor()
        return page_answer(self.api.page(self.endpoint.name, cursor), cursor, is_reset=is_reset)

    async def cursor(self) -> tuple[Cursor, bool]:
        """What the request asks for, and whether by a reset cursor; ``RefusedError`` if it may not."""
        is_json = self.request.content_type == "application/json"
        body = await self.request.read()
        authorization = self.request.headers.get("Authorization")
        return self.api.open_poll(self.endpoint.name, authorization, body if is_json else None)

    async def send(self, answer: Answer) -> web.StreamResponse:
        """Send a whole answer."""
        response, body = await self.open(answer)
        self.account_for(answer)
        await response.write_eof(body)
        return response

    async def open(self, answer: Answer) -> tuple[web.StreamResponse, bytes]:
        """Send the head of an answer; returns the body that it announces, still to be written."""
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        response.content_type = answer.content_type
        body = answer.body
        if self._gzip and len(body) >= _COMPRESS_FROM:
            body = zlib.compress(body, level=1, wbits=_GZIP)
            response.headers["Content-Encoding"] = "gzip"
        response.content_length = len(body)
        await response.prepare(self.request)
        return response, body

    def account_for(self, answer: Answer) -> None:
        """Enter an answer that is about to be complete in the ledger: only now does the client have it."""
        if answer.events:
            self._served[self.endpoint.name] += answer.events
        if answer.accepted_start is not None:
            self.api.begin(self.endpoint.name, answer.accepted_start)


def page_answer(page: Page, cursor: Cursor, *, is_reset: bool) -> Answer:
    """The answer that carries a page to the request that asked for ``cursor``."""
    start = cursor.window.start if is_reset else None
    return Answer(200, page.encode(), events=len(page.items), accepted_start=start)


def decoded(answer: Answer) -> dict[str, object]:
    """The JSON object in an answer."""
    return msgspec.json.decode(answer.body, type=dict[str, object])
