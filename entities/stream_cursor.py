"""The durable entity that holds a stream's cursor, one per key."""

from typing import Any

import azure.durable_functions as df
from durabletask.entities import EntityContext

from onepassword_sentinel.stream_state import Begin, Commit, Release, StreamState, begin, commit, release
from onepassword_sentinel.wire import from_wire, to_wire

bp = df.Blueprint()


# No class: every public attribute of an entity class can be called as an operation, `set_state` among them.
@bp.entity_trigger(context_name="ctx", entity_name="stream_cursor")
def stream_cursor(ctx: EntityContext, data: dict[str, Any]) -> dict[str, Any]:
    """Run one operation on the stream's state; operations on one key run one after the other.

    Every answer has the state as it is now and whether the operation was `accepted`.
    """
    state = from_wire(StreamState, ctx.get_state())
    match ctx.operation:
        case "begin":
            state, accepted = begin(state, from_wire(Begin, data))
        case "commit":
            state, accepted = commit(state, from_wire(Commit, data))
        case "release":
            state, accepted = release(state, from_wire(Release, data))
        case unknown:
            raise ValueError(f"a stream cursor has no operation {unknown!r}; it has begin, commit and release")
    kept = to_wire(state)
    ctx.set_state(kept)
    return {"accepted": accepted, "state": kept}
