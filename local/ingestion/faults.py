"""Scripted faults of the Logs Ingestion simulator: what the next requests get in place of good service."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from aiohttp import web

from local.fault_script import FaultScript
from local.hold import Held

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Fault:
    """A fault overrides one of the two moments at which it can strike.

    A response that a moment returns is the answer, and nothing more happens to the request.
    """

    async def on_request(self, request: web.Request) -> web.Response | None:
        """Strike before the request is checked or its body read."""
        del request
        return None

    async def on_stored(self, request: web.Request) -> web.Response | None:
        """Strike when the rows are stored and before the caller is told so."""
        del request
        return None


@dataclass(frozen=True)
class Status(Fault):
    """Answer with this status; nothing is stored."""

    code: int
    body: bytes = b""
    headers: Mapping[str, str] = NO_HEADERS

    async def on_request(self, request: web.Request) -> web.Response | None:
        """Take the body first, as a gateway does, so that the caller's write does not fail."""
        await request.read()
        return web.Response(status=self.code, body=self.body, headers=self.headers)


@dataclass(frozen=True)
class DropBeforeRead(Fault):
    """Drop the connection before the body is read; nothing is stored."""

    async def on_request(self, request: web.Request) -> web.Response | None:
        """Abort the transport."""
        return _drop(request)


@dataclass(frozen=True)
class DropAfterStore(Fault):
    """Store the rows, then drop the connection: the caller cannot know."""

    async def on_stored(self, request: web.Request) -> web.Response | None:
        """Abort the transport."""
        return _drop(request)


@dataclass(frozen=True)
class Stall(Fault):
    """Do nothing for ``seconds``, then serve the request as usual."""

    seconds: float

    async def on_request(self, request: web.Request) -> web.Response | None:
        """Wait."""
        del request
        await asyncio.sleep(self.seconds)
        return None


@dataclass(frozen=True, eq=False)
class Hold(Held, Fault):
    """Do nothing until the test lets go, then serve the request as usual."""

    async def on_request(self, request: web.Request) -> web.Response | None:
        """Wait."""
        del request
        await self.wait()
        return None


@dataclass(frozen=True, eq=False)
class HoldAnswer(Held, Fault):
    """Store the rows, and answer when the test lets go."""

    async def on_stored(self, request: web.Request) -> web.Response | None:
        """Wait."""
        del request
        await self.wait()
        return None


@dataclass(frozen=True)
class LateAnswer(Fault):
    """Store the rows, and answer after ``seconds``; a caller that gives up before cannot know."""

    seconds: float

    async def on_stored(self, request: web.Request) -> web.Response | None:
        """Wait."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.seconds):
                while request.transport is not None:  # noqa: ASYNC110  # aiohttp does not say when a caller leaves
                    await asyncio.sleep(0.005)
        return None


# The faults below depend on the body, so they are not scripted: a script counts requests before it can know their
# bodies. They stand in the simulator's ``refusals`` until they are taken out, and other requests do not meet them.


@dataclass(frozen=True)
class RefuseRows:
    """Refuse a request with a row that has ``marker`` in it, as Azure does: as a whole, and without naming the row."""

    marker: bytes
    code: int = 400

    def refuses(self, payload: bytes) -> bool:
        """Whether an uncompressed body is refused."""
        return self.marker in payload


@dataclass(frozen=True)
class SmallerLimit:
    """Refuse what is larger than ``size`` bytes, uncompressed, as a gateway in front of Azure may."""

    size: int
    code: int = 413

    def refuses(self, payload: bytes) -> bool:
        """Whether an uncompressed body is refused."""
        return len(payload) > self.size


type Refusal = RefuseRows | SmallerLimit


class Faults(FaultScript[Fault]):
    """Faults by stream of the data collection rule, or for every request."""

    def __init__(self) -> None:
        super().__init__(lambda _, stream, asked: stream in {None, asked})


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)  # aiohttp wants one; nobody receives it
