"""One run of a case: play it, let the connector recover, and count."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from local.chaos.case import Case, Stage
from local.command_failures import FAILURES, explained
from local.environment import launched
from local.extension import ExtensionEngine
from local.extension.choice import BRISK_QUEUES, NewEngine
from local.extension.table_proxy import TableProxy
from local.onepassword import EVENT_TYPES
from local.workspace import WorkspaceError


class StartError(Exception):
    """What a case is played with does not start; no other case would start either. The message says why."""


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


async def judge(case: Case, seed: int, state_dir: Path, new_engine: NewEngine) -> Verdict:
    """Play a case with a seed in an environment of its own.

    Raises:
        StartError: the environment does not start.
        AssertionError: the fault did not strike, or the app did not do what the case is about.
        TimeoutError: the app did not recover.

    """
    async with _staged(case, seed, state_dir, new_engine) as stage:
        env, allowed = stage.env, await case.play(stage)
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


@asynccontextmanager
async def _staged(case: Case, seed: int, state_dir: Path, new_engine: NewEngine) -> AsyncIterator[Stage]:
    """Start what a case is played with, and tell a failure to start from a failure of what is played."""
    engine, random = new_engine(state_dir / "extension", BRISK_QUEUES), Random(f"{case} {seed}")
    async with AsyncExitStack() as stack:
        tables = None
        if case.proxied:
            assert isinstance(engine, ExtensionEngine), "the in-memory engine has no tables"
            tables = stack.enter_context(TableProxy(engine.storage.ports["table"]))
            engine.table_port = tables.port
        try:
            env = await stack.enter_async_context(
                launched(state_dir, events=case.events, storage=case.storage, seed=seed, engine=engine)
            )
        except (*FAILURES, WorkspaceError) as error:
            raise StartError(str(error)) from error
        async with explained(env.host):
            yield Stage(env, random, random.choice(EVENT_TYPES), tables)
