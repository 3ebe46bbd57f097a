"""What queries return, page by page, and how large a page and a message may be."""

import json
from typing import Any

import pytest

from local.host import FunctionsHost
from tests.engine.asking import Answer, ask, run, unique, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def three_runs(host: FunctionsHost, prefix: str) -> list[str]:
    """Run three in the reverse order of their ids."""
    ids = [f"{prefix}-{number}" for number in range(3)]
    for run_id in reversed(ids):
        await run(host, "returns", "small", run_id)
    return ids


async def runs(host: FunctionsHost, prefix: str, **query: Any) -> Answer:
    return await ask(host, "QueryInstances", {"query": {"instanceIdPrefix": prefix, **query}})


def ids_of(answer: Answer, kind: str = "orchestrationState") -> list[str]:
    return [state["instanceId"] for state in answer.content.get(kind, ())]


@pytest.mark.parametrize("size", [1001, 2**31 - 1])
async def test_large_pages_are_rejected(engine_host: FunctionsHost, size: int) -> None:
    """A page of more than 1,000 runs or entities is rejected, as Azure Tables rejects it, whatever there is."""
    # The prefix keeps out the large outputs of other tests.
    nobody = unique("nobody")
    for method, prefix, limit in (
        ("QueryInstances", "instanceIdPrefix", "maxInstanceCount"),
        ("QueryEntities", "instanceIdStartsWith", "pageSize"),
    ):
        assert (await ask(engine_host, method, {"query": {prefix: nobody, limit: size}})).error == "UNKNOWN"
        assert (await ask(engine_host, method, {"query": {prefix: nobody, limit: 1000}})).error == ""


async def test_a_page_of_no_size_is_empty(engine_host: FunctionsHost) -> None:
    """A page size of 0, which is also that of a query without one, gives no run, but the token of the first."""
    ids = await three_runs(engine_host, unique("none"))
    for query in ({}, {"maxInstanceCount": 0}):
        answer = await runs(engine_host, ids[0][:-2], **query)
        assert ids_of(answer) == []
        assert answer.content["continuationToken"]
    answer = await ask(engine_host, "QueryEntities", {"query": {"pageSize": 0}})
    assert ids_of(answer, "entities") == []


async def test_pages_follow_the_ids(engine_host: FunctionsHost) -> None:
    """Runs come in the order of their ids, page after page, and the last page has no token."""
    ids = await three_runs(engine_host, unique("pages"))
    first = await runs(engine_host, ids[0][:-2], maxInstanceCount=2)
    token = first.content["continuationToken"]
    second = await runs(engine_host, ids[0][:-2], maxInstanceCount=2, continuationToken=token)
    assert (ids_of(first), ids_of(second)) == (ids[:2], ids[2:])
    exact = await runs(engine_host, ids[0][:-2], maxInstanceCount=3)
    assert ids_of(exact) == ids
    assert "continuationToken" not in second.content
    assert "continuationToken" not in exact.content


async def test_entities_have_a_page_size(engine_host: FunctionsHost) -> None:
    """A query of entities without a page size returns those that have a state, in pages of 100."""
    prefix = unique("many")
    keys = [f"{prefix}-{number:03}" for number in range(101)]
    for key in keys:
        engine_host.client.signal_entity("counter", key, "add", 1)
    query: dict[str, Any] = {"instanceIdStartsWith": f"@counter@{prefix}"}
    await until(engine_host, lambda: sum(prefix in key for key in engine_host.client.entities()) == len(keys))
    first = await ask(engine_host, "QueryEntities", {"query": query})
    assert ids_of(first, "entities") == [f"@counter@{key}" for key in keys[:100]]
    query["continuationToken"] = first.content["continuationToken"]
    second = await ask(engine_host, "QueryEntities", {"query": query})
    assert ids_of(second, "entities") == [f"@counter@{keys[100]}"]
    assert "continuationToken" not in second.content


async def test_an_entity_without_state_does_not_exist(engine_host: FunctionsHost) -> None:
    """An entity that has no state is returned by no query, unless the query includes transient ones."""
    key = unique("stateless")
    await run(engine_host, "calls_entity", {"key": key, "operation": "add", "input": -1})
    entity_id = f"@counter@{key}"
    assert (await ask(engine_host, "GetEntity", {"instanceId": entity_id})).content == {}
    query = {"instanceIdStartsWith": entity_id}
    assert ids_of(await ask(engine_host, "QueryEntities", {"query": query}), "entities") == []
    transient = await ask(engine_host, "QueryEntities", {"query": {**query, "includeTransient": True}})
    assert ids_of(transient, "entities") == [entity_id]


async def test_queries_always_return_outputs(engine_host: FunctionsHost) -> None:
    """Without inputs and outputs a query leaves out inputs only, and GetInstance both and the custom status."""
    ids = await three_runs(engine_host, unique("payloads"))
    (state,) = (await runs(engine_host, ids[0], maxInstanceCount=1)).content["orchestrationState"]
    assert "input" not in state
    assert (state["output"], state["customStatus"]) == ('"small"', "null")
    got = (await ask(engine_host, "GetInstance", {"instanceId": ids[0]})).content["orchestrationState"]
    assert not {"input", "output", "customStatus"} & got.keys()


async def test_messages_of_four_megabytes(engine_host: FunctionsHost) -> None:
    """The app's durable client neither receives nor sends more than 4 MB at once, and a page may be more."""
    prefix = unique("large")
    for number in range(3):
        await run(engine_host, "returns", "x" * 1_500_000, f"{prefix}-{number}")
    assert (await runs(engine_host, prefix, maxInstanceCount=2)).error == ""
    assert (await runs(engine_host, prefix, maxInstanceCount=3)).error == "RESOURCE_EXHAUSTED"
    start = {"instanceId": unique("sent"), "name": "returns", "input": json.dumps("x" * 4_194_304)}
    assert (await ask(engine_host, "StartInstance", start)).error == "RESOURCE_EXHAUSTED"
