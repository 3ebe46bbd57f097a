"""A plain client of the Events API: what the simulator's tests ask with, and nothing of the product."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from local.onepassword import OnePasswordSimulator

LONG_AGO = "2020-01-01T00:00:00Z"
PAGES_AT_MOST = 200


class Clock:
    """A wall clock that tests move."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 22, 12, 45, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def forward(self, **amount: float) -> None:
        self.time += timedelta(**amount)


@dataclass
class Client:
    session: aiohttp.ClientSession
    simulator: OnePasswordSimulator
    token: str = field(repr=False)

    async def send(self, method: str, path: str, **request: Any) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self.token}", **request.pop("headers", {})}
        url = self.simulator.url + path
        async with self.session.request(method, url, headers=headers, **request) as response:
            return response.status, await response.read()

    async def introspect(self, path: str = "/api/v2/auth/introspect") -> dict[str, Any]:
        async with self.session.get(
            self.simulator.url + path, headers={"Authorization": f"Bearer {self.token}"}
        ) as response:
            assert response.status == 200
            return await response.json()

    async def status(self, event_type: str, body: object) -> int:
        return (await self.send("POST", f"/api/v2/{event_type}", json=body))[0]

    async def page(self, event_type: str, **body: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.simulator.url}/api/v2/{event_type}"
        async with self.session.post(url, json=body, headers=headers) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def drain(self, event_type: str, **body: Any) -> tuple[list[dict[str, Any]], str]:
        """Everything from a first body on until has_more is false, and the cursor to go on with."""
        events = []
        for _ in range(PAGES_AT_MOST):
            page = await self.page(event_type, **body)
            events += page["items"]
            body = {"cursor": page["cursor"]}
            if not page["has_more"]:
                return events, page["cursor"]
        raise AssertionError(f"still more after {PAGES_AT_MOST} pages")


def uuids(events: list[dict[str, Any]]) -> list[str]:
    return [event["uuid"] for event in events]


@asynccontextmanager
async def serving(simulator: OnePasswordSimulator) -> AsyncIterator[Client]:
    """The simulator, started, and a client with a good token for it."""
    await simulator.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Client(session, simulator, simulator.token())
    finally:
        await simulator.stop()
