"""Timer: once a day, forget what nobody needs any more. Azure Storage keeps the history of every run for ever."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import azure.durable_functions as df
import azure.functions as func
import grpc
from durabletask.client import EntityQuery, OrchestrationQuery, OrchestrationStatus
from durabletask.entities import EntityMetadata

from activities.connections import read_option
from onepassword_sentinel.settings import retention_days
from onepassword_sentinel.stream_operations import Forget, is_finished
from onepassword_sentinel.stream_state import UnreadableStateError, read_state
from onepassword_sentinel.wire import to_wire
from triggers import pages, task_hub

bp = df.Blueprint()
_LOG = logging.getLogger(__name__)

# Two reads and these steps end inside `functionTimeout`, 20 minutes; what is left waits for the next day.
_READ_SECONDS: Final = 180.0
_BUDGET_SECONDS: Final = 420.0
_FORGET_SECONDS: Final = 60.0
_CLEAN_SECONDS: Final = 60.0
# A call that hangs must not hold up the rest of the night.
_CALL_SECONDS: Final = 60.0
# Each purge is a few dozen storage requests on the host's side.
_AT_ONCE: Final = 8
# More than are purged in a night; their ids take 10 MB.
_MOST_RUNS: Final = 100_000
_MOST_CURSORS: Final = 20_000
_FINISHED: Final = [OrchestrationStatus.COMPLETED, OrchestrationStatus.FAILED, OrchestrationStatus.TERMINATED]
# What the task hub answers when storage fails or is slow.
_FAULTS: Final = (grpc.RpcError, TimeoutError)


@bp.timer_trigger(arg_name="timer", schedule="0 20 3 * * *")
@bp.durable_client_input(client_name="client")
async def housekeeping(timer: func.TimerRequest, client: df.DurableFunctionsClient) -> None:  # noqa: ARG001  # the trigger
    """Purge the history of runs that ended too long ago, and the cursors of backfills that were finished by then.

    Whatever else is wrong with the settings: a history that only grows makes everything slow. A fault of the task hub
    ends no more than what met it.
    """
    before = datetime.now(UTC) - timedelta(days=read_option(retention_days))
    over = await _ended_before(client, before)
    deadline = time.monotonic() + _BUDGET_SECONDS
    purged = await _each("purge", over, lambda name: client.purge_orchestration(name, recursive=False), deadline)
    forgotten = await _forget_backfills(client, before)
    await _clean(client)
    left = f"; {len(over) - purged:,} are left for tomorrow" if purged < len(over) else ""
    _LOG.info(
        "purged %s runs that ended before %s, and %s cursors of finished backfills%s",
        f"{purged:,}",
        f"{before:%Y-%m-%d}",
        forgotten,
        left,
    )


async def _ended_before(client: df.DurableFunctionsClient, before: datetime) -> list[str]:
    """Get the ids of runs that ended before; all of them first, since a purge would move the pages of some engines."""
    # The task hub knows when runs began; those that ended later are sorted out here.
    query = OrchestrationQuery(created_time_to=before, runtime_status=_FINISHED, fetch_inputs_and_outputs=False)
    found: list[str] = []
    try:
        async with asyncio.timeout(_READ_SECONDS):
            async for state in pages.instances(client, query, _MOST_RUNS):
                # In Azure Storage an entity is an instance too, and a live cursor must never be purged.
                if task_hub.utc(state.last_updated_at) < before and not state.instance_id.startswith("@"):
                    found.append(state.instance_id)  # noqa: PERF401  # what was found before a fault counts
    except _FAULTS as error:
        _LOG.warning("not all runs that ended long ago were found: %s", _reason(error))
    return found


async def _forget_backfills(client: df.DurableFunctionsClient, before: datetime) -> int:
    """Clear finished backfills' cursors; what they leave empty is removed, today or with the next ones."""
    # "Transient" would leave out one that has just been sent an operation.
    query = EntityQuery(instance_id_starts_with=f"@{task_hub.CURSOR}@", include_transient=True)
    over = []
    try:
        async with asyncio.timeout(_READ_SECONDS):
            async for entity in pages.entities(client, query, _MOST_CURSORS):
                if _finished_before(entity, before):
                    over.append(entity.id)  # noqa: PERF401  # likewise
    except _FAULTS as error:
        _LOG.warning("not all cursors of finished backfills were found: %s", _reason(error))
    payload, deadline = to_wire(Forget(before)), time.monotonic() + _FORGET_SECONDS
    return await _each("forget", over, lambda entity: client.signal_entity(entity, "forget", payload), deadline)


def _finished_before(entity: EntityMetadata, before: datetime) -> bool:
    try:
        read = read_state(entity.get_typed_state)
    except UnreadableStateError:
        # Somebody has written it by hand; the stream's next run says what is wrong with it.
        return False
    return is_finished(read) and read.succeeded_at is not None and read.succeeded_at < before


async def _clean(client: df.DurableFunctionsClient) -> None:
    try:
        async with asyncio.timeout(_CLEAN_SECONDS):
            await client.clean_entity_storage()
    except _FAULTS as error:
        _LOG.warning("empty cursors were not removed: %s", _reason(error))


async def _each[T](what: str, names: Iterable[T], call: Callable[[T], Awaitable[object]], deadline: float) -> int:
    """Call for each, some at a time, until the time is up; return how many succeeded.

    One that fails is left for the next night and holds up no other.
    """
    waiting, done, faults = iter(names), 0, 0
    latest: BaseException | None = None

    async def worker() -> None:
        nonlocal done, faults, latest
        for name in waiting:
            try:
                async with asyncio.timeout(_CALL_SECONDS):
                    await call(name)
                done += 1
            except _FAULTS as error:
                faults, latest = faults + 1, error
            if time.monotonic() > deadline:
                return

    await asyncio.gather(*(worker() for _ in range(_AT_ONCE)))
    if latest is not None:
        _LOG.warning("%s calls to %s failed, the last one: %s", f"{faults:,}", what, _reason(latest))
    return done


def _reason(error: BaseException) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name} {error.details()}"
    return str(error) or type(error).__name__
