"""What becomes of the work that a dying worker held: entity operations, activities and turns."""

import pytest

from local.host import FunctionsHost, RuntimeStatus
from local.host.in_memory import InMemoryEngine
from local.patience import within
from tests.engine.asking import calls, kill_in, run, unique, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_entity_operation_fails(engine_host: FunctionsHost) -> None:
    """A call whose operation a dying worker held fails with a text that the SDK cannot read; no state is lost."""
    key, name = unique("counter"), unique("hangs")
    add = {"key": key, "operation": "add", "input": 1}
    assert (await run(engine_host, "calls_entity", add)).output == {"result": 1}
    run_id = engine_host.client.start("calls_entity", {"key": key, "operation": "hang_once", "input": name})
    await kill_in(engine_host, name)
    caller = await engine_host.client.wait_for(run_id)
    assert (caller.status, caller.error_type) == (RuntimeStatus.FAILED, "json.decoder.JSONDecodeError")
    assert calls(engine_host, name) == 1
    history = "".join(map(str, engine_host.client.history(caller.instance_id)))
    assert "FunctionInvocationFailed" in history
    assert (await run(engine_host, "calls_entity", add)).output == {"result": 2}


async def test_a_signal_is_lost(engine_host: FunctionsHost) -> None:
    """A signal whose operation a dying worker held is lost: it is not repeated."""
    key, name = unique("counter"), unique("hangs")
    engine_host.client.signal_entity("counter", key, "hang_once", name)
    await kill_in(engine_host, name)
    add = {"key": key, "operation": "add", "input": 10}
    # The call may come into the batch that the worker held, which fails with it.
    await run(engine_host, "calls_entity", add)
    await run(engine_host, "calls_entity", add)
    assert calls(engine_host, name) == 1


async def test_an_activity_fails(engine_host: FunctionsHost) -> None:
    """The call of an activity that a dying worker held fails, and is not repeated."""
    name = unique("hangs")
    run_id = engine_host.client.start("calls_activity", {"activity": "hang_once", "input": name})
    await kill_in(engine_host, name)
    caller = await engine_host.client.wait_for(run_id)
    assert caller.output["type"] == "Microsoft.Azure.WebJobs.Host.FunctionInvocationException"
    assert caller.output["message"] == "Exception while executing function: hang_once"
    assert caller.output["inner"]["type"].endswith(".WorkerProcessExitException")
    assert calls(engine_host, name) == 1


async def test_a_retry_policy_repeats_it(engine_host: FunctionsHost) -> None:
    """The call of an activity that a dying worker held is repeated by the call's retry policy."""
    name = unique("hangs")
    run_id = engine_host.client.start("retries_activity", {"activity": "hang_once", "input": name})
    await kill_in(engine_host, name)
    assert (await engine_host.client.wait_for(run_id)).output == 2


@pytest.mark.in_memory("the script host may do it; the extension fails the call")
async def test_an_activity_may_be_requeued(engine_host: FunctionsHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a test requests it, an activity that a dying worker held goes back into the queue and runs again."""
    assert isinstance(engine_host.engine, InMemoryEngine)
    name = unique("hangs")
    monkeypatch.setattr(engine_host.engine.faults, "requeue_lost_activities", True)
    run_id = engine_host.client.start("calls_activity", {"activity": "hang_once", "input": name})
    await kill_in(engine_host, name)
    assert (await engine_host.client.wait_for(run_id)).output == {"result": 2}


async def test_a_turn_runs_again(engine_host: FunctionsHost) -> None:
    """A turn that a dying worker held is aborted and runs again."""
    name = unique("hangs")
    run_id = engine_host.client.start("hangs_once_itself", name)
    await kill_in(engine_host, name)
    await until(engine_host, lambda: calls(engine_host, name) == 2)
    assert (await engine_host.client.wait_for(run_id)).output == 2


async def test_a_function_that_takes_too_long_costs_the_worker(
    engine_host: FunctionsHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker is killed with all that it runs; the retry policy repeats the activity that exceeded the limit."""
    other, name, worker = unique("holds"), unique("hangs"), engine_host.worker
    other_id = engine_host.client.start("calls_activity", {"activity": "hold", "input": other})
    await until(engine_host, lambda: calls(engine_host, other) > 0)
    # What has begun before has no limit of its own.
    monkeypatch.setattr(worker, "function_timeout", within(1))
    run_id = engine_host.client.start("retries_activity", {"activity": "hang_once", "input": name})
    await until(engine_host, lambda: calls(engine_host, name) > 1)
    monkeypatch.setattr(worker, "function_timeout", None)
    failure = (await engine_host.client.wait_for(other_id)).output
    assert failure["type"] == "Microsoft.Azure.WebJobs.Host.FunctionInvocationException"
    assert failure["inner"]["message"].startswith("FunctionTimeoutException: Timeout value of ")
    assert (await engine_host.client.wait_for(run_id)).output == calls(engine_host, name)
    said = [record.message for record in engine_host.warnings if record.logger == "host"]
    assert failure["inner"]["message"] in said
