"""`chaos`: play every fault case, many seeds within a time, and print what was lost and doubled."""

import asyncio
import itertools
import math
import os
import re
import shutil
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console

from local.chaos import CASES, KILLED, Case, StartError, Verdict, judge
from local.command_failures import FAILURES, is_complete, print_failure
from local.extension.choice import NewEngine, engines_for
from local.report import progress_on, table_of

HEADINGS: Final = ("case", "runs", "events", "kept", "lost", "doubled", "allowed")
# How often the worker has to be killed at the least: chance needs that many tries to hit every moment of a poll.
KILLS: Final = 100
_MINUTES: Final = 5.0


@dataclass
class Tally:
    """What the runs of one case came to."""

    case: Case
    started: int = 0
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def row(self) -> tuple[str, ...]:
        """The case's line in the table."""
        numbers = (
            len(self.verdicts),
            *(sum(getattr(verdict, name) for verdict in self.verdicts) for name in HEADINGS[2:]),
        )
        return f"  {self.case.name}", *(f"{number:,}" for number in numbers)


@dataclass
class Chaos:
    """One call of the command: what is still to be played, and what came of it so far.

    Attributes:
        failed: whether anything is out of bounds or was not played.
        broken: whether no more cases can be played.

    """

    options: Namespace
    tallies: dict[Case, Tally]
    err: Console
    failed: bool = False
    broken: bool = False

    def plan(self) -> Iterator[tuple[Case, int]]:
        """Every case once, then deaths of the worker as often as they have to be, then all cases over and over."""
        cases, first = [tally.case for tally in self.tallies.values()], self.options.seed
        killed = [case for case in cases if case.name == KILLED]
        yield from ((case, first) for case in cases)
        if self.options.once:
            return
        yield from ((case, first + number) for number in range(1, KILLS) for case in killed)
        for number in itertools.count(1):
            yield from ((case, first + number + KILLS * (case in killed)) for case in cases)

    def fail(self, problem: str) -> None:
        """Print a problem at once: the rest may take long, or be interrupted."""
        self.failed = True
        self.err.print(problem, style="red", markup=False, highlight=False)

    async def play(self, new_engine: NewEngine) -> None:
        """Play the plan until the time is over, several cases side by side."""
        minutes = self.options.minutes
        if minutes is None:
            minutes = math.inf if self.options.once else _MINUTES
        deadline, plan = time.monotonic() + 60 * minutes, self.plan()
        with progress_on(self.err) as progress:
            task = progress.add_task("starting", total=None)

            def show(what: str) -> None:
                progress.update(task, advance=1, description=what)

            jobs = self.options.jobs or os.cpu_count() or 1
            await asyncio.gather(*(self._work(plan, new_engine, deadline, show) for _ in range(jobs)))

    async def _work(
        self, plan: Iterator[tuple[Case, int]], new_engine: NewEngine, deadline: float, show: Callable[[str], None]
    ) -> None:
        for case, seed in plan:
            if self.broken or time.monotonic() > deadline:
                return
            state_dir = self.options.state / "chaos" / re.sub(r"[^a-z0-9]+", "-", f"{case} {seed}".casefold())
            shutil.rmtree(state_dir, ignore_errors=True)
            self.tallies[case].started += 1
            try:
                verdict = await judge(case, seed, state_dir, new_engine)
            except StartError as error:
                if not self.broken:
                    self.fail(f"No more cases were played, because {case}, seed {seed}, did not start: {error}")
                self.broken = True
                return
            except Exception as error:  # noqa: BLE001  # the outermost edge: whatever it is, the case has failed
                problem = f"{type(error).__name__}: {error}"
            else:
                self.tallies[case].verdicts.append(verdict)
                problem = verdict.problem
            if problem:
                self.fail(f"{case}, seed {seed}: {problem} (the app's log: {state_dir / 'app.log'})")
            else:
                shutil.rmtree(state_dir, ignore_errors=True)
            show(f"{case}, seed {seed}")


async def chaos(options: Namespace) -> int:
    """Play the cases, print a line for each, and return 1 if anything is out of bounds."""
    named = [case for case in CASES if options.case.casefold() in str(case).casefold()]
    out, err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)
    if not named:
        err.print(f"No case has {options.case!r} in its name.", style="red", markup=False)
        return 2
    chosen = [case for case in named if not case.why_not_on(options.engine)]
    not_played = list(left_out(named, options.engine))
    if not chosen:
        err.print("\n".join(not_played), style="red", markup=False, highlight=False)
        return 2
    if not is_complete(options.engine, err):
        return 1
    started = time.monotonic()
    played = Chaos(options, {case: Tally(case) for case in chosen}, err)
    try:
        with engines_for(options.engine, options.state / "chaos") as new_engine:
            await played.play(new_engine)
    except FAILURES as error:
        print_failure(err, "No case can be played", str(error), None)
        return 1
    tallies = list(played.tallies.values())
    out.print(table_of(HEADINGS, list(_lines(tallies))))
    runs = sum(len(tally.verdicts) for tally in tallies)
    out.print(f"\n{runs} runs of {len(tallies)} cases in {time.monotonic() - started:.0f} s.", highlight=False)
    out.print(*not_played, sep="\n", end="\n" if not_played else "", markup=False, highlight=False)
    if not played.broken:
        for problem in _not_played(tallies, once=options.once):
            played.fail(problem)
    return 1 if played.failed else 0


def left_out(cases: Sequence[Case], engine: str) -> Iterator[str]:
    """Name the cases that are not played on an engine, with one line for those of a side that share their reason."""
    bound = [(case.side, reason, case.name) for case in cases if (reason := case.why_not_on(engine))]
    for (side, reason), group in itertools.groupby(bound, key=lambda one: one[:2]):
        yield f"Not played: {side}: {'; '.join(name for _, _, name in group)}. {reason}"


def _lines(tallies: Sequence[Tally]) -> Iterator[tuple[str, ...]]:
    """Give the table's lines, each side's under its name."""
    for side, of_side in itertools.groupby(tallies, key=lambda tally: tally.case.side):
        yield side, *("" for _ in HEADINGS[1:])
        yield from (tally.row for tally in of_side)


def _not_played(tallies: Sequence[Tally], *, once: bool) -> Iterator[str]:
    """Say what there was no time for: a case that was not played proves nothing."""
    missing = [tally for tally in tallies if not tally.started]
    if missing:
        yield f"There was no time for {len(missing)} of {len(tallies)} cases: --minutes gives more."
    for tally in tallies:
        if tally.case.name == KILLED and 0 < tally.started < KILLS and not once:
            yield f"The worker was killed {tally.started} times, not {KILLS}: --minutes gives more time."
