"""What Azure Storage may do to an app and the in-memory engine does only when a test requests it."""

from collections import Counter


class EngineFaults:
    """The faults that a test requests. Each is used up when it happens, except the first.

    :ivar requeue_lost_activities: whether an activity of a dead worker goes back into the queue, as the script host may
        do it. Otherwise its call fails, as the Durable Functions extension does it.
    """

    def __init__(self) -> None:
        self.requeue_lost_activities = False
        self._states: Counter[str] = Counter()
        self._turns: Counter[str] = Counter()
        self._starts: Counter[str] = Counter()

    def answer_before_state(self, entity: str, key: str) -> None:
        """Send the answers of the entity's next batch, lose its state, and run the batch again from the old state."""
        self._states[f"@{entity.lower()}@{key}"] += 1

    def run_turn_twice(self, instance_id: str) -> None:
        """Send the messages of the instance's next turn, lose its history, and run the turn again.

        The messages are those to activities, timers, entities and children; an orchestration's end is no message here.
        """
        self._turns[instance_id] += 1

    def start_at_once(self, instance_id: str, requests: int) -> None:
        """Answer the next requests to start that instance as if all came at the same moment: each is accepted."""
        self._starts[instance_id] = requests

    @property
    def pending(self) -> int:
        """How many requested faults have not happened."""
        return sum(fault.total() for fault in (self._states, self._turns, self._starts))

    def takes_state(self, entity_id: str) -> bool:
        """Whether the state of this batch is lost."""
        return _use(self._states, entity_id)

    def takes_history(self, instance_id: str) -> bool:
        """Whether the history of this turn is lost."""
        return _use(self._turns, instance_id)

    def takes_start(self, instance_id: str, *, exists: bool) -> bool:
        """Whether this request to start an instance is accepted without effect."""
        return _use(self._starts, instance_id) and exists


def _use(requested: Counter[str], name: str) -> bool:
    if requested[name] <= 0:
        return False
    requested[name] -= 1
    return True
