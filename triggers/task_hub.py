"""The task hub, as HTTP functions and housekeeping ask it: cursors, runs, and starting and ending them."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import azure.durable_functions as df
import grpc
from durabletask.client import EntityQuery, OrchestrationQuery, OrchestrationState, OrchestrationStatus
from durabletask.entities import EntityInstanceId, EntityMetadata

from onepassword_sentinel.recent_polls import RecentPolls, read_recent_polls
from onepassword_sentinel.runs import Run, RunState, failure_of, termination_of
from onepassword_sentinel.stream_state import UNREADABLE, StreamState, UnreadableStateError, read_state
from triggers import pages

_LOG = logging.getLogger(__name__)
CURSOR: Final = "stream_cursor"
RECENT_POLLS: Final = EntityInstanceId("recent_polls", "all")
_LOOK_SECONDS: Final = 0.1
_AT_ONCE: Final = 10

_STATES: Final[dict[OrchestrationStatus, RunState]] = {
    OrchestrationStatus.COMPLETED: "completed",
    OrchestrationStatus.FAILED: "failed",
    OrchestrationStatus.TERMINATED: "stopped",
}
RUNNING: Final = [status for status in OrchestrationStatus if status not in _STATES]
ENDED_BADLY: Final = [OrchestrationStatus.FAILED, OrchestrationStatus.TERMINATED]


@dataclass(frozen=True, slots=True)
class Cursors:
    """States of cursors by key.

    Attributes:
        last: the last key that was read.
        rows: how many rows were read; a cursor that was cleared has no state.
        whole: none was left out.

    """

    states: dict[str, StreamState]
    last: str
    rows: int
    whole: bool


async def cursors(client: df.DurableFunctionsClient, prefix: str = "", *, most: int = 4_000) -> dict[str, StreamState]:
    """Get the state of every stream's cursor whose key begins so, by key, `most` at most."""
    return (await read_cursors(client, prefix, most=most)).states


async def read_cursors(client: df.DurableFunctionsClient, prefix: str = "", *, most: int) -> Cursors:
    """Get the states of cursors likewise, and how far the rows were read."""
    # "Transient" would leave out one that has just been sent an operation.
    query = EntityQuery(instance_id_starts_with=f"@{CURSOR}@{prefix}", include_transient=True)
    found = {entity.id.key: _state(entity) async for entity in pages.entities(client, query, most)}
    states = {key: state for key, state in found.items() if state}
    return Cursors(states, max(found, default=""), len(found), whole=len(found) < most)


async def recent_polls(client: df.DurableFunctionsClient) -> RecentPolls:
    """Get the polls that ended last."""
    entity = await client.get_entity(RECENT_POLLS)
    return read_recent_polls(entity.get_typed_state) if entity else RecentPolls()


async def cursor(client: df.DurableFunctionsClient, key: str) -> StreamState | None:
    """Get the state of one stream's cursor; None if there is none."""
    entity = await client.get_entity(EntityInstanceId(CURSOR, key))
    return _state(entity) if entity else None


def _state(entity: EntityMetadata) -> StreamState | None:
    """Read a cursor's state; None if it is empty.

    One that cannot be read says so in its outcome and error: it must not hide the other streams.
    """
    try:
        state = read_state(entity.get_typed_state)
    except UnreadableStateError as error:
        return StreamState(outcome=UNREADABLE, error=str(error))
    return None if state == StreamState() else state


async def runs(
    client: df.DurableFunctionsClient,
    prefix: str,
    *,
    statuses: Collection[OrchestrationStatus],
    most: int,
) -> list[Run]:
    """Get the runs whose ids begin so and that have one of the statuses, by id, `most` at most.

    Only the id is indexed in Azure Tables: without a prefix the whole hub would be read. Inputs do not come along.
    """
    query = OrchestrationQuery(runtime_status=list(statuses), fetch_inputs_and_outputs=False, instance_id_prefix=prefix)
    return [_run(state) async for state in pages.instances(client, query, most)]


async def run(client: df.DurableFunctionsClient, instance_id: str) -> Run | None:
    """Get one run; None if there is none."""
    state = await client.get_orchestration_state(instance_id)
    return _run(state) if state else None


async def some_runs(client: df.DurableFunctionsClient, instance_ids: Iterable[str], *, most: int) -> list[Run]:
    """Get the first of these runs, `most` at most, each by its id.

    Those that are not there are left out, and so are those that cannot be read: a child whose row lacks its name, see
    `pages`, is UNKNOWN to the extension.
    """
    wanted = list(dict.fromkeys(instance_id for instance_id in instance_ids if instance_id))[:most]
    found: list[Run | None] = []
    for first in range(0, len(wanted), _AT_ONCE):
        ids = wanted[first : first + _AT_ONCE]
        found += await asyncio.gather(*(_readable_run(client, instance_id) for instance_id in ids))
    return [run for run in found if run]


async def _readable_run(client: df.DurableFunctionsClient, instance_id: str) -> Run | None:
    try:
        return await run(client, instance_id)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.UNKNOWN:
            raise
        _LOG.warning("the run %s cannot be read and is left out: %s", instance_id, error.details())
        return None


async def start(client: df.DurableFunctionsClient, name: str, payload: dict[str, Any], instance_id: str) -> None:
    """Start a run unless one with the same id is running.

    Nobody learns which caller started it: Azure Storage confirms several simultaneous starts of one run.
    """
    try:
        await client.schedule_new_orchestration(name, input=payload, instance_id=instance_id)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
            raise


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
    completed = state.runtime_status is OrchestrationStatus.COMPLETED
    return Run(
        instance_id=state.instance_id,
        name=state.name,
        state=_STATES.get(state.runtime_status, "running"),
        started_at=utc(state.created_at),
        updated_at=utc(state.last_updated_at),
        input=_object(state.get_input),
        output=_object(state.get_output) if completed else {},
        custom_status=_object(state.get_custom_status),
        error=_error(state),
        suspended=state.runtime_status is OrchestrationStatus.SUSPENDED,
    )


def _error(state: OrchestrationState) -> str:
    """Say why a run failed or was terminated. Azure Storage sends no failure details: the text is the output."""
    match state.runtime_status:
        case OrchestrationStatus.FAILED:
            told = state.failure_details.message if state.failure_details else ""
            return told or failure_of(state.serialized_output or "")
        case OrchestrationStatus.TERMINATED:
            return termination_of(state.serialized_output or "")
        case _:
            return ""


def _object(read: Callable[[], Any]) -> dict[str, Any]:
    """Take what is an object; somebody may have typed anything else into Durable Functions Monitor.

    The management API stores inputs that are JSON only by its own loose rules, such as one with single quotes.
    """
    try:
        value = read()
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def utc(moment: datetime) -> datetime:
    """Give a time its zone, which the SDK leaves out."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
