"""The work that waits in the durable engine: taken, completed, or given back.

Every ``take_`` returns None when there is nothing to do now. What was taken must be completed, or abandoned where it
may run again, as on Azure Storage when a message reappears after its visibility timeout.
"""

from datetime import UTC, datetime

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.internal import helpers
from durabletask.testing.in_memory_backend import OrchestrationInstance

from local.host.backend import DurableBackend
from local.host.engine_server import IN_PROCESS
from local.host.entity_events import as_the_host_sends
from local.host.work import Activity, EntityBatch, Turn


class WorkQueues(DurableBackend):
    """The engine, from the pump's side."""

    _running_calls: dict[tuple[int, int], Activity]

    def start(self) -> str:
        """Serve durable clients; see the base class."""
        self._running_calls = {}
        return super().start()

    def take_turn(self) -> Turn | None:
        """Take the next orchestrator turn. An instance has one at a time."""
        with self._lock:
            in_flight: list[str] = []
            turn = None
            while turn is None and self._orchestration_queue:
                instance_id = self._orchestration_queue.popleft()
                self._orchestration_queue_set.discard(instance_id)
                instance = self._instances.get(instance_id)
                if instance is None or not instance.pending_events:
                    continue
                if self._is_terminal_status(instance.status):
                    instance.pending_events.clear()
                elif instance_id in self._orchestration_in_flight:
                    in_flight.append(instance_id)
                else:
                    turn = self._dispatch(instance)
            for instance_id in in_flight:
                if instance_id not in self._orchestration_queue_set:
                    self._orchestration_queue.append(instance_id)
                    self._orchestration_queue_set.add(instance_id)
            return turn

    def complete_turn(self, turn: Turn, response: pb.OrchestratorResponse) -> None:
        """Apply what the orchestrator decided."""
        response.instanceId = turn.request.instanceId
        response.completionToken = turn.token
        if self.faults.takes_history(turn.request.instanceId):
            self._send_without_history(turn, response)
            return
        self.CompleteOrchestratorTask(response, IN_PROCESS)

    def abandon_turn(self, turn: Turn) -> None:
        """Give a turn back that was not answered."""
        self.AbandonTaskOrchestratorWorkItem(pb.AbandonOrchestrationTaskRequest(completionToken=turn.token), IN_PROCESS)

    def take_activity(self) -> Activity | None:
        """Take the next activity call."""
        with self._lock:
            if not self._activity_queue:
                return None
            activity = self._activity_queue.popleft()
            assert isinstance(activity, Activity)
            self._running_calls[activity.call] = activity
            return activity

    def complete_activity(self, activity: Activity, outcome: str | pb.TaskFailureDetails | None) -> bool:
        """Deliver an activity's JSON result or its failure.

        Return False, and change nothing, if the call was completed before or the execution that made it is over.
        """
        with self._lock:
            running = self._running_calls.pop(activity.call, None)
            instance = self._current(activity.instance_id, activity.execution)
            if running is None or instance is None:
                return False
            if isinstance(outcome, pb.TaskFailureDetails):
                details = outcome if outcome.ByteSize() else None
                failed = pb.TaskFailedEvent(taskScheduledId=activity.task_id, failureDetails=details)
                event = pb.HistoryEvent(eventId=-1, taskFailed=failed)
            else:
                event = helpers.new_task_completed_event(activity.task_id, outcome)
            self._deliver(instance, event)
            return True

    def abandon_activity(self, activity: Activity) -> None:
        """Give a call back that was not answered; it will run again."""
        with self._lock:
            if self._running_calls.pop(activity.call, None) is not None:
                self._activity_queue.append(activity)
                self._work_available.set()

    def take_batch(self) -> EntityBatch | None:
        """Take the next entity's waiting operations. An entity has one batch at a time."""
        with self._lock:
            while self._entity_queue:
                entity_id = self._entity_queue.popleft()
                self._entity_queue_set.discard(entity_id)
                entity = self._entities.get(entity_id)
                # An entity in flight is queued again when its batch is completed.
                if entity is None or not entity.pending_operations or entity_id in self._entity_in_flight:
                    continue
                self._entity_in_flight.add(entity_id)
                entity.dispatched_operations = list(entity.pending_operations)
                entity.pending_operations.clear()
                request, operations = helpers.convert_to_entity_batch_request(
                    pb.EntityRequest(
                        instanceId=entity_id,
                        entityState=helpers.get_string_value(entity.serialized_state),
                        operationRequests=entity.dispatched_operations,
                    )
                )
                name = entity_id.split("@")[1]
                return EntityBatch(name, str(entity.completion_token), request, tuple(operations))
        return None

    def complete_batch(self, batch: EntityBatch, result: pb.EntityBatchResult) -> None:
        """Store the entity's state and answer its callers, except those whose execution is over."""
        with self._lock:
            result.completionToken = batch.token
            del result.operationInfos[:]
            for operation in batch.operations:
                caller = operation.responseDestination
                if caller.instanceId and self._current(caller.instanceId, caller.executionId.value) is None:
                    operation.ClearField("responseDestination")
                result.operationInfos.append(operation)
            entity = self._entities[batch.request.instanceId]
            stored, operations = entity.serialized_state, list(entity.dispatched_operations)
            self.CompleteEntityTask(result, IN_PROCESS)
            if self.faults.takes_state(entity.instance_id):
                entity.serialized_state = stored
                entity.pending_operations[:0] = operations
                self._enqueue_entity(entity.instance_id)

    def _send_without_history(self, turn: Turn, response: pb.OrchestratorResponse) -> None:
        with self._lock:
            instance = self._instances[turn.request.instanceId]
            status, length = instance.status, len(instance.history)
            for action in response.actions:
                if not action.HasField("completeOrchestration"):
                    self._process_action(instance, action)
            instance.status = status
            del instance.history[length:]
            self.abandon_turn(turn)

    def _dispatch(self, instance: OrchestrationInstance) -> Turn:
        new_events = list(instance.pending_events)
        instance.pending_events.clear()
        # A turn begins with the time at which it runs, also when it runs again: an orchestrator's clock follows it.
        if new_events[0].HasField("orchestratorStarted"):
            del new_events[0]
        new_events.insert(0, helpers.new_orchestrator_started_event(datetime.now(UTC)))
        instance.dispatched_events = new_events
        self._orchestration_in_flight.add(instance.instance_id)
        request = pb.OrchestratorRequest(
            instanceId=instance.instance_id,
            executionId=helpers.get_string_value(self._executions[instance.instance_id]),
            pastEvents=as_the_host_sends(instance.history),
            newEvents=as_the_host_sends(new_events),
        )
        return Turn(instance.name, str(instance.completion_token), request)
