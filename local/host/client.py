"""The durable engine for tests and the command line: what a person would do and see in Durable Functions Monitor."""

import asyncio
import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.internal import helpers
from google.protobuf import text_format  # type: ignore[import-untyped]  # stubs are a package of their own

from local.host.engine import Engine
from local.host.errors import EngineError
from local.patience import within

# The most that Azure Tables returns at once is 1,000; with inputs and outputs a page must fit into a message of 4 MB.
_PAGE = 100


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
    """Asks the engine directly, past the app.

    Requests that the engine refuses raise :class:`local.host.errors.EngineError`.

    :param check: raises if the host cannot make progress any more.
    """

    def __init__(self, engine: Engine, check: Callable[[], None]) -> None:
        self._engine = engine
        self._check = check

    @property
    def _service(self) -> Any:
        # Another one once the instance that served it is lost.
        return self._engine.service

    def start(self, name: str, payload: Any = None, instance_id: str | None = None) -> str:
        """Start an orchestration with a JSON-serialisable input and return its id.

        :raises EngineError: ``ALREADY_EXISTS``, an instance with the id is running.
        """
        request = pb.CreateInstanceRequest(
            instanceId=instance_id or uuid4().hex, name=name, input=helpers.get_string_value(json.dumps(payload))
        )
        return self._service.StartInstance(request).instanceId

    def get_instance(self, instance_id: str) -> Instance | None:
        """Return an instance, or None if there is none."""
        request = pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=True)
        response = self._service.GetInstance(request)
        return _instance(response.orchestrationState) if response.exists else None

    def query(self, prefix: str = "", statuses: Collection[RuntimeStatus] = ()) -> list[Instance]:
        """Return the instances whose ids begin with a prefix and that have one of the statuses, oldest first."""
        query = pb.InstanceQuery(fetchInputsAndOutputs=True, maxInstanceCount=_PAGE)
        # Leaves out a row without a time: an instance of the host was lost while it wrote it, and no query can read it.
        query.createdTimeFrom.FromSeconds(0)
        if prefix:
            query.instanceIdPrefix.value = prefix
        pages = _pages(query, lambda: self._service.QueryInstances(pb.QueryInstancesRequest(query=query)))
        instances = [_instance(state) for page in pages for state in page.orchestrationState]
        found = [instance for instance in instances if not statuses or instance.status in statuses]
        return sorted(found, key=lambda instance: instance.created_at)

    async def wait_for(self, instance_id: str, timeout: float = 60.0) -> Instance:  # noqa: ASYNC109 - the caller's words
        """Wait until an instance has finished.

        :raises TimeoutError: it has not, within ``timeout`` seconds, scaled by this machine's speed.
        :raises HostError: it never will: the host is broken.
        """
        status, limit = None, within(timeout * self._engine.slowness)
        try:
            async with asyncio.timeout(limit):
                while (status := self._status(instance_id)) not in _FINISHED:
                    self._check()
                    await asyncio.sleep(self._engine.look_seconds)
        except TimeoutError:
            raise TimeoutError(f"{instance_id} is {status or 'unknown'} after {limit:.0f} s") from None
        instance = self.get_instance(instance_id)
        assert instance is not None
        return instance

    def _status(self, instance_id: str) -> RuntimeStatus | None:
        # Without inputs and outputs: they may be megabytes, and are the same at every poll.
        response = self._service.GetInstance(pb.GetInstanceRequest(instanceId=instance_id))
        return _STATUS[response.orchestrationState.orchestrationStatus] if response.exists else None

    def terminate(self, instance_id: str, reason: str = "") -> None:
        """Terminate an instance; its children run on, as in Azure."""
        output = helpers.get_string_value(json.dumps(reason))
        self._service.TerminateInstance(pb.TerminateRequest(instanceId=instance_id, output=output))

    def restart(self, instance_id: str, *, new_id: bool = False) -> str:
        """Start a finished instance again with the same input and return the id of the new run."""
        request = pb.RestartInstanceRequest(instanceId=instance_id, restartWithNewInstanceId=new_id)
        return self._service.RestartInstance(request).instanceId

    def backdate(self, instance_id: str, by: timedelta) -> None:
        """Let an instance have begun and ended so much earlier, for what only happens after days."""
        self._engine.backdate(instance_id, by)

    def history(self, instance_id: str) -> list[pb.HistoryEvent]:
        """Return the events of an instance's latest generation.

        :raises EngineError: ``NOT_FOUND``.
        """
        request = pb.StreamInstanceHistoryRequest(instanceId=instance_id)
        return [event for chunk in self._service.StreamInstanceHistory(request) for event in chunk.events]

    def entity_state(self, name: str, key: str) -> Any:
        """Return an entity's state, decoded, or None if it has none."""
        return self.entities().get(f"@{name.lower()}@{key}")

    def entities(self) -> dict[str, Any]:
        """Return the state of every entity that has one, by ``@name@key``."""
        query = pb.EntityQuery(includeState=True, includeTransient=True)
        query.pageSize.value = _PAGE
        pages = _pages(query, lambda: self._service.QueryEntities(pb.QueryEntitiesRequest(query=query)))
        return {
            entity.instanceId: _decoded(entity.serializedState.value)
            for page in pages
            for entity in page.entities
            if entity.serializedState.value
        }

    def signal_entity(self, name: str, key: str, operation: str, payload: Any = None) -> None:
        """Send an entity an operation without waiting for it."""
        data = helpers.get_string_value(json.dumps(payload))
        request = pb.SignalEntityRequest(
            instanceId=f"@{name.lower()}@{key}", name=operation, input=data, requestId=uuid4().hex
        )
        self._service.SignalEntity(request)

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


def _pages(query: Any, ask: Callable[[], Any]) -> Iterator[Any]:
    """Yield page after page of a query, to the end."""
    while True:
        page = ask()
        yield page
        if page.continuationToken.value in ("", "0"):
            return
        query.continuationToken.value = page.continuationToken.value


def _decoded(text: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _instance(state: pb.OrchestrationState) -> Instance:
    output = _decoded(state.output.value)
    error_type, error_message = "", ""
    if state.orchestrationStatus == pb.ORCHESTRATION_STATUS_FAILED:
        # Azure Storage keeps no failure details of a run: their text is its output.
        text = _failure_text(state)
        error_type, _, error_message = text.partition(": ")
        output = text
    return Instance(
        instance_id=state.instanceId,
        name=state.name,
        status=_STATUS[state.orchestrationStatus],
        input=_decoded(state.input.value),
        output=output,
        custom_status=_decoded(state.customStatus.value),
        created_at=state.createdTimestamp.ToDatetime(tzinfo=UTC),
        last_updated_at=state.lastUpdatedTimestamp.ToDatetime(tzinfo=UTC),
        error_type=error_type,
        error_message=error_message,
    )


def _failure_text(state: pb.OrchestrationState) -> str:
    failure = state.failureDetails
    return f"{failure.errorType}: {failure.errorMessage}" if state.HasField("failureDetails") else state.output.value
