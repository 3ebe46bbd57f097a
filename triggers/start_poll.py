"""Start a poll unless one is running."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import azure.durable_functions as df

from onepassword_sentinel.recent_polls import RUNNING_KEPT
from onepassword_sentinel.runs import Run
from onepassword_sentinel.stuck_runs import LONG_POLL
from triggers import task_hub

# A poll of 600 accounts has 1,801 runs.
_MOST_RUNNING: Final = 5_000


@dataclass(frozen=True, slots=True)
class StartedPoll:
    """A poll that was started, or that was running before.

    Attributes:
        instance_id: the poll's.
        skipped: it was running before, so none was started.
        running: the runs of polls and streams that were running before, of this and of the last hour.

    """

    instance_id: str
    skipped: bool
    running: tuple[Run, ...]


async def start_poll(client: df.DurableFunctionsClient, now: datetime) -> StartedPoll:
    """Start `poll-<now>`; a poll that is still running is left to end first."""
    running = tuple([run for prefix in _hours(now) for run in await _running(client, prefix)])
    for run in running:
        # One that has been running for longer is no reason to wait: leases keep streams apart, not this check.
        if run.name == "poll" and run.started_at > now - LONG_POLL:
            return StartedPoll(run.instance_id, skipped=True, running=running)
    # No colons: Durable Functions Monitor takes an id that ends in ":<digits>" for a child's.
    instance_id = f"poll-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    # Another caller may have started it in this very second; then both answer with its id.
    await task_hub.start(client, "poll", {"v": 1}, instance_id)
    return StartedPoll(instance_id, skipped=False, running=running)


async def running_polls(client: df.DurableFunctionsClient, now: datetime) -> list[str]:
    """Get the ids of the polls of today and of the two days before that are still running, the oldest day first.

    One that Durable Functions Monitor restarted under an id of its own comes last: only its start signal names it.
    """
    days = (now.astimezone(UTC) - timedelta(days=days) for days in (2, 1, 0))
    found = [run for day in days for run in await _running(client, f"{day:%Y%m%d}")]
    known = {run.instance_id for run in found}
    remembered = [poll.instance_id for poll in (await task_hub.recent_polls(client)).running]
    others = (instance_id for instance_id in remembered if instance_id not in known)
    found += await task_hub.some_runs(client, others, most=RUNNING_KEPT)
    return [run.instance_id for run in found if run.name == "poll" and not run.ended]


def _hours(now: datetime) -> list[str]:
    """Name the hours, as ids do, in which a poll that is not stuck can have begun."""
    return [f"{moment.astimezone(UTC):%Y%m%dT%H}" for moment in (now - LONG_POLL, now)]


async def _running(client: df.DurableFunctionsClient, time: str) -> list[Run]:
    return await task_hub.runs(client, f"poll-{time}", statuses=task_hub.RUNNING, most=_MOST_RUNNING)
