"""Failure details as the Durable Functions extension makes them from what a worker reports."""

import json
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.internal import helpers

from local.host.errors import InvocationError


def of_activity(error: InvocationError) -> pb.TaskFailureDetails:
    """Return the details of a failed activity: the bare type and the first line only.

    The host has only the worker's ``"<type>: <text>"`` to go by and splits it (OutOfProcMiddleware.cs of
    azure-functions-durable-extension). There is no inner failure, and none is marked as not retriable.
    """
    first_line = error.message.partition("\n")[0]
    error_type, separator, message = first_line.partition(": ")
    if not separator:
        error_type, message = "(unknown)", first_line
    return pb.TaskFailureDetails(
        errorType=error_type, errorMessage=message, stackTrace=helpers.get_string_value(error.stack_trace)
    )


def of_function(error: InvocationError) -> pb.TaskFailureDetails:
    """Return the details of an orchestrator or entity whose invocation as a whole failed."""
    inner = of_activity(error)
    return pb.TaskFailureDetails(
        errorType="Microsoft.Azure.WebJobs.Host.FunctionInvocationException",
        errorMessage=f"Function '{error.function}' failed with an unhandled exception. {inner.errorMessage}",
        innerFailure=inner,
    )


def of_missing_function(kind: str, name: str) -> pb.TaskFailureDetails:
    """Return the details for work that names a function the app does not have."""
    message = f"The {kind} function '{name}' doesn't exist, is disabled, or is not an {kind} function."
    return pb.TaskFailureDetails(errorType="FunctionNotFound", errorMessage=message)


def to_core_json(details: pb.TaskFailureDetails) -> dict[str, Any]:
    """Return the details as DurableTask.Core serialises its FailureDetails."""
    core: dict[str, Any] = {
        "ErrorType": details.errorType,
        "ErrorMessage": details.errorMessage,
        "StackTrace": details.stackTrace.value,
        "IsNonRetriable": details.isNonRetriable,
    }
    if details.HasField("innerFailure"):
        core["InnerFailure"] = to_core_json(details.innerFailure)
    return core


def entity_response(details: pb.TaskFailureDetails) -> str:
    """Return the message with which an entity answers a call that failed."""
    return json.dumps({"exceptionType": details.errorMessage, "failureDetails": to_core_json(details)})
