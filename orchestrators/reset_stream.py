"""Move a live stream's cursor to a time, as an operator asked for, and keep a trace of it in the history of runs."""

import logging
from typing import Any

import azure.durable_functions as df
from durabletask.entities import EntityInstanceId
from durabletask.task import OrchestrationContext

from onepassword_sentinel.brief_failures import brief_orchestrator
from onepassword_sentinel.payloads import Pacing, ResetRequest
from onepassword_sentinel.stream_operations import OperationRejectedError, Reset
from onepassword_sentinel.wire import from_wire
from orchestrators.entity_calls import EntityCallFailedError, call_entity
from orchestrators.execution_ids import execution_id
from orchestrators.orchestration import Steps, utc_now

bp = df.Blueprint()


class ResetRejectedError(Exception):
    """The cursor stays where it is; the message says why."""


class ResetFailedError(Exception):
    """The cursor could not be called; the message says why."""


@bp.orchestration_trigger(context_name="ctx")
@brief_orchestrator
def reset_stream(ctx: OrchestrationContext, data: dict[str, Any]) -> Steps[dict[str, Any]]:
    """Reset the cursor that a `ResetRequest` names, and return its `old` and `new` state.

    `old` is None if the platform ran the turn again after the cursor had followed the reset.
    """
    request = from_wire(ResetRequest, data)
    log = ctx.create_replay_safe_logger(logging.getLogger(__name__))
    cursor = EntityInstanceId("stream_cursor", request.key)
    # The turn may run again, at another time: then it is the same request all the same.
    reset = Reset(request.start_time, request=execution_id(ctx), asked_at=utc_now(ctx))
    try:
        answer = yield from call_entity(ctx, cursor, "reset", lambda: reset, Pacing())
    except OperationRejectedError as error:
        raise ResetRejectedError(f"{request.key}: {error}") from error
    except EntityCallFailedError as error:
        raise ResetFailedError(f"{request.key}: {error}") from error
    log.warning("the cursor of %s was moved to %s by an operator", request.key, request.start_time)
    return {"v": 1, "key": request.key, "old": answer["old"], "new": answer["state"]}
