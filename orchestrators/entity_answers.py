"""Make an entity call that failed on the platform's side reach the orchestrator as a failed task.

A worker that dies in an entity's operation makes the Durable Functions extension answer the call itself. The text of
that answer is not JSON, but durabletask 1.12.0 (under azure-functions-durable 2.0.0rc3) decodes it as JSON: the error
ends the whole turn, and no `try` around the call can catch it. `install` makes the text JSON before the SDK reads it.

tests/app/test_entity_answers.py fails as soon as an SDK has mended this: then delete this module.
"""

import json
from collections.abc import Callable
from typing import Any, Final

import durabletask.internal.orchestrator_service_pb2 as pb

from orchestrators.sdk_methods import wrap

# The private class and method of the SDK that read an entity's answer.
READER: Final = "_OrchestrationExecutor"
METHOD: Final = "_handle_entity_event_raised"


def install(sdk: object) -> None:
    """Wrap the method in the SDK's module, once; do nothing where the SDK does not have it."""
    wrap(sdk, READER, METHOD, _read)


def readable(event: pb.HistoryEvent) -> pb.HistoryEvent:
    """Return the event, or a copy in which the text of a failure is a JSON string.

    The result follows from the event alone, so that every replay sees the same.
    """
    answer = _loaded(event.eventRaised.input.value)
    if not isinstance(answer, dict):
        return event
    failed = "exceptionType" in answer or isinstance(answer.get("failureDetails"), dict)
    text = answer.get("result")
    if not failed or not isinstance(text, str) or not text:
        return event
    message = _loaded(text)
    copy = pb.HistoryEvent()
    copy.CopyFrom(event)
    copy.eventRaised.input.value = json.dumps(
        {**answer, "result": json.dumps(message if isinstance(message, str) else text)}
    )
    return copy


def _read(
    method: Callable[..., Any], executor: Any, ctx: Any, event: pb.HistoryEvent, *args: Any, **kwargs: Any
) -> Any:
    return method(executor, ctx, readable(event), *args, **kwargs)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
