"""The 1Password Events API on a socket of this machine."""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from types import EllipsisType
from typing import Final

from aiohttp import web

from local.onepassword.answers import NOT_FOUND, RefusedError
from local.onepassword.api import EventsApi
from local.onepassword.events import EVENT_TYPES
from local.onepassword.exchange import INTROSPECT, Endpoint, Exchange
from local.onepassword.faults import Faults
from local.onepassword.timestamps import utcnow

# Version 1 of the streams is left out: a collector that asks for it gets the 404 of a wrong path.
_ENDPOINTS: Final = {
    ("GET", "/api/auth/introspect"): Endpoint(INTROSPECT, 1),
    ("GET", "/api/v2/auth/introspect"): Endpoint(INTROSPECT, 2),
    **{("POST", f"/api/v2/{name}"): Endpoint(name, 2) for name in EVENT_TYPES},
}
_TICK: Final = 0.2  # seconds between the batches of drip()
_LATE_EVERY: Final = 10


class OnePasswordSimulator(EventsApi):
    """A strict Events API, version 2, of one account, with ``events`` past events in each stream.

    It answers only what 1Password documents or was seen to answer; everything about the account follows from
    ``seed``. ``account_uuid=None`` leaves the account out of introspection, as before version 1.4.1. With ``story`` the
    last of the past events are those of an account that is taken over.

    >>> simulator = OnePasswordSimulator(events=10_000)
    >>> await simulator.start()
    >>> simulator.faults.add(Status(500), target="auditevents", times=3)
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        events: int = 0,
        features: Sequence[str] = EVENT_TYPES,
        now: Callable[[], datetime] = utcnow,
        requests_per_minute: int = 600,
        requests_per_hour: int = 30_000,
        account_uuid: str | EllipsisType | None = ...,
        story: bool = False,
    ) -> None:
        super().__init__(
            seed=seed,
            events=events,
            now=now,
            requests_per_minute=requests_per_minute,
            requests_per_hour=requests_per_hour,
            account_uuid=account_uuid,
            story=story,
        )
        self.features = tuple(features)
        self.faults = Faults()
        self.requests: Counter[str] = Counter()  # received, per event type and "introspect", faults included
        self.served: Counter[str] = Counter()  # events in whole answers, per event type
        self.gzip = True
        self.url = ""
        self._host = ""
        self._runner: web.AppRunner | None = None
        self._listening: tuple[ssl.SSLContext | None, int] = (None, 0)

    async def start(self, ssl_context: ssl.SSLContext | None = None, port: int = 0) -> None:
        """Listen on 127.0.0.1; ``url`` then names ``localhost``, for which the certificate must be good."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=ssl_context).start()
        self._listening = ssl_context, self._runner.addresses[0][1]
        self._host = f"localhost:{self._runner.addresses[0][1]}"
        self.url = f"{'http' if ssl_context is None else 'https'}://{self._host}"

    async def stop(self) -> None:
        """Close the socket and all connections; events, tokens and cursors stay good for another start."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @asynccontextmanager
    async def unreachable(self) -> AsyncIterator[None]:
        """Close all connections and refuse new ones for a while; afterwards listen again, under the same ``url``."""
        if self._runner is None:
            raise RuntimeError("start the simulator first: it was not reachable before")
        await self.stop()
        try:
            yield
        finally:
            await self.start(*self._listening)

    def token(
        self,
        *,
        features: Sequence[str] | None = None,
        expires: datetime | None = None,
        aud: str | None = None,
    ) -> str:
        """A token that this server knows; by default for its own host, with all its features, without an end."""
        audience = aud or self._host
        if not audience:
            raise RuntimeError("start the simulator first: a token names its host")
        return self.tokens.issue(audience, self.features if features is None else features, self.now(), expires)

    def revoke(self, token: str) -> None:
        """Refuse a token from now on."""
        self.tokens.revoke(token)

    async def drip(self, per_second: float) -> None:
        """Let events keep arriving in every stream, every tenth item usage late, until cancelled."""
        owed, arrived = 0.0, 0
        while True:
            await asyncio.sleep(_TICK)
            owed += per_second * _TICK
            while owed >= 1:
                owed -= 1
                arrived += 1
                for name in EVENT_TYPES:
                    self.add_events(name, 1, late=name == "itemusages" and arrived % _LATE_EVERY == 0)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        endpoint = _ENDPOINTS.get((request.method, request.path))
        if endpoint is None:
            return web.Response(status=NOT_FOUND.status, body=NOT_FOUND.body, content_type=NOT_FOUND.content_type)
        self.requests[endpoint.name] += 1
        exchange = Exchange(self, request, endpoint, self.served, gzip=self.gzip)
        fault = self.faults.take(endpoint.name)
        try:
            if fault is not None:
                return await fault.apply(exchange)
            return await exchange.send(await exchange.answer())
        except RefusedError as refused:
            return await exchange.send(refused.answer)
        except ConnectionResetError:
            return web.Response()  # whoever asked has gone; aiohttp wants one all the same
