"""A poll of many accounts as work for the simulated hub: the same steps as in `orchestrators/`, with measured costs."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from typing import Final
from zlib import crc32

from benchmarks.pages import PAGE_EVENTS, STREAMS
from benchmarks.scaling.costs import PollCosts
from benchmarks.scaling.platform import HubSettings, Remotes, StorageTimes
from benchmarks.scaling.scheduler import Activity, Hub, Turn
from onepassword_sentinel.payloads import Pacing

# What a turn adds to a history beside messages and actions: when it began, and that it ended.
TURN_EVENTS: Final = 2
MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Workload:
    """What a poll finds; `group` accounts share an orchestration between the poll and its streams, 0: none is between.

    `transfer_pages` and `transfer_seconds` end an activity, whichever is reached first. What the app could do: with
    `reads_one_token` a transfer's cost does not grow with the number of accounts, with `commit_releases` the last
    commit gives the stream back, with `reports_together` the poll reports for all of its streams in one request.
    """

    accounts: int
    events: int = 0
    group: int = 0
    transfer_pages: int = Pacing().transfer_pages
    transfer_seconds: float = Pacing().transfer_seconds
    reads_one_token: bool = False
    commit_releases: bool = False
    reports_together: bool = False

    @property
    def pages(self) -> int:
        """How many pages of a stream have events in them."""
        return ceil(self.events / STREAMS / PAGE_EVENTS)


@dataclass(slots=True)
class Entity:
    """A stream's cursor: a message is an operation, which is answered, or one of `signals`, which are not."""

    hub: Hub
    cpu: float
    partition: int
    caller: "Stream | None" = None
    signals: int = 0

    def signal(self) -> None:
        """Send an operation that nobody waits for."""
        self.signals += 1
        self.hub.send(self)

    def turn(self, messages: int) -> Turn:
        """Answer."""
        assert self.caller is not None
        caller, signals = self.caller, min(self.signals, messages)
        self.signals -= signals
        return Turn(self.cpu * messages, 0, [lambda: self.hub.send(caller)] * (messages - signals))


@dataclass(slots=True)
class Stream:
    """One run of `drain_stream`: begin, transfer and commit until nothing waits, release, report."""

    poll: "Poll"
    parent: "FanOut"
    partition: int
    entity: Entity
    steps: list[Callable[[], None]] = field(default_factory=list)
    history: int = 0

    def start(self) -> None:
        """Plan the run and begin it."""
        poll = self.poll
        self.entity.caller = self
        self.steps = [self._operate]
        for pages in poll.transfers:
            wait, cpu = poll.transfer(pages)
            self.steps += [self._activity(wait, cpu, pages, commits=pages > 0), self._operate]
        if not poll.work.commit_releases:
            self.steps.append(self._operate)
        if not poll.work.reports_together:
            self.steps.append(self._activity(poll.remotes.upload, poll.costs.report, 1))
        self.steps.append(self._end)
        poll.hub.send(self)

    def turn(self, messages: int) -> Turn:
        """Take the next step."""
        self.history += messages + 1
        replayed, self.history = self.history, self.history + TURN_EVENTS
        return Turn(self.poll.costs.child_turn.at(replayed), replayed, [self.steps.pop(0)])

    def _operate(self) -> None:
        self.poll.hub.send(self.entity)

    def _end(self) -> None:
        self.poll.drained()
        self.poll.hub.send(self.parent)

    def _activity(self, wait: float, cpu: float, uploads: int, *, commits: bool = False) -> Callable[[], None]:
        """Make a step of an activity; what it `commits`, it signals each second and at its end."""
        poll = self.poll

        def began() -> None:
            for second in range(1, int(wait) if commits else 0):
                poll.hub.at(poll.hub.now + second, self.entity.signal)

        def ended() -> None:
            poll.uploads[int(poll.hub.now // MINUTE)] += uploads
            if commits:
                self.entity.signal()
            poll.hub.send(self)

        return lambda: poll.hub.call(Activity(wait, cpu, ended, began))


@dataclass(slots=True)
class FanOut:
    """An orchestration that starts others and waits for all of them: the poll, or a group of its accounts."""

    poll: "Poll"
    partition: int
    children: list["Stream | FanOut"]
    parent: "FanOut | None" = None
    history: int = 0
    left: int = -1
    turns: int = 0

    def start(self) -> None:
        """Begin."""
        self.poll.hub.send(self)

    def turn(self, messages: int) -> Turn:
        """Start the children in the first turn; take their answers in the others, and end when all are there."""
        costs = self.poll.costs
        self.turns += 1
        first = self.left < 0
        self.left = len(self.children) if first else self.left - messages
        sends: list[Callable[[], None]] = [child.start for child in self.children] if first else []
        if not self.left:
            sends = [self._end]
        self.history += messages + 1
        replayed, self.history = self.history, self.history + len(sends) + TURN_EVENTS
        cpu = costs.poll_turn.at(replayed) + (costs.fan_out * len(sends) if first else 0.0)
        return Turn(cpu, replayed, sends)

    def _end(self) -> None:
        if self.parent is None:
            self.poll.report()
        else:
            self.poll.hub.send(self.parent)


class Poll:
    """A poll on a hub. Once it has run, `drained_at` says when the last stream was done, `ended_at` when the poll was.

    Both are None for what did not happen within the time that it was given. `uploads` counts them by the minute.
    """

    def __init__(
        self, work: Workload, costs: PollCosts, settings: HubSettings, storage: StorageTimes, remotes: Remotes
    ) -> None:
        self.hub = Hub(settings, storage)
        self.work, self.costs, self.remotes = work, costs, remotes
        self.transfers = [self._transfer_pages] * max(1, ceil(work.pages / self._transfer_pages))
        if work.pages % self._transfer_pages or not work.pages:
            self.transfers[-1] = work.pages % self._transfer_pages
        self.top = FanOut(self, crc32(b"poll"), [])
        self.hub.watched = self.top
        self.uploads: Counter[int] = Counter()
        self._streams_left = work.accounts * STREAMS
        self.drained_at: float | None = None
        self.ended_at: float | None = None

    def run(self, limit: float) -> None:
        """Poll, for so many simulated seconds at most."""
        work, remotes = self.work, self.remotes
        groups = self._groups()
        self.top.children = [*groups] if work.group else groups[0].children
        for child in self.top.children:
            child.parent = self.top
        wait = remotes.page * ceil(work.accounts / remotes.connections)
        self.hub.call(Activity(wait, self.costs.discover.at(work.accounts), self.top.start))
        self.hub.run(limit)

    def transfer(self, pages: int) -> tuple[float, float]:
        """Tell for how long a transfer of so many pages waits, and what it computes."""
        accounts = 1 if self.work.reads_one_token else self.work.accounts
        waits = self.hub.storage.message + self._page_seconds * max(1, pages) + (self.remotes.upload if pages else 0.0)
        events = self.work.events / STREAMS / max(1, sum(self.transfers)) * pages
        return waits, self.costs.transfer.at(accounts) + self.costs.page * events / PAGE_EVENTS

    def drained(self) -> None:
        """Note that a stream is done."""
        self._streams_left -= 1
        if not self._streams_left:
            self.drained_at = self.hub.now

    def report(self) -> None:
        """Write the heartbeat, and end."""
        self.hub.call(Activity(self.remotes.upload, self.costs.report, self._end))

    def _end(self) -> None:
        self.ended_at = self.hub.now

    @property
    def _page_seconds(self) -> float:
        """What a page takes: the remote's time, or the account's quota where its streams share it."""
        return max(self.remotes.page, STREAMS * MINUTE / self.remotes.requests_per_minute)

    @property
    def _transfer_pages(self) -> int:
        return min(self.work.transfer_pages, max(1, int(self.work.transfer_seconds / self._page_seconds)))

    def _groups(self) -> list[FanOut]:
        size = self.work.group or self.work.accounts
        groups = []
        for first in range(0, self.work.accounts, size):
            group = FanOut(self, crc32(b"group-%d" % first), [])
            for number in range(STREAMS * first, STREAMS * min(first + size, self.work.accounts)):
                entity = Entity(self.hub, self.costs.entity, crc32(b"cursor-%d" % number))
                group.children.append(Stream(self, group, crc32(b"stream-%d" % number), entity))
            groups.append(group)
        return groups
