"""Which messages reach an entity, with the message sorter on and off."""

import pytest

from local.host import FunctionsHost, RuntimeStatus
from tests.engine.asking import run, unique, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_calls_arrive_without_the_sorter(engine_host: FunctionsHost) -> None:
    """With a reorder window of 0 minutes an entity answers the calls of orchestrations, one after another."""
    key = unique("called")
    results = [
        (await run(engine_host, "calls_entity", {"key": key, "operation": "add", "input": 2})).output for _ in range(2)
    ]
    assert results == [{"result": 2}, {"result": 4}]
    assert engine_host.client.entity_state("counter", key) == 4


async def test_the_sorter_drops_calls(sorting_host: FunctionsHost) -> None:
    """With the sorter on, a call from an orchestration vanishes: the caller waits for ever. Signals arrive."""
    client, key = sorting_host.client, unique("dropped")
    caller = client.start("calls_entity", {"key": key, "operation": "add", "input": 1})
    await until(sorting_host, lambda: any(event.HasField("eventSent") for event in client.history(caller)))
    assert (
        await run(sorting_host, "signals_entity", {"key": key, "operation": "add", "input": 10})
    ).output == "signaled"
    client.signal_entity("counter", key, "add", 100)
    await until(sorting_host, lambda: (client.entity_state("counter", key) or 0) >= 110)
    assert client.entity_state("counter", key) == 110
    waiting = client.get_instance(caller)
    assert waiting is not None
    assert waiting.status is RuntimeStatus.RUNNING
