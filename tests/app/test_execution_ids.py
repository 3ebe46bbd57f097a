"""A run that is started again under its id is another execution; a turn that runs again is not."""

import base64
from types import SimpleNamespace
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
import pytest
from azure.durable_functions.worker import DurableFunctionsWorker
from durabletask import worker
from durabletask.internal import helpers
from durabletask.task import OrchestrationContext

from orchestrators.execution_ids import METHOD, READER, execution_id, install
from tests.core.conftest import NOW


def tells(ctx: OrchestrationContext, _data: Any) -> str:
    """Return the execution's id."""
    return execution_id(ctx)


def told(execution: str | None) -> Any:
    """Run an orchestrator in an execution, and return its output."""
    started = helpers.new_execution_started_event("tells", "run-1", None)
    if execution is not None:
        started.executionStarted.orchestrationInstance.executionId.value = execution
    events = [helpers.new_orchestrator_started_event(NOW.replace(tzinfo=None)), started]
    body = base64.b64encode(pb.OrchestratorRequest(instanceId="run-1", newEvents=events).SerializeToString())
    response = pb.OrchestratorResponse()
    response.ParseFromString(base64.b64decode(DurableFunctionsWorker().execute_orchestration_request(tells, body)))
    return response.actions[0].completeOrchestration.result.value


@pytest.mark.parametrize(("execution", "says"), [("e1", '"e1"'), (None, '""')])
def test_an_orchestrator_knows_its_execution(execution: str | None, says: str) -> None:
    """It is the engine's own id; from an engine that gives none it is empty."""
    assert told(execution) == says


def test_the_sdk_still_keeps_it_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `install` nobody knows it. When the context has an execution id, use that in place of `install`."""
    reader = getattr(worker, READER)
    monkeypatch.setattr(reader, METHOD, getattr(reader, METHOD).__wrapped__)
    assert told("e1") == '""'
    assert not hasattr(OrchestrationContext, "execution_id")


@pytest.mark.parametrize("sdk", [SimpleNamespace(), SimpleNamespace(**{READER: type("Executor", (), {})})])
def test_another_sdk_is_left_alone(sdk: SimpleNamespace) -> None:
    """One that reads histories in another way is not broken by the wrapper."""
    before = dict(vars(sdk))
    install(sdk)
    assert vars(sdk) == before
