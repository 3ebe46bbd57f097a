"""One simulated poll, and how it went."""

from dataclasses import dataclass
from typing import Final

from benchmarks.scaling.costs import PollCosts
from benchmarks.scaling.limits import RULE_REQUESTS
from benchmarks.scaling.platform import DEPLOYED, HubSettings, Remotes, StorageTimes
from benchmarks.scaling.workload import Poll, Workload

TICK_SECONDS: Final = 300.0
# A simulation is given up after so long.
LIMIT_SECONDS: Final = 3600.0
SATURATED: Final = 0.8


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a simulated poll went; `ended_seconds` is None if it did not end within the time that it was given.

    `busy` are shares of the time for which each resource was in use, of the instance that used it the most.
    """

    accounts: int
    events: int
    change: str
    ended_seconds: float | None
    in_time: bool
    instances: int
    busy: dict[str, float]
    bottleneck: str
    poll_history_bytes: int
    most_uploads_a_minute: int

    @property
    def seconds(self) -> float:
        """How long it took at least."""
        return LIMIT_SECONDS if self.ended_seconds is None else self.ended_seconds


def simulate(
    work: Workload,
    costs: PollCosts,
    hub: HubSettings = DEPLOYED,
    storage: StorageTimes | None = None,
    *,
    change: str = "as deployed",
    limit: float = LIMIT_SECONDS,
) -> Outcome:
    """Simulate one poll."""
    poll = Poll(work, costs, hub, storage or StorageTimes(), Remotes())
    poll.run(limit)
    ran = poll.ended_at or limit
    instances = [one for one in poll.hub.instances if one.since < ran]
    busy = {
        "CPU": max(one.cpu / (ran - one.since) for one in instances),
        "orchestrator slots": max(one.turn_seconds / (ran - one.since) for one in instances) / hub.orchestrators,
        "activity slots": max(one.activity_seconds / (ran - one.since) for one in instances) / hub.activities,
        "the poll's own turns": poll.hub.watched_seconds / ran,
        "message buffer": max(one.paused_seconds / (ran - one.since) for one in instances),
    }
    most_uploads = max(poll.uploads.values(), default=0)
    return Outcome(
        accounts=work.accounts,
        events=work.events,
        change=change,
        ended_seconds=poll.ended_at,
        in_time=poll.ended_at is not None and poll.ended_at <= TICK_SECONDS,
        instances=len(instances),
        busy={name: round(min(share, 1.0), 3) for name, share in busy.items()},
        bottleneck=_bottleneck(busy, most_uploads),
        poll_history_bytes=round(poll.top.history * costs.history_bytes),
        most_uploads_a_minute=most_uploads,
    )


def _bottleneck(busy: dict[str, float], most_uploads: int) -> str:
    """Name what the poll waited for: the first that is saturated, as each may fill up those that stand behind it."""
    saturated = [name for name, share in busy.items() if share >= SATURATED]
    return saturated[0] if saturated else "the rule" if most_uploads > RULE_REQUESTS else "latency"
