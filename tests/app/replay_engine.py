"""The SDK's replay engine over histories that grow as Azure Storage writes them: no host, no network, no waiting.

Every turn replays the whole history, so an orchestrator that is not deterministic fails. Timers fire early by the
fraction of a second, as there.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import durabletask.internal.orchestrator_service_pb2 as pb
from azure.durable_functions.testing import execute_entity
from azure.durable_functions.worker import DurableFunctionsWorker
from durabletask.internal import helpers

from entities.stream_cursor import stream_cursor
from tests.core.conftest import NOW

ENTITY: Final = stream_cursor.build().get_user_function().entity_function
# What a worker that died makes the extension answer; the text is not JSON.
DIED: Final = {"result": "python exited with code 137", "exceptionType": "Microsoft.Azure.WebJobs.Script.Died"}
LATENCY: Final = timedelta(milliseconds=20)
MOST_TURNS: Final = 500

type Activity = Callable[[dict[str, Any]], Any]


class ActivityError(Exception):
    """An activity fails with this message."""


@dataclass(slots=True)
class Ended:
    """How an orchestration ended; `message` is its failure's."""

    status: int
    output: Any
    message: str

    @property
    def completed(self) -> bool:
        return bool(self.status == pb.ORCHESTRATION_STATUS_COMPLETED)


@dataclass(slots=True)
class Engine:
    """Runs one orchestration at a time; entities are the app's own.

    Attributes:
        activities: by name; each is given its input and may raise `ActivityError`.
        children: by function name; each is given its input and instance id and returns an output, or a failed event.
        dies: whether the worker dies in this operation, which comes for the n-th time.
        before_operation: what happens to entities meanwhile.

    """

    activities: dict[str, Activity] = field(default_factory=dict)
    children: dict[str, Callable[[dict[str, Any], str], Any]] = field(default_factory=dict)
    dies: Callable[[str, int], bool] = lambda _operation, _nth: False
    death: dict[str, Any] = field(default_factory=lambda: dict(DIED))
    now: datetime = NOW
    states: dict[str, Any] = field(default_factory=dict)
    operations: list[str] = field(default_factory=list)
    calls: list[tuple[str, datetime]] = field(default_factory=list)
    custom_status: list[Any] = field(default_factory=list)
    before_operation: Callable[[], None] = lambda: None
    exact_timers: bool = False
    timers: int = 0
    _worker: DurableFunctionsWorker = field(default_factory=DurableFunctionsWorker)

    def run(self, function: Any, data: Any, instance_id: str = "run-1") -> Ended:
        """Run an orchestrator, its generations included, until it ends."""
        name, encoded = function.__name__, json.dumps(data)
        past: list[pb.HistoryEvent] = []
        new = [helpers.new_execution_started_event(name, instance_id, encoded)]
        for _ in range(MOST_TURNS):
            self.now += LATENCY
            new.insert(0, helpers.new_orchestrator_started_event(self.now.replace(tzinfo=None)))
            actions = self._turn(function, instance_id, past, new)
            past += new
            new = []
            done = next((a.completeOrchestration for a in actions if a.HasField("completeOrchestration")), None)
            if done is None:
                for action in actions:
                    if action.sendEntityMessage.HasField("entityOperationSignaled"):
                        past.append(_signalled(action.id, action.sendEntityMessage.entityOperationSignaled))
                        continue
                    written, answer = self._perform(action)
                    past.append(written)
                    new.append(answer)
                assert new, f"{name} waits for nothing"
            elif done.orchestrationStatus == pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW:
                past, new = [], [helpers.new_execution_started_event(name, instance_id, done.result.value)]
            else:
                output = json.loads(done.result.value) if done.result.value else None
                return Ended(done.orchestrationStatus, output, done.failureDetails.errorMessage)
        raise AssertionError(f"{name} did not end in {MOST_TURNS} turns")

    def _turn(
        self, function: Any, instance_id: str, past: list[pb.HistoryEvent], new: list[pb.HistoryEvent]
    ) -> list[pb.OrchestratorAction]:
        request = pb.OrchestratorRequest(instanceId=instance_id, pastEvents=past, newEvents=new)
        body = base64.b64encode(request.SerializeToString())
        response = pb.OrchestratorResponse()
        response.ParseFromString(base64.b64decode(self._worker.execute_orchestration_request(function, body)))
        if response.HasField("customStatus"):
            self.custom_status.append(json.loads(response.customStatus.value))
        return list(response.actions)

    def _perform(self, action: pb.OrchestratorAction) -> tuple[pb.HistoryEvent, pb.HistoryEvent]:
        """Return what the history has of an action, and the event that answers it."""
        match action.WhichOneof("orchestratorActionType"):
            case "scheduleTask":
                return self._activity(action.id, action.scheduleTask)
            case "createTimer":
                fire_at = action.createTimer.fireAt.ToDatetime(tzinfo=UTC)
                self.timers += 1
                delay = max(0.0, (fire_at - self.now).total_seconds())
                self.now += timedelta(seconds=delay if self.exact_timers else int(delay))
                naive = fire_at.replace(tzinfo=None)
                return helpers.new_timer_created_event(action.id, naive), helpers.new_timer_fired_event(
                    action.id, naive
                )
            case "sendEntityMessage":
                return self._entity(action.id, action.sendEntityMessage.entityOperationCalled)
            case "createSubOrchestration":
                return self._child(action.id, action.createSubOrchestration)
            case kind:
                raise AssertionError(kind)

    def _activity(self, task_id: int, asked: pb.ScheduleTaskAction) -> tuple[pb.HistoryEvent, pb.HistoryEvent]:
        self.calls.append((asked.name, self.now))
        scheduled = helpers.new_task_scheduled_event(task_id, asked.name, asked.input.value)
        try:
            output = self.activities[asked.name](json.loads(asked.input.value))
        except ActivityError as error:
            details = pb.TaskFailureDetails(errorMessage=str(error))
            failed = pb.TaskFailedEvent(taskScheduledId=task_id, failureDetails=details)
            return scheduled, pb.HistoryEvent(eventId=-1, taskFailed=failed)
        return scheduled, helpers.new_task_completed_event(task_id, json.dumps(output))

    def _entity(self, task_id: int, called: pb.EntityOperationCalledEvent) -> tuple[pb.HistoryEvent, pb.HistoryEvent]:
        entity, operation = called.targetInstanceId.value, called.operation
        self.operations.append(operation)
        self.before_operation()
        request = json.dumps({"op": operation, "id": called.requestId, "input": called.input.value})
        sent = helpers.new_event_sent_event(task_id, entity, request, name="op")
        if self.dies(operation, self.operations.count(operation)):
            return sent, helpers.new_event_raised_event(called.requestId, json.dumps(self.death))
        run = execute_entity(ENTITY, operation, input=json.loads(called.input.value), state=self.states.get(entity))
        self.states[entity] = run.get_state()
        answer = json.dumps({"result": json.dumps(run.get_result())})
        return sent, helpers.new_event_raised_event(called.requestId, answer)

    def _child(self, task_id: int, asked: pb.CreateSubOrchestrationAction) -> tuple[pb.HistoryEvent, pb.HistoryEvent]:
        created = helpers.new_sub_orchestration_created_event(task_id, asked.name, asked.instanceId, asked.input.value)
        output = self.children[asked.name](json.loads(asked.input.value), asked.instanceId)
        if isinstance(output, pb.TaskFailureDetails):
            failed = pb.SubOrchestrationInstanceFailedEvent(taskScheduledId=task_id, failureDetails=output)
            return created, pb.HistoryEvent(eventId=-1, subOrchestrationInstanceFailed=failed)
        return created, helpers.new_sub_orchestration_completed_event(task_id, json.dumps(output))


def _signalled(task_id: int, signal: pb.EntityOperationSignaledEvent) -> pb.HistoryEvent:
    """Return what the history has of a signal, which nobody answers."""
    request = json.dumps({"op": signal.operation, "signal": True, "id": signal.requestId, "input": signal.input.value})
    return helpers.new_event_sent_event(task_id, signal.targetInstanceId.value, request, name="op")
