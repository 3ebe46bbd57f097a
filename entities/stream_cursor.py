"""The durable entity that holds a stream's cursor, one per key."""

from datetime import UTC, datetime
from typing import Any

import azure.durable_functions as df
import msgspec
from durabletask.entities import EntityContext

from onepassword_sentinel.stream_operations import Forget, OperationRefusedError, Reset, Stop, forget, reset, stop
from onepassword_sentinel.stream_state import Begin, Commit, Release, StreamState, begin, commit, release
from onepassword_sentinel.wire import from_wire, to_wire

bp = df.Blueprint()


# No class: every public attribute of an entity class can be called as an operation, `set_state` among them.
@bp.entity_trigger(context_name="ctx", entity_name="stream_cursor")
def stream_cursor(ctx: EntityContext, data: dict[str, Any] | None) -> dict[str, Any]:
    """Run one operation on the stream's state; operations on one key run one after the other.

    `begin`, `commit` and `release` belong to runs, which say what time it is; `reset`, `stop` and `forget` to those who
    operate the app. Every answer has the state as it is now and whether the operation was `accepted`; `reset` also has
    the `old` state.

    Raises:
        OperationRefusedError: the operation would do harm, or there is none of this name.

    """
    before = from_wire(StreamState, ctx.get_state())
    state, accepted = before, True
    match ctx.operation:
        case "begin":
            state, accepted = begin(before, _run_says(ctx, Begin, data))
        case "commit":
            state, accepted = commit(before, _run_says(ctx, Commit, data))
        case "release":
            state, accepted = release(before, _run_says(ctx, Release, data))
        case "stop":
            _operator_says(ctx, Stop, data)
            state = stop(before, datetime.now(UTC))
        case "reset":
            state = reset(before, _operator_says(ctx, Reset, data), datetime.now(UTC))
        case "forget":
            forget(before, _operator_says(ctx, Forget, data))
            ctx.set_state(None)
            return {"accepted": True, "state": None}
        case unknown:
            raise OperationRefusedError(
                f"a stream cursor has no operation {unknown!r}; an operator may signal reset and stop"
            )
    kept = to_wire(state)
    ctx.set_state(kept)
    return {"accepted": accepted, "state": kept} | ({"old": to_wire(before)} if ctx.operation == "reset" else {})


def _run_says[T](ctx: EntityContext, cls: type[T], data: dict[str, Any] | None) -> T:
    try:
        return from_wire(cls, data)
    except msgspec.ValidationError as error:
        raise OperationRefusedError(
            f"{ctx.operation} belongs to the app's own runs, which know the fencing number in force ({error}); an "
            "operator may signal reset and stop"
        ) from error


def _operator_says[T](ctx: EntityContext, cls: type[T], data: dict[str, Any] | None) -> T:
    try:
        return from_wire(cls, data)
    except msgspec.ValidationError as error:
        raise OperationRefusedError(f"{ctx.operation} was given what it does not understand: {error}") from error
