"""The durable engine, corrected to behave as the Durable Functions extension does on Azure Storage.

Microsoft's in-memory engine (``durabletask.testing``, 1.12) is made for unit tests. This is every difference that can
bite, and what is done about it. "here" is this module; an execution is one generation of an instance, from a start, a
restart or a ``continue_as_new`` to the next.

==============================================================  ====================================================
the engine                                                      what is done
==============================================================  ====================================================
WaitForInstance without a deadline fails or gives up at 30 s    client.py polls; the app must set a deadline
a parent waits 30 s for a child and then for ever               here: the child's end reports to the parent
ten server threads, each wait holds one                         engine_server.py: more threads, for clients only
two engines on one port split the traffic                       engine_server.py: a free port, no port sharing
work of a dead worker is lost                                   pump.py: a turn runs again, the rest fails
timers and results of an older execution reach the newer one    here: both are bound to an execution
a late event dispatches a finished instance again, without end  here: finished instances are never dispatched
locks on entities are not enforced against other callers        not done: do not test exclusion by locks
orchestrators see the newer protocol of entity messages         entity_events.py
entity calls arrive although the message sorter drops them      here: dropped, unless host.json turns it off
children do not know their parent                               here: filled in
a child's failure loses its type                                here: the child's own details are passed on
a terminated child has a failure text                           here: neither type nor text
a child that runs cannot be started again                       here: it is replaced
starting an id that has finished is refused                     here: it is replaced
terminating what has finished, or is unknown, succeeds          run_requests.py: refused
runs have failure details                                       queries.py: a text in the output
pages of any size, in order of creation                         queries.py: 1,000 at most, in order of the ids
timers fire on time                                             here: early by the fraction of a second
a turn that runs again has its old time                         work_queues.py: the time at which it runs
what is stored and what is sent happen at once                  engine_faults.py, when a test requests it
4 MB limit on gRPC messages                                     engine_server.py: none; the clients have it
a limit on history hangs the instance                           engine_server.py: none
purging a running instance is ignored                           run_requests.py: refused
recursive terminate is ignored                                  not done (nor does Azure cascade a terminate)
failures are as the worker made them                            failures.py
timers and hops are polled every 0.1 s                          engine_server.py: work is signalled
a start scheduled for later starts at once                      not done
==============================================================  ====================================================
"""

import math
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.internal import helpers
from durabletask.testing.in_memory_backend import OrchestrationInstance

from local.host.engine_faults import EngineFaults
from local.host.run_requests import RunRequests
from local.host.work import Activity

# What Azure Storage lets a start replace: OverridableExistingInstanceStates, NonRunningStates by default.
_REPLACEABLE = (
    pb.ORCHESTRATION_STATUS_COMPLETED,
    pb.ORCHESTRATION_STATUS_FAILED,
    pb.ORCHESTRATION_STATUS_TERMINATED,
)
# What survives continue_as_new; every other event answers something that the ended execution asked for.
_ADDRESSED_TO_INSTANCE = frozenset({"eventRaised", "executionSuspended", "executionResumed", "executionTerminated"})


@dataclass(frozen=True)
class _Waiting:
    """A parent that waits for a child."""

    parent_id: str
    execution: str
    task_id: int


class DurableBackend(RunRequests):
    """The engine with its differences from Azure Storage put right. Work is taken from it in work_queues.py.

    Attributes:
        faults: What a test requests.
        sorts_entity_messages: Whether the extension's message sorter is on. It drops each call from an orchestration to
            an entity without a trace, because such a call has no timestamp over gRPC.

    """

    faults: EngineFaults
    sorts_entity_messages: bool = True
    _executions: dict[str, str]
    _waiting: dict[str, list[_Waiting]]

    def start(self) -> str:
        """Serve durable clients; see the base class."""
        self.faults = EngineFaults()
        self._executions = {}
        self._waiting = {}
        return super().start()

    def StartInstance(self, request: pb.CreateInstanceRequest, context: object) -> pb.CreateInstanceResponse:  # noqa: N802 - the service's name
        """Start an instance; one with the same id is replaced if it has finished."""
        if not request.orchestrationIdReusePolicy.replaceableStatus:
            request.orchestrationIdReusePolicy.replaceableStatus.extend(_REPLACEABLE)
        with self._lock:
            exists = request.instanceId in self._instances
            if self.faults.takes_start(request.instanceId, exists=exists):
                return pb.CreateInstanceResponse(instanceId=request.instanceId)
            response = super().StartInstance(request, context)
            self._begin_execution(self._instances[response.instanceId])
            return response

    def backdate(self, instance_id: str, by: timedelta) -> None:
        """Let an instance have begun and ended earlier than it did."""
        with self._lock:
            instance = self._instances[instance_id]
            instance.created_at -= by
            instance.last_updated_at -= by

    def _create_instance_internal(
        self, instance_id: str, name: str, encoded_input: str | None = None, version: str | None = None
    ) -> None:
        super()._create_instance_internal(instance_id, name, encoded_input, version)
        self._begin_execution(self._instances[instance_id])

    def _begin_execution(self, instance: OrchestrationInstance, parent: pb.ParentInstanceInfo | None = None) -> None:
        execution = uuid.uuid4().hex
        self._executions[instance.instance_id] = execution
        started = _execution_started(instance.pending_events)
        if started is not None:
            started.orchestrationInstance.executionId.value = execution
            if parent is not None:
                started.parentInstance.CopyFrom(parent)

    def _current(self, instance_id: str, execution: str) -> OrchestrationInstance | None:
        """Return the instance if that execution of it is still going on."""
        instance = self._instances.get(instance_id)
        over = (
            instance is None or self._executions[instance_id] != execution or self._is_terminal_status(instance.status)
        )
        return None if over else instance

    def _deliver(self, instance: OrchestrationInstance, event: pb.HistoryEvent) -> None:
        instance.pending_events.append(event)
        instance.last_updated_at = datetime.now(UTC)
        self._enqueue_orchestration(instance.instance_id)

    def _process_complete_orchestration_action(
        self, instance: OrchestrationInstance, complete_action: pb.CompleteOrchestrationAction
    ) -> None:
        continued = complete_action.orchestrationStatus == pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW
        started = _execution_started(instance.history)
        if continued:
            instance.pending_events = [
                event for event in instance.pending_events if event.WhichOneof("eventType") in _ADDRESSED_TO_INSTANCE
            ]
        parent = pb.ParentInstanceInfo()
        if has_parent := started is not None and started.HasField("parentInstance"):
            parent.CopyFrom(started.parentInstance)
        super()._process_complete_orchestration_action(instance, complete_action)
        if continued:
            self._begin_execution(instance, parent if has_parent else None)

    def _process_schedule_task_action(self, instance: OrchestrationInstance, action: pb.OrchestratorAction) -> None:
        super()._process_schedule_task_action(instance, action)
        scheduled = self._activity_queue.pop()
        self._activity_queue.append(Activity(**vars(scheduled), execution=self._executions[instance.instance_id]))

    def _process_create_timer_action(self, instance: OrchestrationInstance, action: pb.OrchestratorAction) -> None:
        instance_id, execution = instance.instance_id, self._executions[instance.instance_id]
        fire_at = action.createTimer.fireAt.ToDatetime(tzinfo=UTC)
        instance.history.append(helpers.new_timer_created_event(action.id, fire_at))

        def fire() -> None:
            if (current := self._current(instance_id, execution)) is not None:
                self._deliver(current, helpers.new_timer_fired_event(action.id, fire_at))

        # The delay goes to a queue in whole seconds, cut off: a timer fires early by the fraction.
        delay = math.floor(max(0.0, (fire_at - datetime.now(UTC)).total_seconds()))
        self.call_at(datetime.now(UTC) + timedelta(seconds=delay), fire)

    def _queue_entity_operation(self, entity_id: str, event: pb.HistoryEvent) -> None:
        if not (self.sorts_entity_messages and event.HasField("entityOperationCalled")):
            super()._queue_entity_operation(entity_id, event)

    def _process_create_sub_orchestration_action(
        self, instance: OrchestrationInstance, action: pb.OrchestratorAction
    ) -> None:
        # A child that is started again under its id becomes a new execution, whatever the old one is doing.
        child_id = action.createSubOrchestration.instanceId
        if self._instances.pop(child_id, None) is not None:
            self._orchestration_queue_set.discard(child_id)
        super()._process_create_sub_orchestration_action(instance, action)

    def _process_send_entity_message_action(
        self, instance: OrchestrationInstance, action: pb.OrchestratorAction
    ) -> None:
        if action.sendEntityMessage.HasField("entityOperationCalled"):
            called = action.sendEntityMessage.entityOperationCalled
            called.parentExecutionId.value = self._executions[instance.instance_id]
        super()._process_send_entity_message_action(instance, action)

    def _schedule_delayed_entity_operation(self, entity_id: str, event: pb.HistoryEvent, fire_at: datetime) -> None:
        self.call_at(fire_at, lambda: self._queue_entity_operation(entity_id, event))

    def _watch_sub_orchestration(self, parent_instance_id: str, sub_instance_id: str, task_id: int) -> None:
        parent, child = self._instances[parent_instance_id], self._instances[sub_instance_id]
        waiting = _Waiting(parent_instance_id, self._executions[parent_instance_id], task_id)
        waiters = self._waiting.setdefault(sub_instance_id, [])
        if waiting not in waiters:
            waiters.append(waiting)
        if (started := _execution_started(child.pending_events)) is not None:
            started.parentInstance.CopyFrom(
                pb.ParentInstanceInfo(
                    taskScheduledId=task_id,
                    name=helpers.get_string_value(parent.name),
                    orchestrationInstance=pb.OrchestrationInstance(
                        instanceId=parent_instance_id, executionId=helpers.get_string_value(waiting.execution)
                    ),
                )
            )
        self._report_to_parents(child)

    def _notify_waiters(self, instance_id: str) -> None:
        super()._notify_waiters(instance_id)
        if (instance := self._instances.get(instance_id)) is not None:
            self._report_to_parents(instance)

    def _report_to_parents(self, child: OrchestrationInstance) -> None:
        if not self._is_terminal_status(child.status):
            return
        for waiting in self._waiting.pop(child.instance_id, ()):
            parent = self._current(waiting.parent_id, waiting.execution)
            if parent is None:
                continue
            if child.status == pb.ORCHESTRATION_STATUS_COMPLETED:
                event = helpers.new_sub_orchestration_completed_event(waiting.task_id, child.output)
            else:
                # None of a terminated child, and of one whose function failed as an invocation.
                details = child.failure_details
                failed = pb.SubOrchestrationInstanceFailedEvent(taskScheduledId=waiting.task_id, failureDetails=details)
                event = pb.HistoryEvent(eventId=-1, subOrchestrationInstanceFailed=failed)
            self._deliver(parent, event)


def _execution_started(events: list[pb.HistoryEvent]) -> pb.ExecutionStartedEvent | None:
    return next((event.executionStarted for event in events if event.HasField("executionStarted")), None)
