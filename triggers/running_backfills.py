"""Backfills as they stand in the task hub, and how one is stopped."""

import asyncio
from datetime import UTC, datetime
from typing import Final

import azure.durable_functions as df
from durabletask.entities import EntityInstanceId

from onepassword_sentinel.backfill import INSTANCE_PREFIX
from onepassword_sentinel.backfill_progress import backfill_of, backfill_of_run, backfills
from onepassword_sentinel.runs import Run
from onepassword_sentinel.status import BackfillStatus
from triggers import task_hub

# Terminating takes a message that somebody has to pick up: on Azure Storage as long as the polling interval.
_END_SECONDS: Final = 12.0
# A child that was about to begin when its parent was terminated begins all the same.
_ROUNDS: Final = 3


async def all_of_them(client: df.DurableFunctionsClient, backfill_id: str = "") -> dict[str, BackfillStatus]:
    """Describe every backfill, or the one with this id, by id; the newest first."""
    cursors = {key: state for key, state in (await task_hub.cursors(client, backfill_id)).items() if backfill_of(key)}
    runs = await _runs(client, backfill_id)
    return {found.id: found for found in backfills(runs, cursors, datetime.now(UTC))}


async def find(client: df.DurableFunctionsClient, backfill_id: str) -> BackfillStatus | None:
    """Describe one backfill; None if there is none."""
    return (await all_of_them(client, backfill_id)).get(backfill_id)


async def stop(client: df.DurableFunctionsClient, backfill_id: str) -> None:
    """End every run of a backfill, and free its streams as soon as no activity is at work on them any more."""
    for _ in range(_ROUNDS):
        running = [
            run for run in await _runs(client, backfill_id) if not run.ended and backfill_of_run(run) == backfill_id
        ]
        if not running:
            break
        # Parents first: they are not to make a failure of their children's end.
        for run in sorted(running, key=lambda run: run.name != "backfill"):
            await task_hub.terminate(client, run.instance_id, "stopped over HTTP")
        await asyncio.gather(*(task_hub.ended(client, run.instance_id, _END_SECONDS) for run in running))
    for key, state in (await task_hub.cursors(client, backfill_id)).items():
        if state.holder:
            await client.signal_entity(EntityInstanceId(task_hub.CURSOR, key), "stop", {})


async def _runs(client: df.DurableFunctionsClient, backfill_id: str) -> list[Run]:
    """Get what has a backfill's id, and what runs: somebody may have restarted one under an id of its own."""
    named = await task_hub.runs(client, INSTANCE_PREFIX + backfill_id, details=True)
    running = await task_hub.runs(client, "", statuses=task_hub.RUNNING, details=True)
    return list({run.instance_id: run for run in (*named, *running)}.values())
