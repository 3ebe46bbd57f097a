"""What the durable engine gives the worker to do."""

from dataclasses import dataclass

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.testing.in_memory_backend import ActivityWorkItem


@dataclass(frozen=True)
class Turn:
    """One turn of an orchestrator: its history, and what is new."""

    name: str
    token: str
    request: pb.OrchestratorRequest


@dataclass(frozen=True)
class EntityBatch:
    """The operations that wait for one entity."""

    name: str
    token: str
    request: pb.EntityBatchRequest
    operations: tuple[pb.OperationInfo, ...]


@dataclass
class Activity(ActivityWorkItem):
    """One call of an activity, bound to the execution that scheduled it."""

    execution: str = ""

    @property
    def call(self) -> tuple[int, int]:
        """What tells this call from every other; a retry has the same task id but another turn's token."""
        return self.completion_token, self.task_id
