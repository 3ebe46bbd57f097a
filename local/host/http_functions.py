"""HTTP functions and the admin endpoint, on loopback."""

import errno
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from aiohttp import web

from local.host.errors import HostError, InvocationError
from local.host.frames import Frame
from local.host.functions import FunctionInfo
from local.host.http_messages import from_rpc, to_rpc, trigger_metadata
from local.host.log import WorkerLog
from local.host.routes import compiled, decoded, route_values

type FireByHand = Callable[[str, str | None], bool]

# The platform's own limit for a request (learn.microsoft.com, "HTTP trigger", limits).
_MOST_BODY_BYTES = 210_000_000
_SHUTDOWN_SECONDS = 1.0
_ADMIN = compiled("admin/functions/{name}")
_HOME_PAGE = "<!DOCTYPE html><title>Functions</title><p>The local Functions host is running.</p>"


class Invoke(Protocol):
    """Invokes a function with its trigger's value and metadata."""

    def __call__(
        self, function: FunctionInfo, trigger: dict[str, Any], metadata: dict[str, Any], /
    ) -> Awaitable[Frame]:
        """Return the worker's answer."""


class HttpServer:
    """Serves an app's HTTP functions. Function keys are not asked for, as under ``func start``.

    :param invoke: invokes a function with its trigger's value and metadata.
    :param fire_by_hand: starts any function; False if there is none of that name.
    """

    def __init__(
        self,
        functions: Iterable[FunctionInfo],
        route_prefix: str,
        invoke: Invoke,
        fire_by_hand: FireByHand,
        log: WorkerLog,
    ) -> None:
        self._invoke = invoke
        self._fire_by_hand = fire_by_hand
        self._log = log
        self._routes = [
            (compiled(f"{route_prefix}/{function.route}"), function)
            for function in functions
            if function.route is not None
        ]
        self._application = web.Application(client_max_size=_MOST_BODY_BYTES)
        # aiohttp's own routes decode a slash, and know no other case.
        self._application.router.add_route("*", "/{path:(?s:.*)}", self._answer)
        self._runner: web.AppRunner | None = None

    async def start(self, port: int) -> str:
        """Serve on 127.0.0.1 and return the base URL without a slash at the end. Port 0 takes a free one.

        :raises HostError: the port is taken.
        """
        self._runner = web.AppRunner(
            self._application, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS, auto_decompress=False
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        try:
            await site.start()
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            reason = "another program uses it. End it, or choose" if taken else f"{error.strerror}. Choose"
            raise HostError(
                f"HTTP functions cannot be served on port {port}: {reason} another port with --port."
            ) from error
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop serving; requests under way get a second. Idempotent."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.Response:
        path = decoded(request.rel_url.raw_path)
        if request.method == "POST" and (admin := route_values(_ADMIN, path)) is not None:
            return await self._fire(request, admin["name"])
        # The Functions host matches route and method together: a wrong method is no route at all.
        for pattern, function in self._routes:
            if function.methods and request.method not in function.methods:
                continue
            if (values := route_values(pattern, path)) is not None:
                return await self._run(function, request, values)
        if path == "/":
            return web.Response(text=_HOME_PAGE, content_type="text/html")
        return web.Response(status=404)

    async def _run(self, function: FunctionInfo, request: web.Request, values: dict[str, str]) -> web.Response:
        trigger = await to_rpc(request, values)
        try:
            answer = await self._invoke(function, trigger, trigger_metadata(request, values))
        except (InvocationError, HostError) as error:
            # The platform tells the caller nothing; the reason is in the log.
            self._log.write("ERROR", "host", str(error))
            return web.Response(status=500)
        result = (answer["result"] or {}).get("http")
        return from_rpc(result, request) if result is not None else web.Response(status=204)

    async def _fire(self, request: web.Request, name: str) -> web.Response:
        if not _is_json(request.content_type):
            return web.Response(status=415)
        try:
            payload = json.loads(await request.read()).get("input")
        except (ValueError, AttributeError):
            return web.Response(status=400)
        return web.Response(status=202 if self._fire_by_hand(name, payload) else 404)


def _is_json(content_type: str) -> bool:
    return content_type in {"application/json", "text/json"} or content_type.endswith("+json")
