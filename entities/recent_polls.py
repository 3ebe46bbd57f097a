"""The durable entity that remembers the polls that ended last; it has a single key."""

from typing import Any

import azure.durable_functions as df
from durabletask.entities import EntityContext

from onepassword_sentinel.recent_polls import PollRecord, RecentPolls, ended
from onepassword_sentinel.stream_operations import OperationRefusedError
from onepassword_sentinel.wire import from_wire, to_wire

bp = df.Blueprint()


@bp.entity_trigger(context_name="ctx", entity_name="recent_polls")
def recent_polls(ctx: EntityContext, data: dict[str, Any] | None) -> None:
    """Keep the record of a poll: `ended`, which each poll signals when it ends.

    Raises:
        OperationRefusedError: there is no operation of this name.

    """
    if ctx.operation != "ended":
        raise OperationRefusedError(f"recent polls have no operation {ctx.operation!r}; polls signal ended")
    ctx.set_state(to_wire(ended(from_wire(RecentPolls, ctx.get_state()), from_wire(PollRecord, data))))
