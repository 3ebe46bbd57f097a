"""What the suite does with a host: run an orchestration, send the engine a request, wait for a condition."""

import asyncio
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from local.host import FunctionsHost, Instance
from local.patience import within

_SECONDS = 60.0  # on the in-memory engine and the reference machine


@dataclass(frozen=True)
class Answer:
    """An answer of the engine's gRPC service.

    Attributes:
        content: the message as JSON; unset fields are missing.
        error: the gRPC status of a rejected request, or empty.

    """

    content: dict[str, Any]
    error: str = ""


def unique(name: str) -> str:
    """Make an id that no other test has used: all share one task hub."""
    return f"{name}-{uuid4().hex[:12]}"


async def run(host: FunctionsHost, name: str, payload: object = None, instance_id: str | None = None) -> Instance:
    """Run an orchestration to its end."""
    return await host.client.wait_for(host.client.start(name, payload, instance_id))


async def ask(host: FunctionsHost, method: str, request: dict[str, Any]) -> Answer:
    """Send the engine a gRPC request from the app, by its durable client."""
    url = f"{host.http_url}/api/ask/{method}"
    body = io.BytesIO(json.dumps(request).encode())
    limit = aiohttp.ClientTimeout(total=_limit(host))
    async with aiohttp.ClientSession(timeout=limit) as session, session.post(url, data=body) as response:
        content = await response.json(content_type=None)
        return Answer(content) if response.status == 200 else Answer({}, content["code"])


async def until(host: FunctionsHost, condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(_limit(host)):
        while not condition():  # noqa: ASYNC110 - the engine announces nothing
            await asyncio.sleep(host.engine.look_seconds)


async def kill_in(host: FunctionsHost, name: str) -> None:
    """Kill the worker once it has begun a call that is counted under a name."""
    await until(host, lambda: calls(host, name) > 0)
    host.worker.kill()


def calls(host: FunctionsHost, name: str) -> int:
    """Return how many calls the app counted under a name."""
    path = Path(host._settings["MARKS"]) / name
    return path.stat().st_size if path.exists() else 0


def _limit(host: FunctionsHost) -> float:
    return within(_SECONDS * host.engine.slowness)
