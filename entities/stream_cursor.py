"""The durable entity that holds a stream's cursor, one per key."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import azure.durable_functions as df
from durabletask.entities import EntityContext

from onepassword_sentinel.position import Position
from onepassword_sentinel.stream_state import StreamState, begin, commit, release

bp = df.Blueprint()


# No class: every public attribute of an entity class can be called as an operation, `set_state` among them.
@bp.entity_trigger(context_name="ctx", entity_name="stream_cursor")
def stream_cursor(ctx: EntityContext, data: dict[str, Any]) -> dict[str, Any]:
    """Run one operation on the stream's state; operations on one key run one after the other."""
    state = StreamState.from_dict(ctx.get_state())
    now = datetime.fromisoformat(data["now"])
    match ctx.operation:
        case "begin":
            state, grant = begin(
                state,
                holder=data["holder"],
                now=now,
                lease=timedelta(seconds=data["lease_seconds"]),
                start_time=data["start_time"],
                end_time=data["end_time"],
            )
            answer = asdict(grant)
        case "commit":
            state, accepted = commit(
                state,
                fence=data["fence"],
                now=now,
                lease=timedelta(seconds=data["lease_seconds"]),
                position=Position.from_dict(data["position"]),
                newest=data["newest"],
                events=data["events"],
                recovered=data["recovered"],
            )
            answer = {"accepted": accepted, "state": state.to_dict()}
        case "release":
            state, accepted = release(
                state,
                fence=data["fence"],
                now=now,
                outcome=data["outcome"],
                error=data["error"],
            )
            answer = {"accepted": accepted}
        case unknown:
            raise ValueError(f"a stream cursor has no operation {unknown!r}; it has begin, commit and release")
    ctx.set_state(state.to_dict())
    return answer
