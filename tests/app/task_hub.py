"""A task hub in memory that counts the rows it goes through and returns, as a client's stub and its public methods."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from durabletask.client import OrchestrationState, OrchestrationStatus, parse_orchestration_state
from durabletask.entities import EntityInstanceId
from durabletask.entities.entity_metadata import EntityMetadata
from durabletask.internal import orchestrator_service_pb2 as pb
from durabletask.serialization import DEFAULT_DATA_CONVERTER
from google.protobuf import timestamp_pb2, wrappers_pb2

# Azure Tables returns no more rows at once, and refuses to be asked for more.
LARGEST_PAGE = 1_000


@dataclass
class CountingHub:
    """Runs and entities by id, and the rows and requests that were read.

    Attributes:
        scanned: the rows that Azure Tables would go through, where only the id is indexed, also those that a filter on
            the status leaves out.

    """

    runs: dict[str, pb.OrchestrationState] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    scanned: int = 0
    requests: int = 0
    _data_converter: Any = DEFAULT_DATA_CONVERTER

    def add_run(
        self, instance_id: str, name: str, status: OrchestrationStatus, at: datetime, *, output: str = "", **more: str
    ) -> None:
        """Add a run; `more` are its input and custom status, as JSON."""
        time = timestamp_pb2.Timestamp()
        time.FromDatetime(at)
        texts = {key: wrappers_pb2.StringValue(value=value) for key, value in {"output": output, **more}.items()}
        self.runs[instance_id] = pb.OrchestrationState(
            instanceId=instance_id,
            name=name,
            orchestrationStatus=status.value,
            createdTimestamp=time,
            lastUpdatedTimestamp=time,
            **texts,
        )

    def _get_stub(self) -> Any:
        return SimpleNamespace(QueryInstances=self._query_instances, QueryEntities=self._query_entities)

    async def _query_instances(self, request: pb.QueryInstancesRequest) -> pb.QueryInstancesResponse:
        query = request.query
        prefix = query.instanceIdPrefix.value
        assert prefix, "the whole hub would be read"
        statuses = set(query.runtimeStatus)
        under = self._names(self.runs, prefix)
        self.scanned += 0 if query.continuationToken.value else len(under)
        found = [name for name in under if not statuses or self.runs[name].orchestrationStatus in statuses]
        names, token = self._page(found, query.maxInstanceCount, query.continuationToken.value)
        page = [self.runs[name] for name in names]
        if not query.fetchInputsAndOutputs:
            page = [self._without_details(run) for run in page]
        return pb.QueryInstancesResponse(orchestrationState=page, continuationToken=token)

    async def _query_entities(self, request: pb.QueryEntitiesRequest) -> pb.QueryEntitiesResponse:
        query = request.query
        prefix = query.instanceIdStartsWith.value
        assert prefix
        found = self._names(self.states, prefix)
        names, token = self._page(found, query.pageSize.value, query.continuationToken.value)
        page = [
            pb.EntityMetadata(instanceId=name, serializedState=wrappers_pb2.StringValue(value=self.states[name]))
            for name in names
        ]
        return pb.QueryEntitiesResponse(entities=page, continuationToken=token)

    @staticmethod
    def _names(of: Iterable[str], prefix: str) -> list[str]:
        return sorted(name for name in of if name.startswith(prefix))

    def _page(self, found: list[str], size: int, token: str) -> tuple[list[str], wrappers_pb2.StringValue]:
        assert 0 < size <= LARGEST_PAGE
        first = int(token or 0)
        page = found[first : first + size]
        self.requests += 1
        self.rows += len(page)
        more = str(first + size) if first + size < len(found) else ""
        return page, wrappers_pb2.StringValue(value=more)

    @staticmethod
    def _without_details(run: pb.OrchestrationState) -> pb.OrchestrationState:
        copy = pb.OrchestrationState()
        copy.CopyFrom(run)
        copy.ClearField("input")
        copy.ClearField("output")
        return copy

    async def get_orchestration_state(self, instance_id: str) -> OrchestrationState | None:
        """Get one run."""
        self.requests += 1
        run = self.runs.get(instance_id)
        if run is None:
            return None
        self.rows += 1
        return parse_orchestration_state(run, self._data_converter)

    async def get_entity(self, entity_id: EntityInstanceId) -> EntityMetadata | None:
        """Get one entity."""
        self.requests += 1
        state = self.states.get(str(entity_id))
        if state is None:
            return None
        self.rows += 1
        metadata = pb.EntityMetadata(instanceId=str(entity_id), serializedState=wrappers_pb2.StringValue(value=state))
        return EntityMetadata.from_entity_metadata(metadata, True, self._data_converter)  # noqa: FBT003  # the SDK's
