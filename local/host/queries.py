"""Runs and entities as durable clients see them: what Azure Storage keeps of them, in its order, page by page."""

import base64
import binascii
import itertools
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
from durabletask.internal import helpers
from durabletask.testing.in_memory_backend import OrchestrationInstance

from local.host.engine_server import EngineServer
from local.host.entity_events import as_the_host_sends

# Azure Tables rejects a larger page, and the extension reports any exception of its own in these words.
_MOST_ROWS = 1000
_UNEXPECTED = "Exception was thrown by handler."
_ENTITY_PAGE = 100


class TaskHubQueries(EngineServer):
    """The engine's read requests, answered as the Durable Functions extension answers them."""

    def QueryInstances(  # noqa: N802 - the service's name
        self, request: pb.QueryInstancesRequest, context: Any
    ) -> pb.QueryInstancesResponse:
        """Return one page of runs, in the order of their ids. A page size of 0, or none, gives an empty page.

        Outputs and custom statuses are always included: the extension leaves out only inputs.
        """
        query = request.query
        everything = pb.QueryInstancesRequest()
        everything.CopyFrom(request)
        everything.query.maxInstanceCount = 0
        everything.query.ClearField("continuationToken")
        everything.query.fetchInputsAndOutputs = True
        with self._lock:
            states = super().QueryInstances(everything, context).orchestrationState
            for state in states:
                _as_stored(state, self._instances[state.instanceId])
                if not query.fetchInputsAndOutputs:
                    state.ClearField("input")
        page, token = _page(states, query.maxInstanceCount, query.continuationToken.value, context)
        return pb.QueryInstancesResponse(
            orchestrationState=page, continuationToken=helpers.get_string_value(token or None)
        )

    def QueryEntities(self, request: pb.QueryEntitiesRequest, context: Any) -> pb.QueryEntitiesResponse:  # noqa: N802 - the service's name
        """Return one page of entities, in the order of their ids. A page size of 0 gives an empty page."""
        query = request.query
        everything = pb.QueryEntitiesRequest()
        everything.CopyFrom(request)
        everything.query.ClearField("pageSize")
        everything.query.ClearField("continuationToken")
        everything.query.includeTransient = True
        with self._lock:
            found = super().QueryEntities(everything, context).entities
            entities = [
                entity
                for entity in found
                if query.includeTransient or self._entities[entity.instanceId].serialized_state is not None
            ]
        size = query.pageSize.value if query.HasField("pageSize") else _ENTITY_PAGE
        page, token = _page(entities, size, query.continuationToken.value, context)
        return pb.QueryEntitiesResponse(entities=page, continuationToken=helpers.get_string_value(token or None))

    def GetEntity(self, request: pb.GetEntityRequest, context: Any) -> pb.GetEntityResponse:  # noqa: N802 - the service's name
        """Return an entity; one without a state does not exist."""
        with self._lock:
            entity = self._entities.get(request.instanceId)
            if entity is None or entity.serialized_state is None:
                return pb.GetEntityResponse(exists=False)
            return super().GetEntity(request, context)

    def StreamInstanceHistory(  # noqa: N802 - the service's name
        self, request: pb.StreamInstanceHistoryRequest, context: Any
    ) -> Iterator[pb.HistoryChunk]:
        """Yield a run's history, with entity messages as orchestrators see them."""
        for chunk in super().StreamInstanceHistory(request, context):
            yield pb.HistoryChunk(events=as_the_host_sends(chunk.events))

    def _build_instance_response(
        self,
        instance: OrchestrationInstance,
        include_payloads: bool,  # noqa: FBT001 - the engine's signature
    ) -> pb.GetInstanceResponse:
        response = super()._build_instance_response(instance, include_payloads)
        _as_stored(response.orchestrationState, instance)
        if not include_payloads:
            for payload in ("input", "output", "customStatus"):
                response.orchestrationState.ClearField(payload)
        return response


def _as_stored(state: pb.OrchestrationState, instance: OrchestrationInstance) -> None:
    """Leave what the table of instances has columns for: a failure is only text, in the output."""
    if state.HasField("failureDetails"):
        failure = state.failureDetails
        state.output.value = f"{failure.errorType}: {failure.errorMessage}"
        state.ClearField("failureDetails")
    # The extension writes the custom status with every turn, JSON's null if there is none.
    if instance.custom_status is not None:
        state.customStatus.value = instance.custom_status or "null"


def _page[Row: (pb.OrchestrationState, pb.EntityMetadata)](
    rows: Iterable[Row], size: int, token: str, context: Any
) -> tuple[list[Row], str]:
    """Return a page in the order of ids, and the token of the next one, which is the id that it begins with."""
    if not 0 <= size <= _MOST_ROWS:
        context.abort(grpc.StatusCode.UNKNOWN, _UNEXPECTED)
    try:
        first = base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return [], ""
    waiting = iter(sorted((row for row in rows if row.instanceId >= first), key=attrgetter("instanceId")))
    page = list(itertools.islice(waiting, size))
    following = next(waiting, None)
    return page, "" if following is None else base64.b64encode(following.instanceId.encode()).decode()
