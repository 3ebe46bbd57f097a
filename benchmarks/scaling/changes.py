"""What can be changed, in host.json, in the app and in the plan, and how much it helps."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from benchmarks.pages import PAGE_EVENTS, STREAMS
from benchmarks.scaling.costs import PollCosts
from benchmarks.scaling.outcome import TICK_SECONDS, Outcome, simulate
from benchmarks.scaling.platform import AZURE_DEFAULTS, DEPLOYED, NAMES, HubSettings, StorageTimes
from benchmarks.scaling.workload import Workload

# A change is made if it shortens the poll to this part of what it took.
WORTH_IT: Final = 0.8
# What the Functions host computes in each turn is not known; this would be much.
HOST_SECONDS: Final = 0.02
# The most accounts are looked for in steps of so many, up to so many steps.
ACCOUNTS_STEP: Final = 50
MOST_STEPS: Final = 100


@dataclass(frozen=True, slots=True)
class Change:
    """Something that can be changed, fields of the hub's settings or of the workload, and the bottleneck that it moves.

    `last_resort` is what has to be written, or paid for every month.
    """

    name: str
    moves: str
    hub: dict[str, int] = field(default_factory=dict)
    work: dict[str, Any] = field(default_factory=dict)
    last_resort: bool = False

    def apply(self, hub: HubSettings, work: Workload) -> tuple[HubSettings, Workload]:
        """Make it."""
        return replace(hub, **self.hub), replace(work, **self.work)


def _setting(name: str, value: int, moves: str = "") -> Change:
    return Change(f"{NAMES[name]} {value}", moves, hub={name: value})


HOST_JSON: Final = (
    _setting("orchestrators", 20, "orchestrator slots"),
    _setting("activities", 20, "activity slots"),
    _setting("buffer", 1024, "message buffer"),
    _setting("partitions", 16, "CPU"),
)
CHANGES: Final = (
    *HOST_JSON,
    Change("app: an orchestration for every 50 accounts", "the poll's own turns", work={"group": 50}, last_resort=True),
    Change(
        "app: a transfer reads one token, the last commit releases, the poll reports for all",
        "CPU",
        work={"reads_one_token": True, "commit_releases": True, "reports_together": True},
        last_resort=True,
    ),
    Change("plan: 16 instances always ready", "latency", hub={"instances": 16}, last_resort=True),
)


def improve(accounts: int, costs: PollCosts) -> Iterator[Outcome]:
    """Begin with Azure's defaults and with what is deployed, then move one bottleneck after the other.

    What is made for the bottleneck is tried first; what does not pay is not tried again. The last resorts are left
    alone while the poll ends in time, and while anything else pays.
    """
    hub, work, left = DEPLOYED, Workload(accounts), list(CHANGES)
    yield simulate(work, costs, AZURE_DEFAULTS, change="Azure's defaults")
    now = simulate(work, costs, hub)
    while True:
        yield now
        allowed = [change for change in left if not (change.last_resort and now.in_time)]
        for change in sorted(allowed, key=lambda one: (one.last_resort, one.moves != now.bottleneck)):
            left.remove(change)
            tried_hub, tried_work = change.apply(hub, work)
            tried = simulate(tried_work, costs, tried_hub, change=f"+ {change.name}")
            if tried.seconds <= WORTH_IT * now.seconds:
                break
        else:
            return
        hub, work, now = tried_hub, tried_work, tried


def alone(accounts: int, costs: PollCosts) -> Iterator[Outcome]:
    """See what each setting is worth by itself, and how much it matters what was assumed or left out."""
    work = Workload(accounts)
    for name in NAMES:
        default = getattr(AZURE_DEFAULTS, name)
        if default != getattr(DEPLOYED, name):
            change = _setting(name, default)
            yield simulate(work, costs, replace(DEPLOYED, **change.hub), change=f"as deployed, but {change.name}")
    for factor, much in ((0.5, "in half"), (2.0, "twice")):
        storage = StorageTimes().slower(factor)
        yield simulate(work, costs, storage=storage, change=f"as deployed, storage takes {much} the time")
    turn = replace(costs.child_turn, base=costs.child_turn.base + HOST_SECONDS)
    with_host = replace(costs, child_turn=turn, entity=costs.entity + HOST_SECONDS)
    yield simulate(work, with_host, change=f"as deployed, the host computes {1000 * HOST_SECONDS:g} ms in each turn")
    busy = replace(work, events=STREAMS * PAGE_EVENTS)
    yield simulate(busy, costs, change="as deployed, a full page waits in each stream")


def most_accounts(costs: PollCosts, hub: HubSettings) -> int:
    """Find the most accounts whose poll ends before the next tick."""
    enough, too_many = 0, MOST_STEPS + 1
    while too_many - enough > 1:
        tried = (enough + too_many) // 2
        work = Workload(tried * ACCOUNTS_STEP)
        in_time = simulate(work, costs, hub, limit=TICK_SECONDS).in_time
        enough, too_many = (tried, too_many) if in_time else (enough, tried)
    return enough * ACCOUNTS_STEP
