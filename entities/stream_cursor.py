"""The durable entity that holds a stream's cursor, one per key."""

from datetime import datetime, timedelta
from typing import Any

import azure.durable_functions as df
from durabletask.entities import EntityContext

from onepassword_sentinel.position import Position
from onepassword_sentinel.stream_state import StreamState, begin, commit, release
from onepassword_sentinel.wire import from_wire, to_wire

bp = df.Blueprint()


# No class: every public attribute of an entity class can be called as an operation, `set_state` among them.
@bp.entity_trigger(context_name="ctx", entity_name="stream_cursor")
def stream_cursor(ctx: EntityContext, data: dict[str, Any]) -> dict[str, Any]:
    """Run one operation on the stream's state; operations on one key run one after the other.

    Every answer has the state as it is now and whether the operation was `accepted`.
    """
    state = from_wire(StreamState, ctx.get_state())
    now = datetime.fromisoformat(data["now"])
    match ctx.operation:
        case "begin":
            state, accepted = begin(
                state,
                holder=data["holder"],
                now=now,
                lease=timedelta(seconds=data["lease_seconds"]),
                start_time=data["start_time"],
                end_time=data["end_time"],
            )
        case "commit":
            state, accepted = commit(
                state,
                fence=data["fence"],
                now=now,
                lease=timedelta(seconds=data["lease_seconds"]),
                position=from_wire(Position, data["position"]),
                newest=data["newest"],
                events=data["events"],
                recovered=data["recovered"],
            )
        case "release":
            state, accepted = release(
                state,
                fence=data["fence"],
                now=now,
                outcome=data["outcome"],
                error=data["error"],
            )
        case unknown:
            raise ValueError(f"a stream cursor has no operation {unknown!r}; it has begin, commit and release")
    kept = to_wire(state)
    ctx.set_state(kept)
    return {"accepted": accepted, "state": kept}
