"""The durable entity that remembers the polls that ended last; it has a single key."""

import logging
from typing import Any

import azure.durable_functions as df
import msgspec
from durabletask.entities import EntityContext

from onepassword_sentinel.recent_polls import PollRecord, RecentPolls, ended
from onepassword_sentinel.wire import from_wire, to_wire

bp = df.Blueprint()
_LOG = logging.getLogger(__name__)


@bp.entity_trigger(context_name="ctx", entity_name="recent_polls")
def recent_polls(ctx: EntityContext, data: dict[str, Any] | None) -> None:
    """Keep the record of a poll: `ended`, which each poll signals when it ends.

    Anything else is rejected with a warning: a signal has no caller that could say so.
    """
    if ctx.operation != "ended":
        _LOG.warning("recent_polls has no operation %r: polls signal ended", ctx.operation)
        return
    try:
        record = from_wire(PollRecord, data)
    except msgspec.ValidationError as error:
        _LOG.warning("recent_polls cannot read a record: %s", error)
        return
    ctx.set_state(to_wire(ended(from_wire(RecentPolls, ctx.get_state()), record)))
