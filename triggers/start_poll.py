"""Start a poll unless one is running."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import azure.durable_functions as df
import grpc
from durabletask.client import OrchestrationQuery, OrchestrationStatus

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
    running = await client.get_all_orchestration_states(
        OrchestrationQuery(
            created_time_from=now - STUCK_AFTER,
            runtime_status=[OrchestrationStatus.RUNNING, OrchestrationStatus.PENDING],
            instance_id_prefix="poll-",
        ),
    )
    for state in running:
        if state.name == "poll":
            return PollStart(state.instance_id, started=False)
    # No colons: Durable Functions Monitor takes an id that ends in ":<digits>" for a child's.
    instance_id = f"poll-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    try:
        await client.schedule_new_orchestration("poll", input=request or {"v": 1}, instance_id=instance_id)
    except grpc.aio.AioRpcError as error:
        # Somebody else started it in this very second.
        if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
            raise
        return PollStart(instance_id, started=False)
    return PollStart(instance_id, started=True)
