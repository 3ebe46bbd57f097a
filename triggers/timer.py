"""Timer: poll on schedule.

The schedule is read when the app is indexed, which a changed setting makes Azure do anew. Were it the host that reads
it ("%POLL_SCHEDULE%"), a wrong one would end all polls without a word.
"""

import logging
from datetime import UTC, datetime

import azure.durable_functions as df
import azure.functions as func

from activities.connections import read_option
from onepassword_sentinel.schedule import poll_schedule
from triggers.host_settings import read_host_problems
from triggers.start_poll import start_poll

bp = df.Blueprint()
_LOG = logging.getLogger(__name__)


@bp.timer_trigger(arg_name="timer", schedule=read_option(poll_schedule))
@bp.durable_client_input(client_name="client")
async def poll_on_schedule(timer: func.TimerRequest, client: df.DurableFunctionsClient) -> None:
    """Start a poll at every tick; a tick that finds one running skips, and says so."""
    poll = await start_poll(client, datetime.now(UTC))
    if poll.started:
        _LOG.info("started %s%s", poll.instance_id, " (the tick was late)" if timer.past_due else "")
    else:
        _LOG.warning("skipped this tick: %s is still running", poll.instance_id)
    for problem in read_host_problems():
        _LOG.error(problem)
