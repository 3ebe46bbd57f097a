"""The durable entity that remembers the polls that run and those that ended last; it has a single key."""

import logging
from typing import Any

import azure.durable_functions as df
import msgspec
from durabletask.entities import EntityContext

from onepassword_sentinel.recent_polls import PollRecord, PollStart, ended, read_recent_polls, started
from onepassword_sentinel.wire import from_wire, to_wire

bp = df.Blueprint()
_LOG = logging.getLogger(__name__)


@bp.entity_trigger(context_name="ctx", entity_name="recent_polls")
def recent_polls(ctx: EntityContext, data: dict[str, Any] | None) -> None:
    """Note that a poll has begun (`started`, a `PollStart`) or has ended (`ended`, a `PollRecord`), as polls signal.

    Anything else is rejected with a warning: a signal has no caller to answer.
    """
    recent = read_recent_polls(ctx.get_state)
    try:
        match ctx.operation:
            case "started":
                recent = started(recent, from_wire(PollStart, data))
            case "ended":
                recent = ended(recent, from_wire(PollRecord, data))
            case unknown:
                _LOG.warning("recent_polls has no operation %r: polls signal started and ended", unknown)
                return
    except msgspec.ValidationError as error:
        _LOG.warning("recent_polls cannot read the payload of %s: %s", ctx.operation, error)
        return
    ctx.set_state(to_wire(recent))
