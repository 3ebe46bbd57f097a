"""Moves work from the durable engine to the worker and the answers back, as the Durable Functions extension does."""

import asyncio
import base64
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.internal import helpers
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]  # stubs are separate

from local.host import failures
from local.host.errors import HostError, InvocationError, WorkerDiedError
from local.host.functions import FunctionInfo, HostConfiguration
from local.host.invoker import Invoker
from local.host.work import Activity, EntityBatch, Turn
from local.host.work_queues import WorkQueues

_ORCHESTRATION = "orchestrationTrigger"
_ACTIVITY = "activityTrigger"
_ENTITY = "entityTrigger"
# A custom status is a column of a table; the extension counts it in UTF-16.
_LARGEST_STATUS = 16 * 1024


class Pump:
    """Runs the engine's work, as much at a time as host.json allows.

    :ivar error: what stopped the pump, if something did.
    """

    def __init__(
        self,
        backend: WorkQueues,
        invoker: Invoker,
        functions: Mapping[str, FunctionInfo],
        configuration: HostConfiguration,
    ) -> None:
        self.error: BaseException | None = None
        self._backend = backend
        backend.sorts_entity_messages = configuration.sorts_entity_messages
        self._invoker = invoker
        self._functions = {(function.trigger, function.durable_name): function for function in functions.values()}
        self._free = {
            _ORCHESTRATION: configuration.concurrent_orchestrators,
            _ACTIVITY: configuration.concurrent_activities,
            _ENTITY: configuration.concurrent_orchestrators,
        }
        self._twice: Counter[str] = Counter()
        self._running: set[asyncio.Task[None]] = set()
        self._stopped = False

    def deliver_twice(self, activity: str) -> None:
        """Deliver the next call of that activity twice, at the same time."""
        self._twice[activity] += 1

    def dispatch(self) -> None:
        """Start all work that is waiting and for which there is room. Called whenever either may have changed."""
        self._dispatch(_ORCHESTRATION, self._backend.take_turn, self._run_turn)
        self._dispatch(_ACTIVITY, self._backend.take_activity, self._run_activity)
        self._dispatch(_ENTITY, self._backend.take_batch, self._run_batch)

    async def stop(self) -> None:
        """Start no more work and abandon what is running. Idempotent."""
        self._stopped = True
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _dispatch[Work](
        self, kind: str, take: Callable[[], Work | None], run: Callable[[Work], Coroutine[Any, Any, None]]
    ) -> None:
        while not self._stopped and self._free[kind] > 0 and (work := take()) is not None:
            self._free[kind] -= 1
            task = asyncio.create_task(run(work))
            self._running.add(task)
            task.add_done_callback(lambda done: self._finished(kind, done))

    def _finished(self, kind: str, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._free[kind] += 1
        if not task.cancelled() and (error := task.exception()) is not None:
            self.error = self.error or error
            self._stopped = True
        self.dispatch()

    async def _run_turn(self, turn: Turn) -> None:
        try:
            response = await self._execute(_ORCHESTRATION, turn.name, turn.request, pb.OrchestratorResponse)
        except WorkerDiedError:
            self._backend.abandon_turn(turn)
            return
        except InvocationError as error:
            response = _failed_turn(failures.output_of_turn(error))
        if response is None:
            known = self._known(_ORCHESTRATION)
            response = _failed_turn(failures.output_of_missing_orchestrator(turn.name, known))
        if (size := len(response.customStatus.value.encode("utf-16-le"))) > _LARGEST_STATUS:
            response = _failed_turn(failures.output_of_turn(_too_large(turn.name, size)))
        for action in response.actions:
            _check_storable(turn.name, action.completeOrchestration.failureDetails)
        self._backend.complete_turn(turn, response)

    async def _run_batch(self, batch: EntityBatch) -> None:
        try:
            result = await self._execute(_ENTITY, batch.name, batch.request, pb.EntityBatchResult)
        except (WorkerDiedError, InvocationError) as error:
            function = self._functions[_ENTITY, batch.name].name
            result = _failed_batch(batch, failures.of_batch(batch.name, function, error))
        if result is None:
            result = _failed_batch(batch, failures.of_missing_entity(batch.name, self._known(_ENTITY)))
        self._backend.complete_batch(batch, result)

    def _known(self, trigger: str) -> list[str]:
        return [name for kind, name in self._functions if kind == trigger]

    async def _execute[Response: Message](
        self, trigger: str, name: str, request: Message, response: type[Response]
    ) -> Response | None:
        """Send a request as base64 protobuf and decode the answer; None if the app has no such function."""
        function = self._functions.get((trigger, name))
        if function is None:
            return None
        encoded = base64.b64encode(request.SerializeToString()).decode("ascii")
        answer = await self._invoker.result(function, {"string": encoded})
        try:
            return response.FromString(base64.b64decode(answer))
        except (DecodeError, ValueError) as error:
            raise InvocationError(name, f"ValueError: {trigger} answered what is not a {response.__name__}") from error

    async def _run_activity(self, activity: Activity) -> None:
        if self._twice[activity.name] > 0:
            self._twice[activity.name] -= 1
            await asyncio.gather(self._deliver(activity), self._deliver(activity))
        else:
            await self._deliver(activity)

    async def _deliver(self, activity: Activity) -> None:
        function = self._functions.get((_ACTIVITY, activity.name))
        # The extension reports the call of an unknown activity without a type or a message.
        outcome: str | pb.TaskFailureDetails = pb.TaskFailureDetails()
        try:
            if function is not None:
                outcome = await self._invoker.result(function, {"string": activity.input or ""})
        except WorkerDiedError as died:
            if self._backend.faults.requeue_lost_activities:
                self._backend.abandon_activity(activity)
                return
            outcome = failures.of_lost_invocation(function.name if function else "", died)
        except InvocationError as error:
            outcome = failures.of_activity(error)
            _check_storable(activity.name, outcome)
        self._backend.complete_activity(activity, outcome)


def _check_storable(name: str, details: pb.TaskFailureDetails) -> None:
    if not failures.storable(details):
        raise HostError(f"The extension would try for ever to store how {name} failed: it takes more than 64 KB.")


def _too_large(orchestrator: str, size: int) -> InvocationError:
    text = f"CustomStatus is too large: limit = 16 KB (UTF-16), actual = {size / 1024:.2f} KB."
    return InvocationError(orchestrator, f"System.ArgumentException: {text}")


def _failed_turn(output: str) -> pb.OrchestratorResponse:
    action = helpers.new_complete_orchestration_action(-1, pb.ORCHESTRATION_STATUS_FAILED, output)
    return pb.OrchestratorResponse(actions=[action])


def _failed_batch(batch: EntityBatch, details: pb.TaskFailureDetails) -> pb.EntityBatchResult:
    failure = pb.OperationResult(failure=pb.OperationResultFailure(failureDetails=details))
    return pb.EntityBatchResult(results=[failure for _ in batch.operations], entityState=batch.request.entityState)
