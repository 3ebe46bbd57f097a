"""Scripted faults: what goes wrong with the next requests, instead of their real answers.

A fault is a frozen dataclass with a method ``apply``; a new one needs nothing else. The API keeps nothing between
requests, so a request that meets a fault advances nothing, and the same request may be sent again.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

import msgspec
from aiohttp import web

from local.fault_script import FaultScript
from local.hold import Held
from local.onepassword.answers import BY_STATUS, Answer
from local.onepassword.exchange import INTROSPECT, Exchange, decoded, page_answer

_SLICES_PER_SECOND: Final = 20


class Fault:
    """Answers a request its own way; ``pages_only`` faults make no sense for introspection and skip it."""

    pages_only: ClassVar[bool] = False

    async def apply(self, exchange: Exchange) -> web.StreamResponse:
        """Answer the request, or break it off."""
        raise NotImplementedError


@dataclass(frozen=True)
class Status(Fault):
    """An error status; without a body the API's own body for it."""

    code: int
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    async def apply(self, exchange: Exchange) -> web.StreamResponse:
        """Answer before anything else is looked at, as a gateway does."""
        own = BY_STATUS.get(self.code, Answer(self.code, b""))
        if self.body is not None:
            own = Answer(self.code, self.body, self.content_type)
        return await exchange.send(replace(own, headers=self.headers))


@dataclass(frozen=True)
class Body(Fault):
    """Status 200 with a body that is not a page: HTML, half of a JSON document, invalid UTF-8."""

    body: bytes
    content_type: str = "application/json"

    async def apply(self, exchange: Exchange) -> web.StreamResponse:
        """Answer with the body, whatever was asked."""
        return await exchange.send(Answer(200, self.body, self.content_type))


@dataclass(frozen=True)
class DropConnection(Fault):
    """The connection is reset before a byte of the answer."""

    async def apply(self, exchange: Exchange) -> web.StreamResponse:
        """Break off."""
        if exchange.request.transport is not None:
            exchange.request.transport.abort()
        return web.Response()


@dataclass(frozen=True)
class CutBody(Fault):
    """The connection ends after some bytes of the real answer's body, as compressed."""

    after: int

    async def apply(self, exchange: Exchange) -> web.StreamResponse:
        """Send the head and a part of what it announces."""
        response, body = await exchange.open(await exchange.answer())
        response.force_close()
        await response.write(body[: min(self.after, len(body) - 1)])
        if exchange.request.transport is not None:
            exchange.request.transport.close()  # after what was written, unlike abort
        return response


@dataclass(frozen=True)
class Stall(Fault):
    """Silence, then the real answer; a client that has gone by then was given nothing."""

    seconds: float

    async def apply(self, exchange: Exchange) -> web.StreamResponse:
        """Wait and answer."""
        await asyncio.sleep(self.seconds)
        return await exchange.send(await exchange.answer())


@dataclass(frozen=True, eq=False)
class Hold(Held, Fault):
    """Silence until the test lets go, then the real answer: nothing depends on how long that takes."""

    async def apply(self, exchange: Exchange) -> web.StreamResponse:
        """Wait and answer."""
        await self.wait()
        return await exchange.send(await exchange.answer())


@dataclass(frozen=True)
class Drip(Fault):
    """The real answer, but slowly: each read succeeds in time while the whole takes very long."""

    bytes_per_second: int

    async def apply(self, exchange: Exchange) -> web.StreamResponse:
        """Write slice by slice."""
        answer = await exchange.answer()
        response, body = await exchange.open(answer)
        size = max(1, self.bytes_per_second // _SLICES_PER_SECOND)
        last = max(0, len(body) - 1) // size * size
        for start in range(0, last, size):
            await response.write(body[start : start + size])
            await asyncio.sleep(size / self.bytes_per_second)
        exchange.account_for(answer)
        await response.write_eof(body[last:])
        return response


@dataclass(frozen=True)
class RepeatCursor(Fault):
    """Nothing, the request's own cursor, and the claim that there is more: a client must not spin."""

    pages_only: ClassVar[bool] = True

    async def apply(self, exchange: Exchange) -> web.StreamResponse:
        """Answer with the cursor that was sent, or for a reset cursor with its first one."""
        cursor, is_reset = await exchange.cursor()
        page = exchange.api.page_of(exchange.endpoint.name, cursor, has_more=True)
        return await exchange.send(page_answer(page, cursor, is_reset=is_reset))


@dataclass(frozen=True)
class EmptyPages(Fault):
    """A page without items; with ``has_more`` under a new cursor, else under the request's own."""

    pages_only: ClassVar[bool] = True
    has_more: bool = True

    async def apply(self, exchange: Exchange) -> web.StreamResponse:
        """Answer with a cursor that stands where the request's stands."""
        cursor, is_reset = await exchange.cursor()
        following = replace(cursor, page=cursor.page + 1) if self.has_more else cursor
        page = exchange.api.page_of(exchange.endpoint.name, following, has_more=self.has_more)
        return await exchange.send(page_answer(page, cursor, is_reset=is_reset))


@dataclass(frozen=True)
class Overlap(Fault):
    """The real page, and in front of it once more the last ``count`` events before the cursor, the same to the byte.

    A page that would be empty brings them too; where nothing precedes the cursor, the page is the real one.
    """

    pages_only: ClassVar[bool] = True
    count: int

    async def apply(self, exchange: Exchange) -> web.StreamResponse:
        """Answer with the real page's cursor; ``served`` counts the repeated events, ``offered`` knows none of them."""
        cursor, is_reset = await exchange.cursor()
        again = exchange.api.before(exchange.endpoint.name, cursor, self.count)
        page = exchange.api.page(exchange.endpoint.name, cursor)
        return await exchange.send(page_answer(replace(page, items=[*again, *page.items]), cursor, is_reset=is_reset))


@dataclass(frozen=True)
class Rewrite(Fault):
    """The real answer, a page or an introspection, after ``edit`` had it as a dict."""

    edit: Callable[[dict[str, Any]], dict[str, Any]]

    async def apply(self, exchange: Exchange) -> web.StreamResponse:
        """Decode, edit, encode; the ledger counts the page as delivered whole."""
        answer = await exchange.answer()
        return await exchange.send(replace(answer, body=msgspec.json.encode(self.edit(decoded(answer)))))


class Faults(FaultScript[Fault]):
    """Faults by endpoint: an event type, ``introspect``, or None for every request."""

    def __init__(self) -> None:
        super().__init__(_meant_for)


def _meant_for(fault: Fault, endpoint: str | None, asked: str) -> bool:
    if endpoint is None:
        return asked != INTROSPECT or not fault.pages_only
    return endpoint == asked
