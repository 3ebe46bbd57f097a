"""Polls in the local environment: fire the timer, wait, and see what came of it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from local.host import FunctionsHost

TIMER: Final = "poll_on_schedule"
_POLL_SECONDS: Final = 300.0  # a poll ends itself after four minutes
_MOST_POLLS: Final = 50


@dataclass(slots=True)
class StreamReport:
    """What the polls of a run did with one stream; `lag_seconds` is that of the last poll that delivered anything."""

    events: int = 0
    pages: int = 0
    chunks: int = 0
    bytes: int = 0
    requests: int = 0
    seconds: float = 0.0
    lag_seconds: float | None = None
    cursor: str | None = None
    cursor_age_seconds: float | None = None

    def add(self, outcome: dict[str, Any]) -> None:
        """Count one run of the stream."""
        for name in ("events", "pages", "chunks", "bytes", "requests", "seconds"):
            setattr(self, name, getattr(self, name) + outcome[name])
        self.seconds = round(self.seconds, 3)
        if outcome["lag_seconds"] is not None:
            self.lag_seconds = outcome["lag_seconds"]


@dataclass(slots=True)
class Polls:
    """All polls of a run, summed up by stream."""

    host: FunctionsHost
    count: int = 0
    streams: dict[str, StreamReport] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def delivered(self) -> dict[str, int]:
        """What the app says it delivered, by stream."""
        return {name: stream.events for name, stream in self.streams.items()}

    async def catch_up(self, while_waiting: Callable[[], Awaitable[None]]) -> bool:
        """Poll until nothing waits any more; False if a poll failed or it takes too many."""
        for _ in range(_MOST_POLLS):
            outcomes = await self._poll(while_waiting)
            if outcomes is None:
                return False
            if all(outcome in ("ok", "recovered") for outcome in outcomes):
                return True
        self.problems.append(f"after {_MOST_POLLS} polls it still had not caught up")
        return False

    async def _poll(self, while_waiting: Callable[[], Awaitable[None]]) -> list[str] | None:
        """Poll once; return the streams' outcomes, or None if the poll failed."""
        before = {instance.instance_id for instance in self.host.client.query("poll-")}
        # Instance ids count in seconds.
        await asyncio.sleep(1.0 - datetime.now(UTC).microsecond / 1e6)
        await self.host.fire_timer(TIMER)
        (instance_id,) = [
            instance.instance_id
            for instance in self.host.client.query("poll-")
            if instance.name == "poll" and instance.instance_id not in before
        ]
        waiting = asyncio.create_task(self.host.client.wait_for(instance_id, _POLL_SECONDS))
        while not waiting.done():
            await while_waiting()
            await asyncio.wait([waiting], timeout=0.1)
        poll = waiting.result()
        self.count += 1
        outcomes: list[str] = []
        for child in self.host.client.query(f"{instance_id}-"):
            label = child.instance_id.removeprefix(f"{instance_id}-")
            report = self.streams.setdefault(label, StreamReport())
            if isinstance(child.output, dict):
                outcomes.append(child.output["outcome"])
                if "events" in child.output:
                    report.add(child.output)
            self._look_at_cursor(report, child.input["key"])
        if poll.error_message:
            self.problems.append(poll.error_message)
            return None
        return outcomes

    def _look_at_cursor(self, report: StreamReport, key: str) -> None:
        state = self.host.client.entity_state("stream_cursor", key)
        if state:
            report.cursor = state["position"]["cursor"]
            if state["moved_at"]:
                moved = datetime.fromisoformat(state["moved_at"])
                report.cursor_age_seconds = (datetime.now(UTC) - moved).total_seconds()
