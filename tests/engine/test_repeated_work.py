"""Work that is done twice: row 5 of durable-functions-3.md, row 4 of durable-functions-2.md."""

import pytest

from local.host import FunctionsHost
from local.host.engine_faults import EngineFaults
from tests.engine.asking import calls, run, unique

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_answer_leaves_before_the_state(engine_host: FunctionsHost, faults: EngineFaults) -> None:
    """A caller has its answer, the entity's state is lost, and the same operation runs again from the old state."""
    key = unique("counter")
    call = {"key": key, "operation": "add", "input": 1}
    assert (await run(engine_host, "calls_entity", call)).output == {"result": 1}
    faults.answer_before_state("counter", key)
    assert (await run(engine_host, "calls_entity", call)).output == {"result": 2}
    assert (await run(engine_host, "calls_entity", call)).output == {"result": 3}
    assert engine_host.client.entity_state("counter", key) == 3


async def test_a_turn_calls_an_entity_twice(engine_host: FunctionsHost, faults: EngineFaults) -> None:
    """A turn whose history is lost sends its call again: the entity adds twice, and the second answer counts."""
    key, run_id = unique("counter"), unique("twice")
    faults.run_turn_twice(run_id)
    caller = await run(engine_host, "calls_entity", {"key": key, "operation": "add", "input": 1}, run_id)
    assert caller.output == {"result": 2}
    assert engine_host.client.entity_state("counter", key) == 2


async def test_a_turn_calls_an_activity_twice(engine_host: FunctionsHost, faults: EngineFaults) -> None:
    """A turn whose history is lost sends its activity again: it runs twice, and completes once."""
    name, run_id = unique("activity"), unique("twice")
    faults.run_turn_twice(run_id)
    call = {"activity": "count", "input": name}
    caller = await run(engine_host, "calls_activity", call, run_id)
    await run(engine_host, "echoes", "after both")
    assert caller.output["result"] in {1, 2}
    assert calls(engine_host, name) == 2
    completed = [event for event in engine_host.client.history(run_id) if event.HasField("taskCompleted")]
    assert len(completed) == 1


async def test_a_turn_starts_a_child_twice(engine_host: FunctionsHost, faults: EngineFaults) -> None:
    """A turn whose history is lost starts its child again: the child is replaced, and answers once."""
    run_id = unique("twice")
    faults.run_turn_twice(run_id)
    parent = await run(engine_host, "has_child", {"name": "echoes", "input": "heard"}, run_id)
    assert parent.output == {"result": "heard"}


async def test_a_turn_that_runs_again_has_another_time(engine_host: FunctionsHost, faults: EngineFaults) -> None:
    """A turn that runs again begins with the time at which it runs again."""
    run_id = unique("twice")
    faults.run_turn_twice(run_id)
    await run(engine_host, "echoes", "heard", run_id)
    first = next(event for event in engine_host.client.history(run_id) if event.HasField("orchestratorStarted"))
    created = engine_host.client.get_instance(run_id)
    assert created is not None
    assert first.timestamp.ToDatetime() > created.created_at.replace(tzinfo=None)
