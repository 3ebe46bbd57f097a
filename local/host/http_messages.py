"""HTTP requests as the Functions host hands them to a worker, and the worker's answers as it sends them."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import HttpVersion11, hdrs, web

_SAME_SITE = {1: "Lax", 2: "Strict", 3: "None"}
# A function key in the address is the host's business.
_KEY = "code"


async def to_rpc(request: web.Request, route_values: Mapping[str, str]) -> dict[str, Any]:
    """Return a request as typed data in JSON."""
    # The Functions host reads a body only if the request says how long it is: a chunked one has none.
    body = await request.read() if request.content_length else b""
    http = {
        "method": request.method,
        "url": str(request.url),
        "headers": {name.lower(): value for name, value in _headers(request).items()},
        "params": dict(route_values),
        "query": _query(request),
        "body": {"bytes": base64.b64encode(body).decode("ascii")} if body else None,
    }
    return {"http": http}


def trigger_metadata(request: web.Request, route_values: Mapping[str, str]) -> dict[str, Any]:
    """Return what binding expressions may use of a request: typed data in JSON by name."""
    query = {name: value for name, value in _query(request).items() if name.lower() != _KEY}
    whole = {"Query": _query(request), "Headers": _headers(request)}
    return {
        **{name: {"string": value} for name, value in {**query, **route_values}.items()},
        **{name: {"json": json.dumps(values)} for name, values in whole.items()},
    }


def from_rpc(result: Mapping[str, Any], request: web.Request) -> web.Response:
    """Return a worker's answer. One with a body is chunked and does not say how long it is."""
    ((kind, content),) = (result["body"] or {"string": ""}).items()
    body = base64.b64decode(content) if kind == "bytes" else str(content).encode()
    response = web.Response(status=int(result["status_code"]), body=body, headers=result["headers"])
    if body and request.version >= HttpVersion11 and hdrs.CONTENT_LENGTH not in response.headers:
        response.enable_chunked_encoding()
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


def _headers(request: web.Request) -> dict[str, str]:
    return {name: ",".join(request.headers.getall(name)) for name in request.headers}


def _query(request: web.Request) -> dict[str, str]:
    """Return the query without empty values, which the worker cannot be sent."""
    joined = {name: ",".join(request.query.getall(name)) for name in request.query}
    return {name: value for name, value in joined.items() if value}
