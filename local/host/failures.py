"""Failures as the Functions host and the Durable Functions extension make them from what a worker reports."""

import json
import re
from collections.abc import Iterable
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.internal import helpers

from local.host.errors import InvocationError, WorkerDiedError

_INVOCATION_FAILED = "Microsoft.Azure.WebJobs.Host.FunctionInvocationException"
_WORKER_DIED = "Microsoft.Azure.WebJobs.Script.Workers.WorkerProcessExitException"
_BATCH_FAILED = "FunctionInvocationFailed"
_ENTITY_MISSING = "EntityFunctionNotFound"
# 64 KB in UTF-16.
_LARGEST_PROPERTY = 32 * 1024
# What looks like a credential, with all that follows: Sanitizer.cs of azure-functions-host.
_CREDENTIAL = re.compile(
    r"(Token=|DefaultEndpointsProtocol=http|AccountKey=|Data Source=|Server=|Password=|pwd=|&amp;sig=|&sig=|\?sig="
    r"|SharedAccessKey=|&amp;code=|&code=|\?code=|key=)[^<\"']*",
    re.IGNORECASE,
)


def storable(details: pb.TaskFailureDetails) -> bool:
    """Tell whether Azure Tables can hold a failure. If not, the extension tries again for ever: the run never ends."""
    return len(json.dumps(_core(details), ensure_ascii=False)) <= _LARGEST_PROPERTY


def sanitized(text: str) -> str:
    """Hide what looks like a credential. The script host does this to the error of a function, not the extension."""
    return _CREDENTIAL.sub("[Hidden Credential]", text)


def of_activity(error: InvocationError) -> pb.TaskFailureDetails:
    """Return the details of a failed activity: the bare type and the first line only.

    The host has only the worker's ``"<type>: <text>"`` to go by and splits it (OutOfProcMiddleware.cs of
    azure-functions-durable-extension). There is no inner failure, and none is marked as not retriable.
    """
    first_line = sanitized(error.message).partition("\n")[0]
    error_type, separator, message = first_line.partition(": ")
    if not separator:
        error_type, message = "(unknown)", first_line
    return pb.TaskFailureDetails(
        errorType=error_type, errorMessage=message, stackTrace=helpers.get_string_value(error.stack_trace)
    )


def of_lost_invocation(function: str, died: WorkerDiedError) -> pb.TaskFailureDetails:
    """Return the details of an activity whose worker died."""
    return pb.TaskFailureDetails(
        errorType=_INVOCATION_FAILED,
        errorMessage=f"Exception while executing function: {function}",
        innerFailure=pb.TaskFailureDetails(errorType=_WORKER_DIED, errorMessage=str(died)),
    )


def of_batch(entity: str, function: str, error: InvocationError | WorkerDiedError) -> pb.TaskFailureDetails:
    """Return the details of each operation of a batch whose invocation as a whole failed."""
    if isinstance(error, WorkerDiedError):
        inner = of_lost_invocation(function, error)
    else:
        reason = f"Result: Failure\nException: {sanitized(error.message)}\nStack: {error.stack_trace}"
        inner = pb.TaskFailureDetails(
            errorType=_INVOCATION_FAILED,
            errorMessage=f"Exception while executing function: {function}",
            innerFailure=pb.TaskFailureDetails(
                errorType="Microsoft.Azure.WebJobs.Script.Workers.Rpc.RpcException", errorMessage=reason
            ),
        )
    return pb.TaskFailureDetails(
        errorType=_BATCH_FAILED,
        errorMessage=f"Invocation of function '{entity}' failed with an exception.",
        innerFailure=inner,
        isNonRetriable=True,
    )


def of_missing_entity(name: str, known: Iterable[str]) -> pb.TaskFailureDetails:
    """Return the details of each operation of an entity whose function the app does not have."""
    return pb.TaskFailureDetails(
        errorType=_ENTITY_MISSING, errorMessage=_missing("entity", name, known), isNonRetriable=True
    )


def output_of_turn(error: InvocationError) -> str:
    """Return the output of an orchestration whose turn failed as an invocation. It has no failure details."""
    reason = f"{_INVOCATION_FAILED}: Exception while executing function: {error.function}\n ---> "
    details = f"{reason}Result: Failure\nException: {sanitized(error.message)}\nStack: {error.stack_trace}"
    return json.dumps(
        {"message": f"Function '{error.function}' failed with an unhandled exception.", "details": details}
    )


def output_of_missing_orchestrator(name: str, known: Iterable[str]) -> str:
    """Return the output of an orchestration whose function the app does not have. It has no failure details."""
    return json.dumps({"message": _missing("orchestrator", name, known), "details": None})


def entity_response(details: pb.TaskFailureDetails) -> str:
    """Return the message with which an entity answers a call that failed.

    If no operation ran, its result is a text that is not JSON: the SDK fails to decode it, and says only that.
    """
    if details.errorType not in {_BATCH_FAILED, _ENTITY_MISSING}:
        return json.dumps({"result": None, "failureDetails": _core(details)})
    return json.dumps(
        {
            "result": details.errorMessage,
            "exceptionType": "entity dispatch failed",
            "failureDetails": _core(details),
        }
    )


def _missing(kind: str, name: str, known: Iterable[str]) -> str:
    names = ", ".join(f"'{each}'" for each in known)
    return (
        f"The function '{name}' doesn't exist, is disabled, or is not an {kind} function. "
        f"Additional info: The following are the known {kind} functions: {names}."
    )


def _core(details: pb.TaskFailureDetails) -> dict[str, Any]:
    """Return the details as DurableTask.Core serialises its FailureDetails."""
    return {
        "ErrorType": details.errorType,
        "ErrorMessage": details.errorMessage,
        "StackTrace": details.stackTrace.value if details.HasField("stackTrace") else None,
        "InnerFailure": _core(details.innerFailure) if details.HasField("innerFailure") else None,
        "IsNonRetriable": details.isNonRetriable,
        "Properties": None,
    }
