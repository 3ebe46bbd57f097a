"""Which requests the engine accepts: simultaneous starts, and requests for runs that have ended or do not exist.

Besides, what it tells the clients that send them.
"""

import asyncio
import json

import pytest

from local.host import FunctionsHost
from local.host.in_memory import InMemoryEngine
from tests.engine.asking import ask, run, unique, until
from tests.engine.faults import Faults

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_simultaneous_starts_make_one_run(engine_host: FunctionsHost, faults: Faults) -> None:
    """Starts with one id at the same moment make one run, and each is accepted or rejected as a duplicate.

    The extension accepts all that come before it has stored the run, so how many it accepts differs from time to time.
    The in-memory engine accepts all of them. A start that comes after their answers is rejected.
    """
    run_id = unique("three")
    faults.start_at_once(run_id, 3)
    start = {"instanceId": run_id, "name": "waits", "input": "3600"}
    answers = await asyncio.gather(*(ask(engine_host, "StartInstance", start) for _ in range(3)))
    errors = sorted(answer.error for answer in answers)
    assert (errors[0], {*errors} <= {"", "ALREADY_EXISTS"}) == ("", True)
    if isinstance(engine_host.engine, InMemoryEngine):
        assert errors == ["", "", ""]
    assert (await ask(engine_host, "StartInstance", start)).error == "ALREADY_EXISTS"
    await until(engine_host, lambda: bool(engine_host.client.history(run_id)))
    engine_host.client.terminate(run_id)
    await engine_host.client.wait_for(run_id)
    (found,) = engine_host.client.query(run_id)
    kinds = [event.WhichOneof("eventType") for event in engine_host.client.history(run_id)]
    assert (found.name, kinds.count("executionStarted"), kinds.count("timerCreated")) == ("waits", 1, 1)


@pytest.mark.parametrize("method", ["TerminateInstance", "SuspendInstance", "ResumeInstance"])
async def test_a_run_that_has_ended_cannot_be_stopped(engine_host: FunctionsHost, method: str) -> None:
    """A request to stop a run is rejected if the run has ended, or if there is none."""
    ended = await run(engine_host, "returns", 1)
    assert (await ask(engine_host, method, {"instanceId": ended.instance_id})).error == "FAILED_PRECONDITION"
    assert (await ask(engine_host, method, {"instanceId": unique("nobody")})).error == "NOT_FOUND"


async def test_a_run_that_has_not_ended_cannot_be_purged(engine_host: FunctionsHost) -> None:
    """The request is rejected and the run stays; of a run that does not exist nothing is purged."""
    run_id = engine_host.client.start("waits", 3600, unique("unended"))
    assert (await ask(engine_host, "PurgeInstances", {"instanceId": run_id})).error == "FAILED_PRECONDITION"
    assert engine_host.client.get_instance(run_id) is not None
    nobody = await ask(engine_host, "PurgeInstances", {"instanceId": unique("nobody")})
    assert (nobody.error, nobody.content.get("deletedInstanceCount", 0)) == ("", 0)
    engine_host.client.terminate(run_id)
    await engine_host.client.wait_for(run_id)
    assert (await ask(engine_host, "PurgeInstances", {"instanceId": run_id})).content["deletedInstanceCount"] == 1
    assert engine_host.client.get_instance(run_id) is None


async def test_a_durable_client_gets_addresses_and_limits(engine_host: FunctionsHost) -> None:
    """The binding's text has the addresses of the engine and the management API, and the largest message."""
    binding = json.loads(engine_host.engine.client_binding)
    # The script host says https; the extension's program serves its management API without a certificate.
    scheme = "https" if isinstance(engine_host.engine, InMemoryEngine) else "http"
    assert binding.pop("httpBaseUrl").startswith(f"{scheme}://127.0.0.1:")
    assert binding.pop("rpcBaseUrl").startswith("http://127.0.0.1:")
    assert binding.pop("taskHubName")
    assert binding == {
        "connectionName": None,
        "creationUrls": None,
        "managementUrls": None,
        "baseUrl": None,
        "requiredQueryStringParameters": "code=local-durabletask-extension-key",
        "useForwardedHost": False,
        "maxGrpcMessageSizeInBytes": 4_194_304,
        "grpcHttpClientTimeout": '"00:01:40"',
    }
