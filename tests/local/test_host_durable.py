"""The local Functions host runs orchestrations, activities and entities as Azure does."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from local.host import EngineError, FunctionsHost, Instance, RuntimeStatus
from local.host.in_memory import InMemoryEngine
from local.host.process_usage import cpu_seconds, resident_bytes
from local.host.work_queues import WorkQueues
from local.patience import until

APPS = Path(__file__).parent / "apps"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FunctionsHost]:
    marks = tmp_path_factory.mktemp("marks")
    settings = {"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1", "MARKS": str(marks), "TICK": "0 0 0 1 1 *"}
    async with FunctionsHost(APPS / "durable", settings) as running:
        yield running


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def run(host: FunctionsHost, name: str, payload: object, instance_id: str | None = None) -> Instance:
    return await host.client.wait_for(host.client.start(name, payload, instance_id))


@pytest.mark.parametrize("name", ["doubled", "doubled_in_thread"])
async def test_activity(host: FunctionsHost, name: str) -> None:
    """Input reaches an activity, on the event loop or in a thread, and its result the orchestrator."""
    instance = await run(host, name, 21)
    assert (instance.status, instance.input, instance.output) == (RuntimeStatus.COMPLETED, 21, 42)


async def test_activity_failure_shape(host: FunctionsHost) -> None:
    """An activity's failure arrives as its bare type and the first line of its message."""
    instance = await run(host, "failure_seen", {"activity": "fail_until", "input": {"name": "shape", "succeeds": 9}})
    assert instance.output == {"type": "ConnectionError", "message": "attempt 1 broke", "trace": True}


async def test_unknown_activity(host: FunctionsHost) -> None:
    """Calling an activity that does not exist fails the call, not the host."""
    instance = await run(host, "failure_seen", {"activity": "nothing", "input": None})
    assert instance.output == {"type": "", "message": "", "trace": False}


async def test_failed_orchestration(host: FunctionsHost) -> None:
    """A failed instance shows its error as one line, as Durable Functions Monitor does."""
    instance = await run(host, "one_activity", {"activity": "fail_until", "input": {"name": "failed", "succeeds": 9}})
    assert instance.status is RuntimeStatus.FAILED
    assert instance.output == f"{instance.error_type}: {instance.error_message}"
    assert "attempt 1 broke" in instance.error_message


async def test_retry_policy(host: FunctionsHost) -> None:
    """A retry policy runs an activity until it succeeds, on durable timers."""
    instance = await run(host, "retried", {"name": "retried", "succeeds": 3})
    assert instance.output == {"attempt": 3}
    assert sum(event.HasField("timerFired") for event in host.client.history(instance.instance_id)) == 2


async def test_children(host: FunctionsHost) -> None:
    """Children run under the ids they were given, in parallel, and answer in order."""
    child = {"name": "doubled", "input": 4, "ids": ["a", "b", "c"]}
    assert (await run(host, "parent", child, "family")).output == [8, 8, 8]
    assert [i.instance_id for i in host.client.query("family-")] == ["family-a", "family-b", "family-c"]


async def test_child_knows_its_parent(host: FunctionsHost) -> None:
    """A child sees its parent's instance id."""
    assert (await run(host, "parent", {"name": "who_is_my_parent", "input": 0}, "elder")).output == ["elder"]


async def test_child_failure(host: FunctionsHost) -> None:
    """A child's failure reaches the parent with the child's own error type and message."""
    call = {"activity": "fail_until", "input": {"name": "child", "succeeds": 9}}
    instance = await run(host, "parent", {"name": "one_activity", "input": call})
    assert instance.output["type"] == "durabletask.task.TaskFailedError"
    assert "attempt 1 broke" in instance.output["message"]


async def test_child_outlives_the_engines_patience(host: FunctionsHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parent hears of a child that takes longer than the engine's own wait of 30 s, here cut to nothing."""
    monkeypatch.setattr(WorkQueues, "_wait_for_state", lambda *_args, **_options: None)
    assert (await run(host, "parent", {"name": "waits", "input": 0.2})).output == ["waited"]


async def test_many_hops(host: FunctionsHost) -> None:
    """Three children at once take ten hops each, through activities and an entity, and none is lost."""
    instance = await run(host, "parent", {"name": "ten_hops", "input": 0, "ids": ["a", "b", "c"]}, "hops")
    assert instance.output == [8, 8, 8]
    assert host.client.entity_state("counter", "hops-a") == 5


async def test_entity(host: FunctionsHost) -> None:
    """An entity's failed operation is rolled back and its error names the cause; an activity can read its state."""
    instance = await run(host, "entity_rolls_back", "k")
    assert instance.status is RuntimeStatus.COMPLETED, instance.output
    assert instance.output["first"] == 5
    assert instance.output["refused"]["inner"] == "only up"
    assert instance.output["refused"]["type"].endswith("EntityOperationFailedException")
    assert instance.output["seen"] == {"state": 5}
    assert host.client.entities()["@counter@k"] == 5


async def test_terminate(host: FunctionsHost) -> None:
    """A terminated instance ends at once and its timer never fires into it."""
    instance_id = host.client.start("waits", 0.3)
    host.client.terminate(instance_id, "enough")
    instance = await host.client.wait_for(instance_id)
    # This one's timer is due later.
    await run(host, "waits", 0.3)
    assert (instance.status, instance.output) == (RuntimeStatus.TERMINATED, "enough")
    assert not any(event.HasField("timerFired") for event in host.client.history(instance_id))


async def test_restart(host: FunctionsHost) -> None:
    """A finished instance restarts under its own id or a new one, with the same input."""
    first = await run(host, "doubled", 3, "again")
    assert host.client.restart("again") == "again"
    second = await host.client.wait_for("again")
    assert (second.input, second.output) == (3, 6)
    assert second.created_at > first.created_at
    copy = await host.client.wait_for(host.client.restart("again", new_id=True))
    assert copy.instance_id != "again"
    assert copy.output == 6


async def test_start_replaces_only_what_has_finished(host: FunctionsHost) -> None:
    """An id in use is refused; one whose instance has finished is replaced."""
    host.client.start("waits", 60, "single")
    with pytest.raises(EngineError) as refused:
        host.client.start("waits", 60, "single")
    assert refused.value.code == "ALREADY_EXISTS"
    host.client.terminate("single")
    await host.client.wait_for("single")
    assert (await run(host, "doubled", 1, "single")).output == 2


async def test_nothing_leaks_into_the_next_generation(host: FunctionsHost) -> None:
    """A timer and an activity left behind by continue_as_new do not answer for those of the next generation."""
    instance = await run(host, "two_generations", 1)
    assert instance.status is RuntimeStatus.COMPLETED, instance.output
    assert instance.output["doubled"] == 42
    assert instance.output["waited"] > 1.5


async def test_delivered_twice(host: FunctionsHost) -> None:
    """An activity that is delivered twice runs twice and completes once."""
    host.deliver_twice("nap")
    instance = await run(host, "one_activity", {"activity": "nap", "input": {"name": "twice", "seconds": 0.05}})
    marks = Path(host._settings["MARKS"]) / "twice"
    await until(lambda: marks.stat().st_size == 2)
    again = await run(host, "one_activity", {"activity": "nap", "input": {"name": "twice", "seconds": 0.05}})
    assert again.output == {"count": 3}
    # The second answer came before the one of this call.
    events = host.client.history(instance.instance_id)
    assert sum(event.HasField("taskCompleted") for event in events) == 1


@pytest.mark.parametrize("name", ["hangs_once_itself", "hangs_once_in_activity"])
async def test_killed_worker(host: FunctionsHost, name: str) -> None:
    """A turn that a killed worker held runs again in the next worker, and an activity if a test requests it."""
    assert isinstance(host.engine, InMemoryEngine)
    host.engine.faults.requeue_lost_activities = True
    generation, pid = host.worker.generation, host.worker.pid
    instance_id = host.client.start(name, {"name": name})
    marks = Path(host._settings["MARKS"]) / name
    # The file is there a moment before its first byte, which is what the next worker counts.
    await until(lambda: marks.exists() and marks.stat().st_size)
    host.worker.kill()
    instance = await host.client.wait_for(instance_id)
    assert instance.output == {"done": True}
    host.engine.faults.requeue_lost_activities = False
    assert marks.stat().st_size == 2
    assert (host.worker.generation, host.worker.pid != pid) == (generation + 1, True)


async def test_everything_is_in_the_dump(host: FunctionsHost) -> None:
    """The dump shows inputs, histories and entities' states."""
    await run(host, "entity_rolls_back", "dumped-key")
    dump = host.client.dump()
    assert "@counter@dumped-key: 5" in dump
    assert json.dumps("dumped-key") in dump.replace('\\"', '"')
    assert "taskScheduled" in dump


async def test_measures(host: FunctionsHost) -> None:
    """The worker's CPU time and peak memory are those of a process of its own."""
    assert host.worker.pid != os.getpid()
    assert cpu_seconds(host.worker.pid) > 0
    assert resident_bytes(host.worker.pid, peak=True) > 10_000_000


async def test_a_process_that_has_ended_uses_nothing() -> None:
    """A measure that comes late is no error."""
    process = await asyncio.create_subprocess_exec("true")
    await process.wait()
    assert (cpu_seconds(process.pid), resident_bytes(process.pid)) == (0.0, 0)
