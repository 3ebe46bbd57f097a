"""One run of a case: play it, let the connector recover, and count."""

from dataclasses import dataclass
from pathlib import Path
from random import Random

from local.chaos.case import Case, Stage
from local.environment import launched
from local.onepassword import EVENT_TYPES


@dataclass(frozen=True, slots=True)
class Verdict:
    """All streams of a run together. `doubled` rows repeat a `uuid_s`; `allowed` of them may be there."""

    events: int
    kept: int
    lost: int
    doubled: int
    allowed: int

    @property
    def problem(self) -> str:
        """What is out of bounds, empty if nothing is."""
        if self.lost:
            return f"{self.lost:,} of {self.events:,} events are neither in the table nor in dead-letter storage"
        if self.doubled > self.allowed:
            return f"{self.doubled:,} rows are doubled, at most {self.allowed:,} may be"
        return ""


async def judge(case: Case, seed: int, state_dir: Path) -> Verdict:
    """Play a case with a seed in an environment of its own.

    :raises AssertionError: the fault did not strike, or the app did not do what the case is about.
    :raises TimeoutError: the app did not recover.
    """
    random = Random(f"{case} {seed}")
    async with launched(state_dir, events=case.events, storage=case.storage, seed=seed) as env:
        allowed = await case.play(Stage(env, random, random.choice(EVENT_TYPES)))
        assert case.repeats or not allowed, "no rows may be repeated in this case"
        await env.poll_until_healthy()
        kept = await env.dead_letters()
        assert len(kept) == case.kept, f"{len(kept)} dead letters are kept, not {case.kept}"
        accounts = [env.account(stream, kept) for stream in EVENT_TYPES]
        assert env.heartbeats() == env.healthy_polls(), "a heartbeat is missing, or is there without a healthy poll"
    return Verdict(
        events=sum(account.offered or 0 for account in accounts),
        kept=len(kept),
        lost=sum(account.lost or 0 for account in accounts),
        doubled=sum(account.duplicated or 0 for account in accounts),
        allowed=allowed,
    )
