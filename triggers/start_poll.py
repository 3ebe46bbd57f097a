"""Start a poll unless one is running."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import azure.durable_functions as df

from triggers import task_hub

# A poll ends by itself within minutes. One that is still "running" after this long is stuck and is in nobody's way:
# what keeps streams apart are their leases, not this check.
STUCK_AFTER: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class PollStart:
    """`instance_id` is the new poll's, or that of the one that is running."""

    instance_id: str
    started: bool


async def start_poll(
    client: df.DurableFunctionsClient,
    now: datetime,
    request: dict[str, Any] | None = None,
) -> PollStart:
    """Start `poll-<now>` with a payload for `PollRequest`; a poll that is still running is left to end first."""
    for run in await task_hub.runs(client, "poll-", statuses=task_hub.RUNNING):
        if run.name == "poll" and run.started_at > now - STUCK_AFTER:
            return PollStart(run.instance_id, started=False)
    # No colons: Durable Functions Monitor takes an id that ends in ":<digits>" for a child's.
    instance_id = f"poll-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    # Somebody else may have started it in this very second.
    return PollStart(instance_id, started=await task_hub.start(client, "poll", request or {"v": 1}, instance_id))
