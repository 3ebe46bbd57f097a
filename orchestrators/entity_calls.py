"""The step that calls an entity, and calls it again when the platform failed the call."""

import logging
from collections.abc import Callable
from typing import Any

from durabletask.entities import EntityInstanceId
from durabletask.task import OrchestrationContext, TaskFailedError

from onepassword_sentinel.payloads import Pacing
from onepassword_sentinel.quotation import one_line
from onepassword_sentinel.stream_operations import OperationRejectedError
from onepassword_sentinel.wire import to_wire
from orchestrators.orchestration import Steps, retry_policy, utc_now, wait_until


class EntityCallFailedError(Exception):
    """Every attempt to call an entity failed; the message says why, and what to do."""


def call_entity(
    ctx: OrchestrationContext, entity: EntityInstanceId, operation: str, payload: Callable[[], Any], pacing: Pacing
) -> Steps[dict[str, Any]]:
    """Call an entity with the attempts and pauses of an activity, and return its answer.

    A failed call is one whose worker died: the operation was not applied, so repeating it is right. `payload` makes the
    operation's input anew for each attempt, as it says what time it is.

    Raises:
        OperationRejectedError: the entity itself rejected the operation, which is never repeated.
        EntityCallFailedError: every attempt failed.

    """
    log = ctx.create_replay_safe_logger(logging.getLogger(__name__))
    policy = retry_policy(pacing)
    pause, attempt = policy.first_retry_interval, 1
    while True:
        try:
            answer: dict[str, Any] = yield ctx.call_entity(entity, operation, to_wire(payload()))
        except TaskFailedError as error:
            text = one_line((error.details.inner_failure or error.details).message) or "no reason given"
            if attempt >= pacing.attempts:
                raise EntityCallFailedError(_sentence(operation, attempt, text)) from error
            log.warning("%s of %s failed in attempt %d of %d: %s", operation, entity, attempt, pacing.attempts, text)
        else:
            if sentence := answer.get("rejected"):
                raise OperationRejectedError(sentence)
            return answer
        yield from wait_until(ctx, utc_now(ctx) + pause)
        pause = min(pause * (policy.backoff_coefficient or 1.0), policy.max_retry_interval or pause)
        attempt += 1


def _sentence(operation: str, attempts: int, text: str) -> str:
    return (
        f"the cursor's operation {operation} failed in each of {attempts} attempts, the last time with “{text}”. "
        "The worker process probably died each time: look in the app's log for why it ended. "
        "Nothing is lost: the next run goes on from the last commit"
    )
