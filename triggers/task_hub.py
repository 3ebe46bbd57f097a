"""The task hub, as HTTP functions and housekeeping ask it: cursors, runs, and starting and ending them."""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Final

import azure.durable_functions as df
import grpc
from durabletask.client import EntityQuery, OrchestrationQuery, OrchestrationState, OrchestrationStatus
from durabletask.entities import EntityInstanceId

from onepassword_sentinel.runs import Run, RunState
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.wire import from_wire

CURSOR: Final = "stream_cursor"
# A page of instances with inputs and outputs of about 2 KB each has to fit into a gRPC message of 4 MB.
_PAGE_SIZE: Final = 500
_LOOK_SECONDS: Final = 0.1

_STATES: Final[dict[OrchestrationStatus, RunState]] = {
    OrchestrationStatus.COMPLETED: "completed",
    OrchestrationStatus.FAILED: "failed",
    OrchestrationStatus.TERMINATED: "stopped",
}
RUNNING: Final = [status for status in OrchestrationStatus if status not in _STATES]


async def cursors(client: df.DurableFunctionsClient, prefix: str = "") -> dict[str, StreamState]:
    """Get the state of every stream's cursor whose key begins so, by key."""
    # "Transient" would leave out one that has just been sent an operation.
    query = EntityQuery(instance_id_starts_with=f"@{CURSOR}@{prefix}", include_transient=True, page_size=_PAGE_SIZE)
    found = {entity.id.key: entity.get_typed_state() for entity in await client.get_all_entities(query)}
    return {key: from_wire(StreamState, state) for key, state in found.items() if state}


async def cursor(client: df.DurableFunctionsClient, key: str) -> StreamState | None:
    """Get the state of one stream's cursor; None if there is none."""
    entity = await client.get_entity(EntityInstanceId(CURSOR, key))
    state = entity.get_typed_state() if entity else None
    return from_wire(StreamState, state) if state else None


async def runs(
    client: df.DurableFunctionsClient,
    *,
    prefix: str | None = None,
    since: datetime | None = None,
    statuses: Collection[OrchestrationStatus] | None = None,
) -> list[Run]:
    """Get the runs whose ids begin so, that were created since then and that have one of the statuses."""
    query = OrchestrationQuery(
        created_time_from=since,
        runtime_status=list(statuses) if statuses is not None else None,
        max_instance_count=_PAGE_SIZE,
        fetch_inputs_and_outputs=True,
        instance_id_prefix=prefix,
    )
    return [_run(state) for state in await client.get_all_orchestration_states(query)]


async def run(client: df.DurableFunctionsClient, instance_id: str) -> Run | None:
    """Get one run; None if there is none."""
    state = await client.get_orchestration_state(instance_id)
    return _run(state) if state else None


async def start(client: df.DurableFunctionsClient, name: str, payload: dict[str, Any], instance_id: str) -> bool:
    """Start a run; False if one with the same id is running."""
    try:
        await client.schedule_new_orchestration(name, input=payload, instance_id=instance_id)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
            raise
        return False
    return True


async def ended(client: df.DurableFunctionsClient, instance_id: str, seconds: float) -> Run | None:
    """Wait for a run's end; None if it has not ended by then."""
    # Asked again and again: the call that waits holds a thread of the host, and reports its own end as an error.
    for _ in range(int(seconds / _LOOK_SECONDS)):
        found = await run(client, instance_id)
        if found is None or found.ended:
            return found
        await asyncio.sleep(_LOOK_SECONDS)
    return None


async def terminate(client: df.DurableFunctionsClient, instance_id: str, reason: str) -> None:
    """End a run at once; one that has ended by itself, or that never was, is left alone."""
    try:
        # Not recursive: neither does the host look for children.
        await client.terminate_orchestration(instance_id, output=reason, recursive=False)
    except grpc.aio.AioRpcError as error:
        if error.code() not in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION):
            raise


def _run(state: OrchestrationState) -> Run:
    output = state.get_output() if state.runtime_status is OrchestrationStatus.COMPLETED else None
    return Run(
        instance_id=state.instance_id,
        name=state.name,
        state=_STATES.get(state.runtime_status, "running"),
        started_at=utc(state.created_at),
        updated_at=utc(state.last_updated_at),
        input=_dict(state.get_input()),
        output=_dict(output),
        custom_status=_dict(state.get_custom_status()),
        error=state.failure_details.message if state.failure_details else "",
    )


def _dict(value: Any) -> dict[str, Any]:
    """Take what is an object; somebody may have typed anything else into Durable Functions Monitor."""
    return value if isinstance(value, dict) else {}


def utc(moment: datetime) -> datetime:
    """Give a time its zone, which the SDK leaves out."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
