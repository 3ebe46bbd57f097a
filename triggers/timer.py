"""Timer: poll on schedule.

The schedule is read when the app is indexed, which a changed setting makes Azure do anew. Were it the host that reads
it ("%POLL_SCHEDULE%"), a wrong one would end all polls without a word.
"""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Final

import azure.durable_functions as df
import azure.functions as func

from activities.connections import read_option
from onepassword_sentinel.schedule import poll_schedule
from onepassword_sentinel.stuck_runs import waiting_for_entity
from triggers.host_settings import read_host_problems
from triggers.long_polls import report_long_polls
from triggers.start_poll import start_poll

bp = df.Blueprint()
_LOG = logging.getLogger(__name__)
# Every stream of every account may wait for the same reason.
_MOST_NAMED: Final = 10
# A tick must end: while it is at work, the platform fires no other.
_TICK_SECONDS: Final = 240.0


@bp.timer_trigger(arg_name="timer", schedule=read_option(poll_schedule))
@bp.durable_client_input(client_name="client")
async def poll_on_schedule(timer: func.TimerRequest, client: df.DurableFunctionsClient) -> None:
    """Start a poll at every tick, and name what hangs; a tick that finds a poll running skips, and says so."""
    limit = asyncio.timeout(_TICK_SECONDS)
    try:
        async with limit:
            await _tick(client, late=timer.past_due)
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise TimeoutError(
            f"this tick was given up after {_TICK_SECONDS:.0f} s: the app's storage account, which holds the task hub, "
            "may hang; look at its health. The next tick tries again"
        ) from error


async def _tick(client: df.DurableFunctionsClient, *, late: bool) -> None:
    now = datetime.now(UTC)
    poll = await start_poll(client, now)
    if poll.skipped:
        _LOG.warning("skipped this tick: %s is still running", poll.instance_id)
    else:
        _LOG.info("started %s%s", poll.instance_id, " (the tick was late)" if late else "")
    for problem in read_host_problems():
        _LOG.error(problem)
    waiting = waiting_for_entity(poll.running, now)
    for sentence in waiting[:_MOST_NAMED]:
        _LOG.error(sentence)
    if (more := len(waiting) - _MOST_NAMED) > 0:
        _LOG.error("%s more runs wait for an entity", more)
    await report_long_polls(client, poll.running, now)
