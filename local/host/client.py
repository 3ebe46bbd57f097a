"""The durable engine for tests and the command line: what a person would do and see in Durable Functions Monitor."""

import asyncio
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.internal import helpers
from google.protobuf import text_format  # type: ignore[import-untyped]  # stubs are a package of their own

from local.host.backend import DurableBackend
from local.host.engine_server import IN_PROCESS
from local.host.errors import EngineError

_POLL_SECONDS = 0.01


class RuntimeStatus(StrEnum):
    """The status of an instance, as Durable Functions spells it."""

    RUNNING = "Running"
    COMPLETED = "Completed"
    FAILED = "Failed"
    TERMINATED = "Terminated"
    PENDING = "Pending"
    SUSPENDED = "Suspended"


_STATUS = {getattr(pb, f"ORCHESTRATION_STATUS_{status.name}"): status for status in RuntimeStatus}
_STATUS[pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW] = RuntimeStatus.RUNNING
_FINISHED = frozenset({RuntimeStatus.COMPLETED, RuntimeStatus.FAILED, RuntimeStatus.TERMINATED})


@dataclass(frozen=True)
class Instance:
    """An instance as it stands.

    :ivar input: the JSON input of its latest generation, decoded; likewise ``output`` and ``custom_status``.
    :ivar output: of a failed instance ``"<error type>: <error message>"``, as Azure Storage shows it.
    :ivar error_type: the type of the failure; empty if it has not failed. Likewise ``error_message``.
    """

    instance_id: str
    name: str
    status: RuntimeStatus
    input: Any
    output: Any
    custom_status: Any
    created_at: datetime
    last_updated_at: datetime
    error_type: str = ""
    error_message: str = ""

    @property
    def finished(self) -> bool:
        """Whether it will not run on by itself."""
        return self.status in _FINISHED


class DurableClient:
    """Asks the engine directly, in this process.

    Requests that the engine refuses raise :class:`local.host.errors.EngineError`.

    :param check: raises if the host cannot make progress any more.
    """

    def __init__(self, backend: DurableBackend, check: Callable[[], None]) -> None:
        self._backend = backend
        self._check = check

    def start(self, name: str, payload: Any = None, instance_id: str | None = None) -> str:
        """Start an orchestration with a JSON-serialisable input and return its id.

        :raises EngineError: ``ALREADY_EXISTS``, an instance with the id is running.
        """
        request = pb.CreateInstanceRequest(
            instanceId=instance_id or uuid4().hex, name=name, input=helpers.get_string_value(json.dumps(payload))
        )
        return self._backend.StartInstance(request, IN_PROCESS).instanceId

    def get_instance(self, instance_id: str) -> Instance | None:
        """Return an instance, or None if there is none."""
        request = pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=True)
        response = self._backend.GetInstance(request, IN_PROCESS)
        return _instance(response.orchestrationState) if response.exists else None

    def query(self, prefix: str = "", statuses: Collection[RuntimeStatus] = ()) -> list[Instance]:
        """Return the instances whose ids begin with a prefix and that have one of the statuses, oldest first."""
        query = pb.InstanceQuery(fetchInputsAndOutputs=True)
        if prefix:
            query.instanceIdPrefix.value = prefix
        response = self._backend.QueryInstances(pb.QueryInstancesRequest(query=query), IN_PROCESS)
        instances = [_instance(state) for state in response.orchestrationState]
        return [instance for instance in instances if not statuses or instance.status in statuses]

    async def wait_for(self, instance_id: str, timeout: float = 30.0) -> Instance:  # noqa: ASYNC109 - the caller's words
        """Wait until an instance has finished.

        :raises TimeoutError: it has not, within ``timeout`` seconds.
        :raises HostError: it never will: the host is broken.
        """
        status = None
        try:
            async with asyncio.timeout(timeout):
                while (status := self._status(instance_id)) not in _FINISHED:
                    self._check()
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise TimeoutError(f"{instance_id} is {status or 'unknown'} after {timeout} s") from None
        instance = self.get_instance(instance_id)
        assert instance is not None
        return instance

    def _status(self, instance_id: str) -> RuntimeStatus | None:
        # Without inputs and outputs: they may be megabytes, and are the same at every poll.
        response = self._backend.GetInstance(pb.GetInstanceRequest(instanceId=instance_id), IN_PROCESS)
        return _STATUS[response.orchestrationState.orchestrationStatus] if response.exists else None

    def terminate(self, instance_id: str, reason: str = "") -> None:
        """Terminate an instance; its children run on, as in Azure."""
        output = helpers.get_string_value(json.dumps(reason))
        self._backend.TerminateInstance(pb.TerminateRequest(instanceId=instance_id, output=output), IN_PROCESS)

    def restart(self, instance_id: str, *, new_id: bool = False) -> str:
        """Start a finished instance again with the same input and return the id of the new run."""
        request = pb.RestartInstanceRequest(instanceId=instance_id, restartWithNewInstanceId=new_id)
        return self._backend.RestartInstance(request, IN_PROCESS).instanceId

    def backdate(self, instance_id: str, by: timedelta) -> None:
        """Let an instance have begun and ended so much earlier, for what only happens after days."""
        self._backend.backdate(instance_id, by)

    def raise_event(self, instance_id: str, name: str, payload: Any = None) -> None:
        """Raise an external event."""
        data = helpers.get_string_value(json.dumps(payload))
        self._backend.RaiseEvent(pb.RaiseEventRequest(instanceId=instance_id, name=name, input=data), IN_PROCESS)

    def history(self, instance_id: str) -> list[pb.HistoryEvent]:
        """Return the events of an instance's latest generation.

        :raises EngineError: ``NOT_FOUND``.
        """
        request = pb.StreamInstanceHistoryRequest(instanceId=instance_id)
        return [event for chunk in self._backend.StreamInstanceHistory(request, IN_PROCESS) for event in chunk.events]

    def entity_state(self, name: str, key: str) -> Any:
        """Return an entity's state, decoded, or None if it has none."""
        return self.entities().get(f"@{name.lower()}@{key}")

    def entities(self) -> dict[str, Any]:
        """Return the state of every entity that has one, by ``@name@key``."""
        query = pb.EntityQuery(includeState=True, includeTransient=True)
        response = self._backend.QueryEntities(pb.QueryEntitiesRequest(query=query), IN_PROCESS)
        return {
            entity.instanceId: _decoded(entity.serializedState.value)
            for entity in response.entities
            if entity.serializedState.value
        }

    def signal_entity(self, name: str, key: str, operation: str, payload: Any = None) -> None:
        """Send an entity an operation without waiting for it."""
        data = helpers.get_string_value(json.dumps(payload))
        request = pb.SignalEntityRequest(
            instanceId=f"@{name.lower()}@{key}", name=operation, input=data, requestId=uuid4().hex
        )
        self._backend.SignalEntity(request, IN_PROCESS)

    def dump(self) -> str:
        """Return all that the engine holds as text: instances, their histories and failures, entities' states."""
        lines = [f"{entity}: {json.dumps(state, ensure_ascii=False)}" for entity, state in self.entities().items()]
        for instance in self.query():
            lines.append(repr(instance))
            try:
                events = self.history(instance.instance_id)
            except EngineError:  # purged meanwhile
                continue
            lines.extend(text_format.MessageToString(event, as_utf8=True, as_one_line=True) for event in events)
        return "\n".join(lines)


def _decoded(text: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _instance(state: pb.OrchestrationState) -> Instance:
    failure = state.failureDetails
    failed = state.HasField("failureDetails")
    return Instance(
        instance_id=state.instanceId,
        name=state.name,
        status=_STATUS[state.orchestrationStatus],
        input=_decoded(state.input.value),
        output=f"{failure.errorType}: {failure.errorMessage}" if failed else _decoded(state.output.value),
        custom_status=_decoded(state.customStatus.value),
        created_at=state.createdTimestamp.ToDatetime(tzinfo=UTC),
        last_updated_at=state.lastUpdatedTimestamp.ToDatetime(tzinfo=UTC),
        error_type=failure.errorType,
        error_message=failure.errorMessage,
    )
