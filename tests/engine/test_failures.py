"""What a run, its parent and its callers learn of a failure."""

from pathlib import Path
from typing import Any

import pytest

from local.host import FunctionsHost, HostError, RuntimeStatus
from tests.engine.asking import ask, run, unique, until
from tests.engine.conftest import serving
from tests.engines import Engines

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_failed_run_has_only_a_text(engine_host: FunctionsHost) -> None:
    """A failed run has no failure details: its output is the dotted type and the message, and is not JSON."""
    failed = await run(engine_host, "fails", "it broke\nhere", unique("failed"))
    got = await ask(engine_host, "GetInstance", {"instanceId": failed.instance_id, "getInputsAndOutputs": True})
    query = {"instanceIdPrefix": failed.instance_id, "maxInstanceCount": 10, "fetchInputsAndOutputs": True}
    queried = await ask(engine_host, "QueryInstances", {"query": query})
    for state in (got.content["orchestrationState"], *queried.content["orchestrationState"]):
        assert state["output"] == "function_app.TooSmallError: it broke\nhere"
        assert "failureDetails" not in state
    assert (failed.status, failed.error_type) == (RuntimeStatus.FAILED, "function_app.TooSmallError")
    assert failed.error_message == "it broke\nhere"


async def test_a_failed_child_keeps_its_details(engine_host: FunctionsHost) -> None:
    """A child's failure reaches its parent with the child's own type and message."""
    parent = await run(engine_host, "has_child", {"name": "fails", "input": "it broke"})
    assert (parent.output["type"], parent.output["message"]) == ("function_app.TooSmallError", "it broke")


async def test_a_terminated_child_says_nothing(engine_host: FunctionsHost) -> None:
    """A child that was terminated fails at its parent without a type and without a message."""
    client = engine_host.client
    parent_id = client.start("has_child", {"name": "waits", "input": 3600}, unique("parent"))
    child_id = f"{parent_id}-child"
    await until(engine_host, lambda: getattr(client.get_instance(child_id), "status", None) is RuntimeStatus.RUNNING)
    client.terminate(child_id, "by hand")
    parent = await client.wait_for(parent_id)
    assert (parent.output["exception"], parent.output["type"], parent.output["message"]) == ("TaskFailedError", "", "")
    child = client.get_instance(child_id)
    assert child is not None
    assert (child.status, child.output) == (RuntimeStatus.TERMINATED, "by hand")


async def test_a_failed_activity_has_one_line(engine_host: FunctionsHost) -> None:
    """An activity's failure has the bare type, the first line of its message, and no inner failure."""
    caller = await run(engine_host, "calls_activity", {"activity": "fail", "input": "one\ntwo"})
    assert (caller.output["type"], caller.output["message"]) == ("ConnectionError", "one")
    assert caller.output["inner"] is None


async def test_credentials_are_hidden(engine_host: FunctionsHost) -> None:
    """An activity's failure shows nothing after what looks like a credential. The script host does this."""
    text = "GET /?code=abc 'then' <more> token=xyz"
    caller = await run(engine_host, "calls_activity", {"activity": "fail", "input": text})
    assert caller.output["message"] == "GET /[Hidden Credential]'then' <more> [Hidden Credential]"


async def test_an_unknown_activity_says_nothing(engine_host: FunctionsHost) -> None:
    """The call of an activity that the app does not have fails without a type and without a message."""
    caller = await run(engine_host, "calls_activity", {"activity": "nobody", "input": "x"})
    assert (caller.output["exception"], caller.output["type"], caller.output["message"]) == ("TaskFailedError", "", "")


async def test_an_unknown_orchestrator_fails(engine_host: FunctionsHost) -> None:
    """A run of an orchestrator that the app does not have fails with a message in JSON."""
    run_id = engine_host.client.start("nobody", None, unique("unknown"))
    failed = await engine_host.client.wait_for(run_id)
    assert failed.status is RuntimeStatus.FAILED
    assert "The function 'nobody' doesn't exist" in str(failed.output)


async def test_an_entity_names_the_cause(engine_host: FunctionsHost) -> None:
    """An entity's failed operation names the operation, and its inner failure is the entity's own."""
    call = {"key": unique("down"), "operation": "add", "input": -1}
    caller = await run(engine_host, "calls_entity", call)
    assert caller.output["inner"] == {"type": "function_app.TooSmallError", "message": "only up"}
    assert caller.output["message"].endswith("failed with error: only up")


@pytest.mark.in_memory("on the extension the run never ends, and others wait with it")
@pytest.mark.parametrize(
    ("orchestrator", "call"),
    [("fails", "x" * 33_000), ("calls_activity", {"activity": "fail", "input": "x" * 33_000})],
)
async def test_a_failure_that_cannot_be_stored_is_an_error(
    engines: Engines, tmp_path: Path, orchestrator: str, call: Any
) -> None:
    """It ends the test that meets one, with what is wrong."""
    async with serving(engines, tmp_path) as (host, _):
        with pytest.raises(HostError, match=r"would try for ever to store how .* failed: it takes more than 64 KB"):
            await run(host, orchestrator, call)
