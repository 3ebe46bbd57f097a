"""The extension's management API, as Durable Functions Monitor and curl call it."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from local.extension import ExtensionEngine
from tests.e2e.conftest import Environment


async def manage(env: Environment, method: str, instance_id: str, action: str = "", **query: str) -> Any:
    """Ask about an instance, or act on it; return the answer's JSON, None if it has none.

    Raises:
        AssertionError: the extension rejects it; the message has its answer.

    """
    path = f"instances/{instance_id}" + (f"/{action}" if action else "")
    return await request(_url(env), method, path, query)


async def start_with(env: Environment, orchestrator: str, instance_id: str, text: str) -> None:
    """Start a run with an input as somebody types it.

    Raises:
        AssertionError: the extension rejects it; the message has its answer.

    """
    await request(_url(env), "POST", f"orchestrators/{orchestrator}/{instance_id}", {}, text)


async def request(management_url: str, method: str, path: str, query: dict[str, str], body: str | None = None) -> Any:
    """Send a request to the API at this address, whose own query has the key; return the answer's JSON.

    Raises:
        AssertionError: the extension rejects it; the message has its answer.

    """
    base = urlsplit(management_url)
    url = urlunsplit((base.scheme, base.netloc, f"{base.path}/{path}", base.query, ""))
    async with aiohttp.ClientSession() as session, session.request(method, url, params=query, data=body) as answer:
        text = await answer.text()
        assert answer.status < HTTPStatus.BAD_REQUEST, f"{answer.status}: {text}"
        return await answer.json(content_type=None) if text else None


def _url(env: Environment) -> str:
    engine = env.host.engine
    assert isinstance(engine, ExtensionEngine)
    return engine.management_url
