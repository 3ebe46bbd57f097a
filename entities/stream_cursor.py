"""The durable entity that holds a stream's cursor, one per key."""

import logging
from datetime import UTC, datetime
from typing import Any

import azure.durable_functions as df
import msgspec
from durabletask.entities import EntityContext

from onepassword_sentinel.stream_lease import begin, commit, release
from onepassword_sentinel.stream_operations import Forget, OperationRejectedError, Reset, Stop, forget, reset, stop
from onepassword_sentinel.stream_requests import Begin, Commit, Release
from onepassword_sentinel.stream_state import StreamState, UnreadableStateError, read_state
from onepassword_sentinel.wire import from_wire, to_wire

bp = df.Blueprint()
_LOG = logging.getLogger(__name__)


# No class: every public attribute of an entity class can be called as an operation, `set_state` among them.
@bp.entity_trigger(context_name="ctx", entity_name="stream_cursor")
def stream_cursor(ctx: EntityContext, data: dict[str, Any] | None) -> dict[str, Any]:
    """Run one operation on the stream's state; operations on one key run one after the other.

    `begin`, `commit` and `release` belong to runs, which say what time it is; `reset`, `stop` and `forget` to those who
    operate the app. Every answer has the state as it is now, without what only the status shows, and whether the
    operation was `accepted`; `reset` also has the `old` state, None if it was followed before.

    An operation that would do harm, or that does not exist, changes nothing; neither does any on a state that cannot
    be read. Its answer says why under `rejected`: an exception would look like a worker that died, and the call would
    be repeated.
    """
    before = None
    try:
        before = read_state(ctx.get_state)
        state, accepted = _after(ctx.operation, before, data)
    except (OperationRejectedError, UnreadableStateError) as error:
        # A signal has no caller that could say so.
        _LOG.warning("the cursor %s rejected %s: %s", ctx.entity_id.key, ctx.operation, error)
        return {"accepted": False, "rejected": str(error), "state": before and to_wire(before.for_runs)}
    ctx.set_state(None if state is None else to_wire(state))
    answer = {"accepted": accepted, "state": None if state is None else to_wire(state.for_runs)}
    if ctx.operation != "reset":
        return answer
    if state != before:
        return answer | {"old": to_wire(before.for_runs)}
    # A signal gets no answer, and host.json leaves out what is below a warning.
    _LOG.warning(
        "the cursor %s ignored a reset that it has already followed. Nothing is wrong if the platform repeated it; to "
        "repeat it by a signal, send it again after five minutes",
        ctx.entity_id.key,
    )
    return answer | {"old": None}


def _after(operation: str, before: StreamState, data: dict[str, Any] | None) -> tuple[StreamState | None, bool]:
    """Return the state after the operation, None if it is forgotten, and whether the operation was accepted.

    Raises:
        OperationRejectedError: the operation would do harm, or there is none of this name.

    """
    match operation:
        case "begin":
            return begin(before, _run_says(operation, Begin, data))
        case "commit":
            return commit(before, _run_says(operation, Commit, data))
        case "release":
            return release(before, _run_says(operation, Release, data))
        case "stop":
            return stop(before, _operator_says(operation, Stop, data), datetime.now(UTC)), True
        case "reset":
            return reset(before, _operator_says(operation, Reset, data), datetime.now(UTC)), True
        case "forget":
            forget(before, _operator_says(operation, Forget, data))
            return None, True
        case unknown:
            raise OperationRejectedError(
                f"a stream cursor has no operation {unknown!r}; an operator may signal reset and stop"
            )


def _run_says[T](operation: str, cls: type[T], data: dict[str, Any] | None) -> T:
    try:
        return from_wire(cls, data)
    except msgspec.ValidationError as error:
        raise OperationRejectedError(
            f"{operation} belongs to the app's own runs, which know the fencing number in force ({error}); an "
            "operator may signal reset and stop"
        ) from error


def _operator_says[T](operation: str, cls: type[T], data: dict[str, Any] | None) -> T:
    try:
        return from_wire(cls, data)
    except msgspec.ValidationError as error:
        raise OperationRejectedError(f"{operation} was given what it does not understand: {error}") from error
