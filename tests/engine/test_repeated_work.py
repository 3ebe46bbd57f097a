"""Work that runs twice because messages leave before the state or the history is stored."""

from pathlib import Path

import pytest

from local.host import FunctionsHost, RuntimeStatus
from tests.engine.asking import calls, run, unique, until
from tests.engine.faults import Faults

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_answer_leaves_before_the_state(engine_host: FunctionsHost, faults: Faults) -> None:
    """A caller has its answer, the entity's state is lost, and the same operation runs again from the old state."""
    client, key = engine_host.client, unique("counter")
    call = {"key": key, "operation": "note", "input": unique("note")}
    faults.answer_before_state("counter", key)
    assert (await run(engine_host, "calls_entity", call)).output == {"result": 1}
    await until(engine_host, lambda: client.entity_state("counter", key) is not None)
    assert noted(engine_host, call["input"]) == ["0", "0"]
    assert client.entity_state("counter", key) == 1


async def test_a_turn_calls_an_entity_twice(engine_host: FunctionsHost, faults: Faults) -> None:
    """A turn whose history is lost sends its call again: the entity adds twice, and the second answer counts."""
    key, run_id = unique("counter"), unique("twice")
    faults.run_turn_twice(run_id)
    caller = await run(engine_host, "calls_entity", {"key": key, "operation": "add", "input": 1}, run_id)
    assert caller.output == {"result": 2}
    await until(engine_host, lambda: engine_host.client.entity_state("counter", key) == 2)


async def test_a_turn_calls_an_activity_twice(engine_host: FunctionsHost, faults: Faults) -> None:
    """A turn whose history is lost sends its activity again: it runs twice, and its caller goes on once."""
    name, run_id = unique("activity"), unique("twice")
    faults.run_turn_twice(run_id)
    caller = await run(engine_host, "calls_activity", {"activity": "count", "input": name}, run_id)
    assert caller.output["result"] in {1, 2}
    await until(engine_host, lambda: calls(engine_host, name) == 2)


async def test_a_turn_starts_a_child_twice(engine_host: FunctionsHost, faults: Faults) -> None:
    """A turn whose history is lost runs again, starts its child again, and receives one answer."""
    run_id = unique("twice")
    faults.run_turn_twice(run_id)
    parent = await run(engine_host, "has_child", {"name": "echoes", "input": "heard"}, run_id)
    assert (parent.output, faults.pending) == ({"result": "heard"}, 0)


async def test_a_turn_that_runs_again_has_another_time(engine_host: FunctionsHost, faults: Faults) -> None:
    """An orchestration's time and its drawn ids are others when a turn runs again."""
    name, run_id = unique("time"), unique("twice")
    faults.run_turn_twice(run_id)
    await run(engine_host, "notes_time", name, run_id)
    await until(engine_host, lambda: len(noted(engine_host, name)) == 2)
    times, drawn = zip(*(line.split() for line in noted(engine_host, name)), strict=True)
    assert (len(set(times)), len(set(drawn))) == (2, 2)


async def test_what_a_stored_turn_drew_stays(engine_host: FunctionsHost, faults: Faults) -> None:
    """A time and an id of an earlier turn, whose history is stored, are the same when a later turn runs again."""
    client, hold, note = engine_host.client, unique("hold"), unique("time")
    run_id = client.start("notes_earlier_time", {"hold": hold, "note": note}, unique("twice"))
    await until(engine_host, lambda: calls(engine_host, hold) == 1)
    # The activity may begin before the first turn is stored; the run is Running behind that.
    await until(engine_host, lambda: getattr(client.get_instance(run_id), "status", None) is RuntimeStatus.RUNNING)
    faults.run_turn_twice(run_id)
    (Path(engine_host._settings["MARKS"]) / f"{hold}-released").touch()
    await client.wait_for(run_id)
    await until(engine_host, lambda: len(noted(engine_host, note)) == 2)
    assert (len(set(noted(engine_host, note))), faults.pending) == (1, 0)


def noted(host: FunctionsHost, name: str) -> list[str]:
    """Return what the app wrote down under a name."""
    path = Path(host._settings["MARKS"]) / name
    return path.read_text().splitlines() if path.exists() else []
