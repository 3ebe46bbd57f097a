"""Durable Functions on Azure Storage on Flex Consumption, simulated: instances, partitions, slots and CPU.

Nothing in it knows what runs: actors (orchestrations and entities) answer messages with more messages, activities take
a while, and the hub says when. It is deterministic and has no clock but its own. What it follows:

- A message to an actor goes through the control queue of the actor's partition, and a partition belongs to one
  instance. An actor has one turn at a time, which takes all its messages that have been fetched.
- An instance fetches up to 32 messages at a time. Once it holds as many as `controlQueueBufferThreshold`, all that
  their turns have not dealt with, it looks again a second later (DurableTask.AzureStorage, ControlQueue).
- A turn holds one of `maxConcurrentOrchestratorFunctions` slots, an entity's too, while its history is read, while it
  computes and while what it decided is written; an activity holds one of `maxConcurrentActivityFunctions`.
- An instance has one core; what computes on it does so one after the other.
- What waits makes the platform add instances, one at a time, up to a limit.

Left out: that idle queues are looked at less and less often, that messages are delivered twice, cold starts, and what
the Functions host itself, which shares the instance with the worker, computes.
"""

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final, Protocol

from benchmarks.scaling.platform import HubSettings, StorageTimes

# Azure Queue storage gives no more at a time.
FETCH: Final = 32
PAUSE_SECONDS: Final = 1.0
# An instance is added while something has waited for longer than this.
TOO_LONG_SECONDS: Final = 1.0


@dataclass(slots=True)
class Turn:
    """What an actor's turn costs and decides: CPU seconds, events replayed, and what is sent, in order, when done."""

    cpu: float
    history: int = 0
    sends: Sequence[Callable[[], None]] = ()


@dataclass(slots=True)
class Activity:
    """A call that waits for the network, then computes; `began` and `ended` are called when it begins and has ended."""

    wait: float
    cpu: float
    ended: Callable[[], None]
    began: Callable[[], None] = lambda: None


class Actor(Protocol):
    """An orchestration or an entity; `partition` is any number, the hub takes it modulo its own."""

    partition: int

    def turn(self, messages: int) -> Turn:
        """Deal with so many messages."""


@dataclass(slots=True)
class Inbox:
    """An actor's messages that were fetched, as the instances that hold them."""

    actor: Actor
    held_by: list["Instance"] = field(default_factory=list)
    queued: bool = False


@dataclass(slots=True)
class Instance:
    """One instance: its free slots, when its core is free, and for how long each was used."""

    free_activities: int
    free_turns: int
    since: float
    held: int = 0
    core_free_at: float = 0.0
    ready: deque[Inbox] = field(default_factory=deque)
    cpu: float = 0.0
    turn_seconds: float = 0.0
    activity_seconds: float = 0.0
    paused_seconds: float = 0.0

    def compute(self, now: float, seconds: float) -> float:
        """Compute when the core is free; return when that is over."""
        self.core_free_at = max(now, self.core_free_at) + seconds
        self.cpu += seconds
        return self.core_free_at


@dataclass(slots=True)
class Partition:
    """One control queue: when each of its messages was sent, and to whom."""

    messages: deque[tuple[float, Actor]] = field(default_factory=deque)
    looking: bool = False


class Hub:
    """A task hub and the instances that serve it; for how long one actor had turns, `watched`, it keeps count of."""

    def __init__(self, settings: HubSettings, storage: StorageTimes) -> None:
        self.now = 0.0
        self.settings, self.storage = settings, storage
        self.partitions = [Partition() for _ in range(settings.partitions)]
        self.instances = [self._instance() for _ in range(settings.instances)]
        self.watched: Actor | None = None
        self.watched_seconds = 0.0
        self._work: deque[tuple[float, Activity]] = deque()
        self._inboxes: dict[int, Inbox] = {}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do something at a time."""
        heapq.heappush(self._events, (when, next(self._order), action))

    def run(self, limit: float) -> None:
        """Run until nothing is left to do, or so much time is over."""
        self.at(self.settings.scale_out_seconds, self._scale)
        while self._events and self._events[0][0] <= limit:
            self.now, _, action = heapq.heappop(self._events)
            action()

    def send(self, actor: Actor) -> None:
        """Send an actor a message."""
        self.at(self.now + self.storage.message, lambda: self._arrive(actor))

    def call(self, activity: Activity) -> None:
        """Call an activity."""
        self.at(self.now + self.storage.message, lambda: self._queue_work(activity))

    def _instance(self) -> Instance:
        return Instance(self.settings.activities, self.settings.orchestrators, self.now)

    def _owner(self, number: int) -> Instance:
        return self.instances[number % self._owners]

    @property
    def _owners(self) -> int:
        return min(len(self.instances), len(self.partitions))

    def _arrive(self, actor: Actor) -> None:
        number = actor.partition % len(self.partitions)
        partition = self.partitions[number]
        partition.messages.append((self.now, actor))
        if not partition.looking:
            partition.looking = True
            self._look(number)

    def _look(self, number: int) -> None:
        partition, owner = self.partitions[number], self._owner(number)
        partition.looking = bool(partition.messages)
        if not partition.looking:
            return
        if owner.held >= self.settings.buffer:
            owner.paused_seconds += PAUSE_SECONDS * self._owners / len(self.partitions)
            self.at(self.now + PAUSE_SECONDS, lambda: self._look(number))
            return
        for _ in range(min(FETCH, len(partition.messages))):
            _, actor = partition.messages.popleft()
            inbox = self._inboxes.setdefault(id(actor), Inbox(actor))
            inbox.held_by.append(owner)
            owner.held += 1
            if not inbox.queued:
                inbox.queued = True
                owner.ready.append(inbox)
        self._start_turns(owner)
        self.at(self.now + self.storage.message, lambda: self._look(number))

    def _start_turns(self, instance: Instance) -> None:
        while instance.ready and instance.free_turns:
            inbox = instance.ready.popleft()
            held, inbox.held_by = inbox.held_by, []
            instance.free_turns -= 1
            self._run_turn(instance, inbox, inbox.actor.turn(len(held)), held)

    def _run_turn(self, instance: Instance, inbox: Inbox, turn: Turn, held: list[Instance]) -> None:
        began = self.now

        def compute() -> None:
            computed = instance.compute(self.now, turn.cpu)
            for number, send in enumerate(turn.sends, 1):
                self.at(computed + number * self.storage.start, send)
            self.at(computed + len(turn.sends) * self.storage.start, end)

        def end() -> None:
            for holder in held:
                holder.held -= 1
            instance.turn_seconds += self.now - began
            if inbox.actor is self.watched:
                self.watched_seconds += self.now - began
            instance.free_turns += 1
            inbox.queued = bool(inbox.held_by)
            if inbox.queued:
                instance.ready.append(inbox)
            self._start_turns(instance)

        # Only then, because others may take the core while this turn's history is read.
        self.at(began + self.storage.of_turn(len(held), turn.history), compute)

    def _queue_work(self, activity: Activity) -> None:
        self._work.append((self.now, activity))
        self._start_work()

    def _start_work(self) -> None:
        while self._work:
            instance = max(self.instances, key=lambda one: one.free_activities)
            if not instance.free_activities:
                return
            self._run_activity(instance, self._work.popleft()[1])

    def _run_activity(self, instance: Instance, activity: Activity) -> None:
        began = self.now
        instance.free_activities -= 1
        activity.began()

        def end() -> None:
            instance.activity_seconds += self.now - began
            instance.free_activities += 1
            activity.ended()
            self._start_work()

        self.at(began + activity.wait, lambda: self.at(instance.compute(self.now, activity.cpu), end))

    def _scale(self) -> None:
        if not self._events:
            return  # all is done
        oldest = [partition.messages[0][0] for partition in self.partitions if partition.messages]
        oldest += [self._work[0][0]] if self._work else []
        waits = any(self.now - sent > TOO_LONG_SECONDS for sent in oldest)
        if waits and len(self.instances) < self.settings.most_instances:
            self.instances.append(self._instance())
            self._start_work()
        self.at(self.now + self.settings.scale_out_seconds, self._scale)
