"""Timer: once a day, forget what nobody needs any more. Azure Storage keeps the history of every run for ever."""

import asyncio
import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import azure.durable_functions as df
import azure.functions as func
from durabletask.client import OrchestrationQuery, OrchestrationStatus
from durabletask.entities import EntityInstanceId

from activities.connections import read_option
from onepassword_sentinel.settings import retention_days
from onepassword_sentinel.stream_operations import Forget, is_finished
from onepassword_sentinel.wire import to_wire
from triggers import task_hub

bp = df.Blueprint()
_LOG = logging.getLogger(__name__)

# Well inside `functionTimeout`; what is left waits for the next day.
_BUDGET_SECONDS: Final = 600.0
# Each purge is a few dozen storage requests on the host's side.
_AT_ONCE: Final = 8
_FINISHED: Final = [OrchestrationStatus.COMPLETED, OrchestrationStatus.FAILED, OrchestrationStatus.TERMINATED]


@bp.timer_trigger(arg_name="timer", schedule="0 20 3 * * *")
@bp.durable_client_input(client_name="client")
async def housekeeping(timer: func.TimerRequest, client: df.DurableFunctionsClient) -> None:  # noqa: ARG001  # the trigger
    """Purge the history of runs that ended too long ago, and the cursors of backfills that were finished by then.

    Whatever else is wrong with the settings: a history that only grows makes everything slow.
    """
    before = datetime.now(UTC) - timedelta(days=read_option(retention_days))
    over = await _ended_before(client, before)
    purged = await _purge(client, over)
    forgotten = await _forget_backfills(client, before)
    left = f"; {len(over) - purged:,} are left for tomorrow" if purged < len(over) else ""
    _LOG.info(
        "purged %s runs that ended before %s, and %s cursors of finished backfills%s",
        f"{purged:,}",
        f"{before:%Y-%m-%d}",
        forgotten,
        left,
    )


async def _ended_before(client: df.DurableFunctionsClient, before: datetime) -> list[str]:
    # The task hub knows when runs began; those that ended later are sorted out here.
    query = OrchestrationQuery(created_time_to=before, runtime_status=_FINISHED)
    states = await client.get_all_orchestration_states(query)
    return [
        state.instance_id
        for state in states
        # In Azure Storage an entity is an instance too, and a live cursor must never be purged.
        if task_hub.utc(state.last_updated_at) < before and not state.instance_id.startswith("@")
    ]


async def _purge(client: df.DurableFunctionsClient, instance_ids: Iterable[str]) -> int:
    """Purge until the time is up; return how many."""
    waiting, purged = iter(instance_ids), 0
    deadline = time.monotonic() + _BUDGET_SECONDS

    async def worker() -> None:
        nonlocal purged
        for instance_id in waiting:
            await client.purge_orchestration(instance_id, recursive=False)
            purged += 1
            if time.monotonic() > deadline:
                return

    await asyncio.gather(*(worker() for _ in range(_AT_ONCE)))
    return purged


async def _forget_backfills(client: df.DurableFunctionsClient, before: datetime) -> int:
    """Let finished backfills' cursors go; what they leave empty is removed, today or with the next ones."""
    over = [
        key
        for key, state in (await task_hub.cursors(client)).items()
        if is_finished(state) and state.succeeded_at and state.succeeded_at < before
    ]
    for key in over:
        await client.signal_entity(EntityInstanceId(task_hub.CURSOR, key), "forget", to_wire(Forget(before)))
    await client.clean_entity_storage()
    return len(over)
