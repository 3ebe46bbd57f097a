"""Backfills as they stand in the task hub, and how one is stopped."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import azure.durable_functions as df
from durabletask.entities import EntityInstanceId

from onepassword_sentinel.backfill import INSTANCE_PREFIX
from onepassword_sentinel.backfill_progress import backfill_of, backfill_of_run, backfills
from onepassword_sentinel.runs import Run
from onepassword_sentinel.status import BackfillStatus
from onepassword_sentinel.stream_operations import Stop
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.wire import to_wire
from triggers import backfill_runs, task_hub

# Terminating takes a message that somebody has to pick up: on Azure Storage as long as the polling interval.
_END_SECONDS: Final = 12.0
# A child that was about to begin when its parent was terminated begins all the same.
_ROUNDS: Final = 3
# The keys of backfills begin with the year of their window, so that those of most live streams are not read.
_KEYS: Final = "20"
# A backfill that runs is never to be missed, or a second one of its account would be started.
_LIMITS: Final = backfill_runs.Limits(running=4_000, ended_badly=500, by_id=500)
_MOST_CURSORS: Final = 8_000
_MOST_STREAMS: Final = 4_000


async def all_of_them(client: df.DurableFunctionsClient, backfill_id: str = "") -> dict[str, BackfillStatus]:
    """Describe every backfill, or the one with this id, by id; the newest first."""
    cursors = await _cursors(client, backfill_id)
    runs = await _runs(client, cursors, backfill_id)
    return {found.id: found for found in backfills(runs, cursors, datetime.now(UTC))}


async def find(client: df.DurableFunctionsClient, backfill_id: str) -> BackfillStatus | None:
    """Describe one backfill; None if there is none."""
    return (await all_of_them(client, backfill_id)).get(backfill_id)


async def stop(client: df.DurableFunctionsClient, backfill_id: str) -> None:
    """End every run of a backfill, and free its streams as soon as no activity is at work on them any more."""
    for _ in range(_ROUNDS):
        running = await _running(client, backfill_id)
        if not running:
            break
        # Parents first: they are not to make a failure of their children's end.
        for run in sorted(running, key=lambda run: run.name != "backfill"):
            await task_hub.terminate(client, run.instance_id, "stopped over HTTP")
        await asyncio.gather(*(task_hub.ended(client, run.instance_id, _END_SECONDS) for run in running))
    for key, state in (await _cursors(client, backfill_id)).items():
        if state.holder:
            # A stop that comes late is not for the run of a backfill that was restarted meanwhile.
            stop = to_wire(Stop(state.grant))
            await client.signal_entity(EntityInstanceId(task_hub.CURSOR, key), "stop", stop)


async def _running(client: df.DurableFunctionsClient, backfill_id: str) -> list[Run]:
    """Get the runs of a backfill that are at work, and those of the streams of one under an id of its own."""
    cursors = await _cursors(client, backfill_id)
    runs = {run.instance_id: run for run in await _runs(client, cursors, backfill_id)}
    last_runs = {state.run_id for state in cursors.values()}
    parents = [run for run in runs.values() if run.name == "backfill" and not run.ended]
    for parent in parents:
        if not parent.instance_id.startswith(INSTANCE_PREFIX + backfill_id):
            children = await task_hub.runs(
                client, f"{parent.instance_id}-", statuses=task_hub.RUNNING, most=_MOST_STREAMS
            )
            runs |= {run.instance_id: run for run in children}
    return [
        run
        for run in runs.values()
        if not run.ended and (backfill_of_run(run) == backfill_id or run.instance_id in last_runs)
    ]


async def _cursors(client: df.DurableFunctionsClient, backfill_id: str) -> dict[str, StreamState]:
    found = await task_hub.cursors(client, backfill_id or _KEYS, most=_MOST_CURSORS)
    return {key: state for key, state in found.items() if backfill_of(key)}


async def _runs(
    client: df.DurableFunctionsClient, cursors: Mapping[str, StreamState], backfill_id: str
) -> tuple[Run, ...]:
    return (await backfill_runs.read(client, cursors, _LIMITS, backfill_id)).runs
