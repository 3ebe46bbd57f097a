"""What the parts of a poll cost, as the simulation takes them: fitted to what was measured.

A line through medians wherever a cost grows with something, a median wherever it does not: one invocation that was
interrupted, or that collected garbage, moves neither.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression, mean, median
from typing import Final

import msgspec

ORCHESTRATORS: Final = ("poll", "drain_stream")
ACTIVITIES: Final = ("discover_streams", "transfer_events", "report_health")


@dataclass(frozen=True, slots=True)
class Invocation:
    """One invocation and its CPU seconds.

    Of orchestrators also `history`, the events that it replayed, the `new` ones among them included; `actions`, what it
    asked for; and `sent`, the bytes that the host sent it.
    """

    function: str
    cpu: float
    history: int = 0
    new: int = 0
    actions: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class MeasuredPoll:
    """One poll of so many accounts: all its invocations; `cpu` is the whole, with what lies between them."""

    accounts: int
    invocations: Sequence[Invocation]
    cpu: float
    requests: Mapping[str, int] = field(default_factory=dict)

    def of(self, *functions: str) -> list[Invocation]:
        """Pick out the invocations of some functions."""
        return [invocation for invocation in self.invocations if invocation.function in functions]


@dataclass(frozen=True, slots=True)
class Line:
    """Seconds of CPU: `base`, and `each` for each of what it grows with."""

    base: float
    each: float

    def at(self, number: float) -> float:
        """Tell the cost of so many."""
        return self.base + self.each * number


@dataclass(frozen=True, slots=True)
class PollCosts:
    """CPU seconds of the worker by kind of invocation; `discover` and `transfer` grow with the number of accounts.

    `whole` is the poll as it is, by its accounts, with what lies between the invocations. Turns grow with the events
    that they replay; `fan_out` is what the poll pays in addition for each child that it starts, `page` what a transfer
    pays in addition for each page of 1,000 events that it delivers. `history_bytes` is what the host sends the worker
    for each event of the poll's history.
    """

    whole: Line
    discover: Line
    transfer: Line
    report: float
    entity: float
    child_turn: Line
    poll_turn: Line
    fan_out: float
    page: float
    history_bytes: float


def read_costs(path: Path) -> PollCosts:
    """Read the costs from a file that `benchmarks.scaling.poll_costs` saved."""
    return msgspec.json.decode(path.read_bytes(), type=PollCosts)


@dataclass(frozen=True, slots=True)
class StorageUse:
    """What one poll writes to Azure Storage: messages of the control queues and of the work item queue, and tables.

    Each message is put, got and deleted; each turn, an entity's too, reads a history and writes to both tables.
    """

    control_messages: int
    work_items: int
    history_rows: int
    turns: int

    @property
    def transactions(self) -> int:
        """The fewest storage transactions that do it."""
        return 3 * (self.control_messages + self.work_items) + 3 * self.turns


def storage_use(poll: MeasuredPoll) -> StorageUse:
    """Count what a measured poll would have written.

    A turn's new events are messages, but for the one that the host makes up to say what time it is. An operation on an
    entity is a message, and so is its answer, which is a new event of who asked. A turn adds its new events to the
    history, what it asked for, and a last row; an entity's has three rows and its operation.
    """
    turns, entities = poll.of(*ORCHESTRATORS), poll.of("stream_cursor")
    return StorageUse(
        control_messages=sum(turn.new - 1 for turn in turns) + len(entities),
        work_items=len(poll.of(*ACTIVITIES)),
        history_rows=sum(turn.new + turn.actions + 1 for turn in turns) + 4 * len(entities),
        turns=len(turns) + len(entities),
    )


def fit_costs(polls: Iterable[MeasuredPoll], page: float) -> PollCosts:
    """Describe what was measured; `page` are the CPU seconds that a page of 1,000 events adds to a transfer."""
    polls = list(polls)
    turns = [turn for poll in polls for turn in poll.of("poll")]
    poll_turn = _line([(turn.history, turn.cpu) for turn in turns if turn.actions <= 1])
    fan_outs = [turn for turn in turns if turn.actions > 1]
    largest = max(turns, key=lambda turn: turn.history)
    return PollCosts(
        whole=_line([(poll.accounts, poll.cpu) for poll in polls]),
        discover=_line([(poll.accounts, call.cpu) for poll in polls for call in poll.of("discover_streams")]),
        transfer=_line([(poll.accounts, call.cpu) for poll in polls for call in poll.of("transfer_events")]),
        report=median(call.cpu for poll in polls for call in poll.of("report_health")),
        entity=median(call.cpu for poll in polls for call in poll.of("stream_cursor")),
        child_turn=_line([(turn.history, turn.cpu) for poll in polls for turn in poll.of("drain_stream")]),
        poll_turn=poll_turn,
        fan_out=max(0.0, median((turn.cpu - poll_turn.at(turn.history)) / turn.actions for turn in fan_outs)),
        page=page,
        history_bytes=largest.sent / largest.history,
    )


def _line(points: Sequence[tuple[float, float]]) -> Line:
    """Put a line through the medians of the points that share a place; level if there is one place only.

    A median counts as often as there are points: that of a few calls is no match for that of hundreds.
    """
    at: dict[float, list[float]] = defaultdict(list)
    for place, cost in points:
        at[place].append(cost)
    medians = {place: median(costs) for place, costs in at.items()}
    if len(medians) == 1:
        return Line(mean(medians.values()), 0.0)
    places = [place for place, _ in points]
    fitted = linear_regression(places, [medians[place] for place in places])
    return Line(max(0.0, fitted.intercept), max(0.0, fitted.slope))
