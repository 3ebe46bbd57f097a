"""The app's HTTP API, as its callers use it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from tests.e2e.conftest import Environment


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


async def call(env: Environment, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    """Call the API; a JSON answer is decoded, any other is text."""
    payload = {"data": body} if isinstance(body, str | bytes) else {"json": body} if body is not None else {}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, env.host.http_url + path, headers=headers, **payload) as response,
    ):
        found = {name.lower(): value for name, value in response.headers.items()}
        is_json = response.content_type.endswith("json")
        return Answer(response.status, found, await (response.json(content_type=None) if is_json else response.text()))


def days_ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds").replace("+00:00", "Z")
