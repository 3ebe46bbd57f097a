"""Tells executions apart: a run that is started again under the same instance id is another execution.

The engine gives each execution an id, which stays the same when a turn runs again. Nothing else that a run knows in its
first turn does. durabletask 1.12.0 (under azure-functions-durable 2.0.0rc3) reads the id and keeps it to itself;
`install` hands it on. An id of our own would cost a turn: it has to be stored before the run asks for the stream.

tests/app/test_execution_ids.py fails as soon as the SDK's context has it: then delete `install`.
"""

from collections.abc import Callable
from typing import Any, Final

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.task import OrchestrationContext

from orchestrators.sdk_methods import wrap

# The private class of the SDK that reads a history, and its method that reads one event of it.
READER: Final = "_OrchestrationExecutor"
METHOD: Final = "process_event"
_ATTRIBUTE: Final = "_onepassword_execution_id"


def install(sdk: object) -> None:
    """Wrap the method in the SDK's module, once; do nothing where the SDK does not have it."""
    wrap(sdk, READER, METHOD, _process)


def _process(
    method: Callable[..., Any], executor: Any, ctx: Any, event: pb.HistoryEvent, *args: Any, **kwargs: Any
) -> Any:
    if event.HasField("executionStarted"):
        setattr(ctx, _ATTRIBUTE, event.executionStarted.orchestrationInstance.executionId.value)
    return method(executor, ctx, event, *args, **kwargs)


def execution_id(ctx: OrchestrationContext) -> str:
    """Return the execution's id; empty if the engine gives none."""
    found = getattr(ctx, _ATTRIBUTE, "")
    return found if isinstance(found, str) else ""
