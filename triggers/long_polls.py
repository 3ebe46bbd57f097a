"""Report polls that hang to the health table, each once an hour until it ends.

A tick does it and not an orchestration, because the engine may be what hangs. What was reported is remembered in the
task hub, as runs that do nothing: instances of the app come and go every few minutes, and whoever can read the hub to
find long polls can read this there too. No query of the hub is needed between two full hours.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import azure.durable_functions as df
import grpc

from activities.connections import log_ingestion, read_part
from onepassword_sentinel.compression import compress
from onepassword_sentinel.destination import HEALTH_STREAM, Destination
from onepassword_sentinel.errors import ConnectorError
from onepassword_sentinel.health import outcome_rows
from onepassword_sentinel.runs import Run
from onepassword_sentinel.stuck_runs import LONG_POLL, long_polls
from onepassword_sentinel.time_limits import UPLOAD_LIMIT
from triggers import task_hub
from triggers.start_poll import running_polls

_LOG = logging.getLogger(__name__)

ORCHESTRATOR: Final = "note_long_polls"
# Less than a tick has, so that each part can fail on its own.
_LIST_SECONDS: Final = 30.0
_LOOK_UP_SECONDS: Final = 30.0
# The input of a run is small, whatever hangs.
_MOST_LISTED: Final = 100
# Notes that this process has made, or is making: ticks that overlap in it report nothing twice.
_noted: Final[set[str]] = set()
_HOUR: Final = timedelta(hours=1)


async def report_long_polls(client: df.DurableFunctionsClient, running: Sequence[Run], now: datetime) -> None:
    """Deliver a health row for each poll that has been running for over an hour, unless this hour's was delivered.

    Polls that the tick knows come first: the list of the others may be slow, or fail. A report that fails is logged,
    and the next tick repeats it.

    Args:
        client: the task hub's.
        running: runs that the tick has found already, of this and of the last hour.
        now: the tick's time.

    """
    known = {run.instance_id for run in running}
    try:
        await _report(client, running, now)
        others = [name for name in await _listed(client, now) if name not in known]
        async with asyncio.timeout(_LOOK_UP_SECONDS):
            found = await task_hub.some_runs(client, others, most=_MOST_LISTED)
        await _report(client, found, now)
    except (ConnectorError, grpc.aio.AioRpcError, TimeoutError) as error:
        _LOG.error(  # the stack would tell an operator nothing
            "polls that have been running for over an hour could not be reported in the health table: %s; the next "
            "tick tries again",
            _reason(error),
        )


async def _listed(client: df.DurableFunctionsClient, now: datetime) -> list[str]:
    """Get the ids of running polls from this hour's list; the hour's first tick makes it.

    A list that fails is not made again in the same hour, so that ticks stay short; the last hour's list replaces it.
    """
    polls = await _list_of_hour(client, now)
    if polls is not None:
        return polls
    try:
        async with asyncio.timeout(_LIST_SECONDS):
            polls = (await running_polls(client, now))[:_MOST_LISTED]
    except (grpc.aio.AioRpcError, TimeoutError) as error:
        _LOG.error(
            "the polls of the last three days that are running could not be listed: %s; they are listed again in the "
            "next hour",
            _reason(error),
        )
        polls = await _list_of_hour(client, now - _HOUR) or []
    await task_hub.start(client, ORCHESTRATOR, {"v": 1, "polls": polls}, _list_note(now))
    return polls


async def _list_of_hour(client: df.DurableFunctionsClient, time: datetime) -> list[str] | None:
    """Get the list that was made in an hour; None if there is none."""
    note = await task_hub.run(client, _list_note(time))
    if note is None:
        return None
    polls = note.input.get("polls")
    return [name for name in polls if isinstance(name, str)] if isinstance(polls, list) else []


def _list_note(time: datetime) -> str:
    return f"long-polls-{time.astimezone(UTC):%Y%m%dT%H}"


async def _due(client: df.DurableFunctionsClient, polls: Sequence[Run], now: datetime) -> dict[str, Run]:
    """Get the polls that no tick has reported in their current hour, by the note that says so."""
    named = {_note(poll, now): poll for poll in polls if long_polls([poll], now)}
    async with asyncio.timeout(_LOOK_UP_SECONDS):
        noted = {run.instance_id for run in await task_hub.some_runs(client, named, most=len(named))}
    # Only now: another tick of this process may have begun a report meanwhile.
    return {note: poll for note, poll in named.items() if note not in noted | _noted}


def _note(poll: Run, now: datetime) -> str:
    """Name the note of a report: a poll that was restarted under the same id is reported anew."""
    return f"long-{poll.instance_id}-{poll.started_at:%H%M%S}-{(now - poll.started_at) // LONG_POLL}h"


async def _report(client: df.DurableFunctionsClient, polls: Sequence[Run], now: datetime) -> None:
    due = await _due(client, polls, now)
    if not due:
        return
    # No other tick of this process runs between the look at what is noted and this line.
    _noted.update(due)
    rows = []
    for poll in due.values():
        (sentence,) = long_polls([poll], now)
        _LOG.error(sentence)
        rows.append({"account": "", "outcome": "failed", "error": sentence, "instance_id": poll.instance_id})
    try:
        # The upload has a limit of its own; torn by another one, its rows might be stored, and reported again.
        sink = log_ingestion(read_part(Destination.parse), UPLOAD_LIMIT)
        await sink.upload(HEALTH_STREAM, compress(outcome_rows(rows)))
    except BaseException:
        _noted.difference_update(due)
        raise
    for note, poll in due.items():
        await task_hub.start(client, ORCHESTRATOR, {"v": 1, "polls": [poll.instance_id]}, note)


def _reason(error: Exception) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"the task hub did not answer ({error.code().name})"
    return str(error) or "it took too long"
