"""HTTP functions and the admin endpoint, on loopback."""

import base64
import errno
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiohttp import web

from local.host.errors import HostError, InvocationError
from local.host.frames import Frame
from local.host.functions import FunctionInfo
from local.host.log import WorkerLog

type Invoke = Callable[[FunctionInfo, dict[str, Any]], Awaitable[Frame]]
type FireByHand = Callable[[str, str | None], bool]

# The platform's own limit for a request (learn.microsoft.com, "HTTP trigger", limits).
_MOST_BODY_BYTES = 210_000_000
_SHUTDOWN_SECONDS = 1.0
# {name}, {name:constraint}, {name?} and {*name}, as ASP.NET route templates have them.
_PARAMETER = re.compile(r"\{(?P<rest>\*)?(?P<name>\w+)(?::(?P<constraint>\w+)(?:\([^)]*\))?)?(?P<optional>\?)?\}")
_CONSTRAINTS = {
    "int": r"-?\d+",
    "long": r"-?\d+",
    "alpha": "[A-Za-z]+",
    "bool": "[Tt]rue|[Ff]alse",
    "guid": r"\{?[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}\}?",
}
_SAME_SITE = {1: "Lax", 2: "Strict", 3: "None"}


class HttpServer:
    """Serves an app's HTTP functions. Function keys are not asked for, as under ``func start``.

    :param invoke: invokes a function with its trigger's value.
    :param fire_by_hand: starts a function that is not triggered by HTTP; False if it cannot.
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
        self._application = web.Application(client_max_size=_MOST_BODY_BYTES, middlewares=[_unmatched_is_404])
        self._application.router.add_post("/admin/functions/{name}", self._fire)
        for function in functions:
            if function.route is not None:
                for path in paths(f"{route_prefix}/{function.route}"):
                    for method in function.methods or ("*",):
                        self._application.router.add_route(method, path, self._handler(function))
        self._runner: web.AppRunner | None = None

    async def start(self, port: int) -> str:
        """Serve on 127.0.0.1 and return the base URL without a slash at the end. Port 0 takes a free one.

        :raises HostError: the port is taken.
        """
        self._runner = web.AppRunner(self._application, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
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

    def _handler(self, function: FunctionInfo) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                answer = await self._invoke(function, {"http": await _to_rpc(request)})
            except (InvocationError, HostError) as error:
                # The platform tells the caller nothing; the reason is in the log.
                self._log.write("ERROR", "host", str(error))
                return web.Response(status=500)
            result = (answer["result"] or {}).get("http")
            return _from_rpc(result) if result is not None else web.Response(status=204)

        return handle

    async def _fire(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            payload = json.loads(body or b"{}").get("input")
        except (ValueError, AttributeError):
            return web.Response(status=400)
        fired = self._fire_by_hand(request.match_info["name"], payload)
        return web.Response(status=202 if fired else 404)


def paths(template: str) -> list[str]:
    """Return the aiohttp paths that together match an ASP.NET route template."""

    def parameter(match: re.Match[str]) -> str:
        pattern = ".*" if match["rest"] else _CONSTRAINTS.get(match["constraint"] or "", "[^/]+")
        return f"{{{match['name']}:{pattern}}}"

    path = "/" + _PARAMETER.sub(parameter, template).strip("/")
    last = template.rpartition("/")[2]
    if (match := _PARAMETER.fullmatch(last)) and (match["optional"] or match["rest"]):
        return [path, *paths(template.rpartition("/")[0])]
    return [path]


async def _to_rpc(request: web.Request) -> dict[str, Any]:
    # The Functions host reads a body only if the request says how long it is: a chunked one has none.
    body = await request.read() if request.content_length else b""
    headers = {name.lower(): ", ".join(request.headers.getall(name)) for name in request.headers}
    return {
        "method": request.method,
        "url": str(request.url),
        "headers": headers,
        "params": dict(request.match_info),
        "query": {name: ",".join(request.query.getall(name)) for name in request.query},
        "body": {"bytes": base64.b64encode(body).decode("ascii")} if body else None,
    }


def _from_rpc(result: Mapping[str, Any]) -> web.Response:
    ((kind, content),) = (result["body"] or {"string": ""}).items()
    body = base64.b64decode(content) if kind == "bytes" else str(content).encode()
    response = web.Response(status=int(result["status_code"]), body=body, headers=result["headers"])
    for cookie in result["cookies"]:
        response.set_cookie(
            cookie["name"],
            cookie["value"],
            domain=cookie.get("domain"),
            path=cookie.get("path") or "/",
            expires=cookie.get("expires"),
            secure=cookie.get("secure"),
            httponly=cookie.get("http_only"),
            max_age=cookie.get("max_age"),
            samesite=_SAME_SITE.get(cookie["same_site"]),
        )
    return response


@web.middleware
async def _unmatched_is_404(request: web.Request, handler: Any) -> web.StreamResponse:
    # The Functions host matches route and method together: a wrong method is no route at all.
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as error:
        raise web.HTTPNotFound from error
