"""The simulated scheduler, where the answer can be worked out by hand."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.scaling.changes import WORTH_IT, improve
from benchmarks.scaling.costs import Invocation, Line, MeasuredPoll, PollCosts, StorageUse, fit_costs, storage_use
from benchmarks.scaling.limits import AccountLimits
from benchmarks.scaling.outcome import simulate
from benchmarks.scaling.platform import DEPLOYED, HubSettings, Remotes, StorageTimes, read_host_json
from benchmarks.scaling.scale_out import ScaleOut, markdown
from benchmarks.scaling.scheduler import Activity, Hub, Turn
from benchmarks.scaling.workload import Poll, Workload

NO_TIME = StorageTimes(message=0, start=0, answer=0, turn=0)
FREE = PollCosts(
    whole=Line(0, 0),
    discover=Line(0, 0),
    transfer=Line(0, 0),
    report=0,
    entity=0,
    child_turn=Line(0, 0),
    poll_turn=Line(0, 0),
    fan_out=0,
    page=0,
    history_bytes=0,
)


@dataclass
class Worker:
    """An orchestration that has one turn for each message, and notes when it was over."""

    hub: Hub
    cpu: float = 0.0
    partition: int = 0
    sends: list[Callable[[], None]] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)

    def turn(self, messages: int) -> Turn:
        return Turn(self.cpu, 0, [*self.sends, lambda: self.ended.append(self.hub.now)])


@dataclass
class Chain:
    """An orchestration that calls one activity after the other."""

    hub: Hub
    left: int
    partition: int = 0
    ended: float = 0.0

    def turn(self, messages: int) -> Turn:
        self.left -= 1
        return Turn(0.0, 0, [self.end if self.left < 0 else self.call])

    def call(self) -> None:
        self.hub.call(Activity(0.0, 0.0, lambda: self.hub.send(self)))

    def end(self) -> None:
        self.ended = self.hub.now


def hub(storage: StorageTimes = NO_TIME, **settings: float) -> Hub:
    return Hub(HubSettings(**settings), storage)  # type: ignore[arg-type]  # a count is a float here


def run_activities(on: Hub, count: int, wait: float = 0.0, cpu: float = 0.0) -> list[float]:
    ended: list[float] = []
    for _ in range(count):
        on.call(Activity(wait, cpu, lambda: ended.append(on.now)))
    on.run(1000)
    return ended


def test_five_activities_a_second_one_after_the_other() -> None:
    """What Microsoft measured, five sequential activities a second, comes out of the assumed times."""
    on = hub(StorageTimes())
    chain = Chain(on, left=10)
    on.send(chain)
    on.run(100)

    first_turn = 0.05 + 0.0833 + 0.0067 + 0.01
    assert chain.ended == pytest.approx(first_turn + 10 / 5, abs=0.001)


def test_a_hundred_activities_a_second_are_started_at_once() -> None:
    """Started together, activities begin a hundred a second, as Microsoft's targets say."""
    on = hub(StorageTimes(), activities=1000)
    began: list[float] = []
    calls = [lambda: on.call(Activity(0, 0, lambda: None, lambda: began.append(on.now)))] * 200
    on.send(Worker(on, sends=calls))
    on.run(100)

    assert began[-1] - began[0] == pytest.approx(199 / 100)


@pytest.mark.parametrize(("slots", "seconds"), [(4, 2.0), (8, 1.0)])
def test_activities_wait_for_slots(slots: int, seconds: float) -> None:
    """An instance has no more activities at work than it has slots."""
    assert run_activities(hub(activities=slots), 8, wait=1.0)[-1] == pytest.approx(seconds)


@pytest.mark.parametrize(("instances", "seconds"), [(1, 2.0), (2, 1.0)])
def test_activities_share_the_core_of_their_instance(instances: int, seconds: float) -> None:
    """What computes is slowed by what computes beside it, and a second instance brings a second core."""
    on = hub(instances=instances)

    assert run_activities(on, 4, cpu=0.5)[-1] == pytest.approx(seconds)
    assert [instance.cpu for instance in on.instances] == pytest.approx([2.0 / instances] * instances)


@pytest.mark.parametrize(("partitions", "instances", "seconds"), [(1, 2, 2.0), (2, 1, 2.0), (2, 2, 1.0)])
def test_turns_run_where_their_partition_is(partitions: int, instances: int, seconds: float) -> None:
    """A second instance speeds turns up only if there is a second partition."""
    storage = replace(NO_TIME, turn=1.0)
    on = hub(storage, partitions=partitions, instances=instances, orchestrators=1)
    workers = [Worker(on, partition=number) for number in range(2)]
    for worker in workers:
        on.send(worker)
    on.run(100)

    assert max(ended for worker in workers for ended in worker.ended) == pytest.approx(seconds)


@pytest.mark.parametrize(("buffer", "seconds"), [(32, 1.5), (256, 0.5)])
def test_a_full_buffer_is_looked_at_again_a_second_later(buffer: int, seconds: float) -> None:
    """Messages beyond an instance's buffer wait a second for the next look."""
    on = hub(replace(NO_TIME, turn=0.5), partitions=1, orchestrators=100, buffer=buffer)
    workers = [Worker(on) for _ in range(64)]
    for worker in workers:
        on.send(worker)
    on.run(100)

    assert max(worker.ended[0] for worker in workers) == pytest.approx(seconds)


def test_a_turn_takes_all_messages_that_came_meanwhile() -> None:
    """Messages that arrive during a turn are all taken by the next one."""
    on = hub(replace(NO_TIME, turn=1.0))
    worker = Worker(on)
    for when in (0.0, 0.2, 0.4, 0.6):
        on.at(when, lambda: on.send(worker))
    on.run(100)

    assert worker.ended == pytest.approx([1.0, 2.0])


def test_instances_are_added_while_work_waits() -> None:
    """One instance after the other is added, up to the limit."""
    on = hub(activities=1, most_instances=3, scale_out_seconds=10.0)

    # 0 to 10 s: one; to 20 s: two; from then on: three.
    assert run_activities(on, 6, wait=10.0) == pytest.approx([10, 20, 20, 30, 30, 30])
    assert len(on.instances) == 3


def test_one_account_takes_the_sum_of_its_steps() -> None:
    """A poll of one account waits for its steps and for nothing else."""
    poll = Poll(Workload(1), FREE, HubSettings(), StorageTimes(), Remotes())
    poll.run(100)

    # Its streams: six turns, three of the cursor, eleven messages, a page, its state and an upload.
    discovered, started = 0.05 + 0.3, 0.05 + 0.1
    least = discovered + started + 9 * 0.1 + 11 * 0.05 + 0.05 + 0.3 + 0.1
    assert poll.drained_at is not None
    assert least <= poll.drained_at <= least + 12 * 0.05
    assert poll.ended_at is not None
    assert poll.ended_at > poll.drained_at
    assert sum(poll.uploads.values()) == 3


def test_a_group_answers_for_all_of_its_streams() -> None:
    """With an orchestration between them, the poll hears of groups, not of streams."""
    poll = Poll(Workload(10, group=5), FREE, HubSettings(), StorageTimes(), Remotes())
    poll.run(100)

    assert len(poll.top.children) == 2
    assert poll.top.turns <= 3
    assert poll.ended_at is not None


@pytest.mark.parametrize(
    ("change", "bottleneck"),
    [
        ({"buffer": 256, "activities": 4}, "activity slots"),
        ({"buffer": 256, "activities": 1000, "orchestrators": 1000}, "latency"),
    ],
)
def test_what_is_saturated_is_named(change: dict[str, int], bottleneck: str) -> None:
    """The bottleneck is what was busiest, or latency where nothing was."""
    outcome = simulate(Workload(10, events=60_000), FREE, HubSettings(**change))

    assert outcome.bottleneck == bottleneck
    assert outcome.in_time


def test_a_core_is_saturated_by_what_computes() -> None:
    """Where everything computes, it is the CPU."""
    costs = replace(FREE, transfer=Line(1.0, 0.0))

    assert simulate(Workload(30), costs, HubSettings(most_instances=1)).bottleneck == "CPU"


def test_the_same_poll_ends_the_same() -> None:
    """A simulation has no chance in it."""
    assert simulate(Workload(20, events=3000), FREE) == simulate(Workload(20, events=3000), FREE)


def test_costs_are_lines_through_medians() -> None:
    """Costs are found again in measurements that were made from them, and an outlier does not count."""
    polls = [
        MeasuredPoll(
            accounts,
            [
                Invocation("discover_streams", 0.001 * accounts),
                *(Invocation("transfer_events", cost + 0.00001 * accounts) for cost in (0.003, 0.003, 0.9)),
                Invocation("report_health", 0.001),
                Invocation("stream_cursor", 0.0005),
                Invocation("drain_stream", 0.002, history=2, new=2, actions=1),
                Invocation("poll", 0.001, history=2, new=2, actions=1),
                Invocation(
                    "poll", 0.002 + 0.0001 * 3 * accounts, history=102, new=2, actions=3 * accounts, sent=102_000
                ),
                Invocation("poll", 0.002, history=102, new=2, actions=1, sent=102_000),
            ],
            cpu=0.5 + 0.03 * accounts,
        )
        for accounts in (1, 10)
    ]
    costs = fit_costs(polls, page=0.005)

    assert (costs.whole.base, costs.whole.each) == pytest.approx((0.5, 0.03))
    assert costs.discover.each == pytest.approx(0.001)
    assert (costs.transfer.base, costs.transfer.each) == pytest.approx((0.003, 0.00001))
    assert (costs.child_turn.base, costs.child_turn.each) == pytest.approx((0.002, 0.0))
    assert costs.poll_turn.at(102) == pytest.approx(0.002)
    assert costs.fan_out == pytest.approx(0.0001)
    assert costs.history_bytes == pytest.approx(1000)


def test_messages_are_counted_from_what_turns_were_given() -> None:
    """What a poll takes of storage follows from its turns."""
    first = Invocation("drain_stream", 0.0, history=2, new=2, actions=1)
    second = Invocation("drain_stream", 0.0, history=6, new=3, actions=2)
    poll = MeasuredPoll(1, [first, second, Invocation("stream_cursor", 0.0), Invocation("report_health", 0.0)], 0.0)

    assert storage_use(poll) == StorageUse(control_messages=4, work_items=1, history_rows=14, turns=3)


def test_as_deployed_is_what_host_json_says(tmp_path: Path) -> None:
    """The settings that are simulated are those of the file."""
    file = tmp_path / "host.json"
    provider = {"partitionCount": 3, "controlQueueBufferThreshold": 64}
    durable = {
        "storageProvider": provider,
        "maxConcurrentActivityFunctions": 6,
        "maxConcurrentOrchestratorFunctions": 7,
    }
    file.write_text(json.dumps({"extensions": {"durableTask": durable}}), encoding="utf-8")

    assert read_host_json(file) == HubSettings(partitions=3, activities=6, orchestrators=7, buffer=64)


def test_one_change_after_the_other_and_only_what_pays() -> None:
    """A change stays if it makes the poll shorter by what is worth it, and the first is none."""
    _, *steps = improve(30, FREE)

    assert steps[0].change == "as deployed"
    assert steps[0].bottleneck == "orchestrator slots"
    assert steps[1].change == "+ maxConcurrentOrchestratorFunctions 20"
    assert all(after.seconds <= WORTH_IT * before.seconds for before, after in pairwise(steps))
    assert not any("app: " in step.change or "plan: " in step.change for step in steps)


def test_tables_come_from_a_file_too() -> None:
    """What is shown of a run is the same when it is read back."""
    polls = [simulate(Workload(1), FREE), simulate(Workload(50), FREE, limit=1.0)]
    limits = AccountLimits(1 << 21, 400, {400: 5000}, 6000, 3000, 20_000)
    scale = asdict(ScaleOut(FREE, DEPLOYED, StorageTimes(), Remotes(), limits, {"as deployed": 1650}, polls))
    text = markdown(json.loads(json.dumps(scale)))

    assert text == markdown(scale)
    assert "| 1 | as deployed | 3 | yes | 1 | nothing: latency |" in text
    assert "| 50 | as deployed | over 3,600 | no | 1 |" in text
    assert "| 1,650 | the scheduler, as deployed |" in text
    assert "| 5,000 | the environment, with tokens of 400 bytes |" in text
