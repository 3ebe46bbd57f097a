"""A fault case: what goes wrong, and how many rows may be repeated for it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from local.environment import Environment
from local.extension.table_proxy import TableProxy
from local.onepassword import EVENT_TYPES
from local.patience import until

# What the app asks 1Password for at a time; a page is not larger.
PAGE: Final = 1000


@dataclass
class Stage:
    """Where a case is played: an environment with a backlog, and chance, which follows from the run's seed.

    Attributes:
        tables: the proxy before the task hub's tables, for cases that have one.

    """

    env: Environment
    random: Random
    stream: str
    tables: TableProxy | None = None

    @property
    def streams(self) -> tuple[str, ...]:
        """Every stream; `stream` is the one that chance has picked."""
        return EVENT_TYPES

    async def stored(self, rows: int) -> None:
        """Wait until more than so many events have landed."""
        await until(lambda: self.env.sink.rows["Custom-OnePasswordEvents"] > rows)

    async def while_polling(self) -> None:
        """Wait for a part of the time that a small poll takes on the engine, about."""
        await asyncio.sleep(self.random.uniform(0.0, 0.8) * self.env.host.engine.slowness)

    def uncommitted(self, pages: int) -> int:
        """Count as `uncommitted` does."""
        return uncommitted(self.env, pages)


def uncommitted(env: Environment, pages: int) -> int:
    """Count the rows that an activity of each stream may have delivered and its cursor does not know yet, at most.

    Args:
        env: where the streams are.
        pages: how many an activity delivers at most.

    """
    total = 0
    for stream in EVENT_TYPES:
        offered = len(env.source.logs[stream])
        total += min(pages * PAGE, offered - int(env.cursor(stream).get("events", 0)))
    return total


# Plays the fault and returns how many rows may be repeated for it, all streams together.
type Play = Callable[[Stage], Awaitable[int]]


@dataclass(frozen=True)
class Only:
    """The one engine that a case is played on, and why: a sentence that the command prints for the other engine."""

    engine: str
    reason: str


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes:
        events: the backlog of each stream.
        storage: whether there is a storage account.
        repeats: in words, why rows may be repeated; where it is empty, none may be.
        kept: how many dead letters it leaves behind.
        proxied: whether a proxy stands before the task hub's tables.
        only: the engine that it is played on, unless it is played on each.

    """

    side: str
    name: str
    play: Play
    events: int = 300
    storage: bool = False
    repeats: str = ""
    kept: int = 0
    proxied: bool = False
    only: Only | None = None

    def __str__(self) -> str:
        return f"{self.side}: {self.name}"

    def why_not_on(self, engine: str) -> str:
        """Say why it is not played on an engine; empty if it is."""
        return "" if self.only is None or self.only.engine == engine else self.only.reason


class Cases:
    """The cases of one side, in the order in which they are told."""

    def __init__(self, side: str) -> None:
        self.side = side
        self.cases: list[Case] = []

    def add(
        self,
        name: str,
        play: Play,
        *,
        events: int = 300,
        storage: bool = False,
        repeats: str = "",
        kept: int = 0,
        proxied: bool = False,
        only: Only | None = None,
    ) -> None:
        """Add one."""
        self.cases.append(Case(self.side, name, play, events, storage, repeats, kept, proxied, only))

    def case(self, name: str, **options: Any) -> Callable[[Play], Play]:
        """Add the decorated one, with the options of `add`."""

        def add(play: Play) -> Play:
            self.add(name, play, **options)
            return play

        return add
