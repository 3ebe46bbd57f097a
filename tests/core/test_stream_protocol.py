"""Whatever the platform repeats, delays or loses: nothing is lost or doubled, and no stream stays locked."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random
from typing import Any, Final

import pytest

from onepassword_sentinel.stream_operations import Reset, Stop
from tests.core.stream_protocol import START, World

STEPS: Final = 80
# A step of a program, and a number from which follows all that it leaves open.
type Program = Sequence[tuple[str, int]]


def test_no_program_loses_doubles_or_locks(request: pytest.FixtureRequest) -> None:
    """Each is a random order of starts, ends, repetitions, losses and what operators do; `--programs` plays more."""
    for seed in range(request.config.getoption("programs")):
        program = drawn(Random(seed))
        if problem := fault_of(program):
            shortest = shortened(program, problem)
            steps = "\n".join(f"  {name} {number}" for name, number in shortest)
            pytest.fail(f"program {seed}: {problem}\n{steps}")


def time_passes(world: World, number: int) -> None:
    world.now += timedelta(seconds=(0.1, 1, 1, 5, 30, 60, 76, 149, 151, 300, 901)[number % 11])


def a_run_starts(world: World, number: int) -> None:
    world.start("abc"[number % 3], transfers=1 + number // 3 % 3, skew=(-1.0, 0.0, 1.0)[number // 9 % 3])


def a_run_is_terminated(world: World, number: int) -> None:
    if run := one_of([run for run in world.runs if run.alive], number):
        run.alive = False


def a_turn_runs_again(world: World, number: int) -> None:
    if run := one_of([run for run in world.runs if run.alive], number):
        world.run_turn_again(run)


def a_turn_runs_twice(world: World, number: int) -> None:
    if run := one_of([run for run in world.runs if run.alive], number):
        world.run_turn_twice(run)


def the_oldest_message_arrives(world: World, _number: int) -> None:
    if world.messages:
        world.deliver(world.messages[0])


def some_message_arrives(world: World, number: int) -> None:
    if message := one_of(world.messages, number):
        world.deliver(message)


def some_message_arrives_and_comes_again(world: World, number: int) -> None:
    if message := one_of(world.messages, number):
        world.deliver(message, again=True)


def an_answer_leaves_and_the_state_is_lost(world: World, number: int) -> None:
    if message := one_of(world.messages, number):
        world.deliver(message, lose=True)


def an_activity_works(world: World, number: int) -> None:
    if activity := one_of(world.activities, number):
        world.work(activity, number // 7 % 3)


def an_activity_is_lost(world: World, number: int) -> None:
    if activity := one_of(world.activities, number):
        world.lose(activity)


def an_activity_runs_twice(world: World, number: int) -> None:
    if activity := one_of(world.activities, number):
        world.run_twice(activity)


def an_operator_stops_the_stream(world: World, number: int) -> None:
    world.send(Stop(world.state.grant if number % 2 else None))


def an_operator_resets_the_stream(world: World, number: int) -> None:
    world.send(Reset(START, f"reset-{number}", world.now))


def the_cursor_is_purged(world: World, _number: int) -> None:
    world.purge()


# How often each step is drawn. A program gets far only if most of its steps let the work go on.
WEIGHTS: Final[dict[Callable[[World, int], None], int]] = {
    time_passes: 12,
    a_run_starts: 8,
    a_run_is_terminated: 3,
    a_turn_runs_again: 4,
    a_turn_runs_twice: 2,
    the_oldest_message_arrives: 30,
    some_message_arrives: 10,
    some_message_arrives_and_comes_again: 4,
    an_answer_leaves_and_the_state_is_lost: 4,
    an_activity_works: 30,
    an_activity_is_lost: 1,
    an_activity_runs_twice: 1,
    an_operator_stops_the_stream: 1,
    an_operator_resets_the_stream: 1,
    the_cursor_is_purged: 1,
}
BY_NAME: Final = {step.__name__: step for step in WEIGHTS}


def one_of[T](things: Sequence[T], number: int) -> T | None:
    return things[number % len(things)] if things else None


def drawn(random: Random) -> Program:
    # Half of the programs do without what allows an event to come twice.
    rare = {an_activity_is_lost, an_activity_runs_twice, an_operator_resets_the_stream, the_cursor_is_purged}
    left_out = rare if random.random() < 0.5 else set()
    weights = [0 if step in left_out else weight for step, weight in WEIGHTS.items()]
    names = random.choices(list(BY_NAME), weights, k=STEPS)
    return [(name, random.randrange(1_000)) for name in names]


def fault_of(program: Program) -> str:
    """Play a program, and say which of its promises the app has broken; empty if none."""
    world = World()
    try:
        for name, number in program:
            BY_NAME[name](world, number)
        world.end()
    except AssertionError as error:
        return str(error).splitlines()[0]
    return ""


def shortened(program: Program, problem: str) -> Program:
    """Leave out every step without which the problem is the same."""
    steps: list[Any] = list(program)
    for place in reversed(range(len(steps))):
        if fault_of(steps[:place] + steps[place + 1 :]) == problem:
            del steps[place]
    return steps
