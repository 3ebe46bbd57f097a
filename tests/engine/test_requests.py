"""What the engine accepts: row 9 of durable-functions-3.md, and requests for runs that have ended or never were."""

import asyncio

import pytest

from local.host import FunctionsHost
from local.host.in_memory import InMemoryEngine
from tests.engine.asking import ask, run, unique
from tests.engine.faults import Faults

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_simultaneous_starts_make_one_run(engine_host: FunctionsHost, faults: Faults) -> None:
    """Starts with one id at the same moment may all be accepted; there is one run, and a later start is rejected."""
    run_id = unique("three")
    faults.start_at_once(run_id, 3)
    start = {"instanceId": run_id, "name": "waits", "input": "3600"}
    answers = await asyncio.gather(*(ask(engine_host, "StartInstance", start) for _ in range(3)))
    accepted = [answer.error == "" for answer in answers]
    assert all(accepted) if isinstance(engine_host.engine, InMemoryEngine) else any(accepted)
    assert {answer.error for answer in answers} <= {"", "ALREADY_EXISTS"}
    assert (await ask(engine_host, "StartInstance", start)).error == "ALREADY_EXISTS"
    (found,) = engine_host.client.query(run_id)
    started = [event for event in engine_host.client.history(run_id) if event.HasField("executionStarted")]
    assert (found.name, len(started) <= 1) == ("waits", True)
    engine_host.client.terminate(run_id)


@pytest.mark.parametrize("method", ["TerminateInstance", "SuspendInstance", "ResumeInstance"])
async def test_a_run_that_has_ended_cannot_be_stopped(engine_host: FunctionsHost, method: str) -> None:
    """A request to stop a run is rejected if the run has ended, or if there is none."""
    ended = await run(engine_host, "returns", 1)
    assert (await ask(engine_host, method, {"instanceId": ended.instance_id})).error == "FAILED_PRECONDITION"
    assert (await ask(engine_host, method, {"instanceId": unique("nobody")})).error == "NOT_FOUND"
