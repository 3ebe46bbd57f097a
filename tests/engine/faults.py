"""The means to make an engine repeat work."""

from typing import Protocol

from local.extension.table_proxy import TableProxy, TableRequest


class Faults(Protocol):
    """What a test requests of an engine. Each happens once."""

    @property
    def pending(self) -> int:
        """How many requested faults have not happened."""

    def answer_before_state(self, entity: str, key: str) -> None:
        """Send the answers of the entity's next batch, lose its state, and run the batch again."""

    def run_turn_twice(self, instance_id: str) -> None:
        """Send the messages of the instance's next turn, lose its history, and run the turn again."""

    def start_at_once(self, instance_id: str, requests: int) -> None:
        """Treat the next requests to start that instance as if all came at the same moment."""


class StorageFaults:
    """Faults of the Durable extension: its messages have left when the table rejects what it would store."""

    def __init__(self, proxy: TableProxy) -> None:
        self._partitions: set[str] = set()
        proxy.refuses = self._refuses
        proxy.refusal = 412

    @property
    def pending(self) -> int:
        """How many writes are still to be rejected."""
        return len(self._partitions)

    def answer_before_state(self, entity: str, key: str) -> None:
        """Reject the entity's next write."""
        self._partitions.add(f"@{entity.lower()}@{key}")

    def run_turn_twice(self, instance_id: str) -> None:
        """Reject the instance's next write."""
        self._partitions.add(instance_id)

    def start_at_once(self, instance_id: str, requests: int) -> None:
        """Do nothing: requests that overlap are enough."""

    def _refuses(self, asked: TableRequest) -> bool:
        if asked.written not in self._partitions:
            return False
        self._partitions.discard(asked.written)
        return True
