"""Queries of the task hub, page by page, so that no answer is too large and no caller reads more rows than it can use.

Azure Tables returns at most 1,000 rows a page and refuses to be asked for more; the SDK's own queries ask for
2,147,483,647 at once, and read until the end.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

import azure.durable_functions as df
import grpc
from durabletask.client import EntityQuery, OrchestrationQuery, OrchestrationState, parse_orchestration_state
from durabletask.entities import EntityMetadata
from durabletask.internal.client_helpers import build_query_entities_req, build_query_instances_req

# Rows of runs are about 1 KB without inputs, if they have no long outputs.
_RUNS: Final = 1_000
# With states of up to 40 KB a page fits into a gRPC message of 4 MB.
_ENTITIES: Final = 100
# An instance of the host that is lost after it has stored a child's first history, and before its row, leaves a row
# without name and time of creation, for ever. One such row fails the whole query; this leaves it out.
_CREATED_FROM: Final = datetime(2020, 1, 1, tzinfo=UTC)


async def instances(
    client: df.DurableFunctionsClient, query: OrchestrationQuery, most: int
) -> AsyncIterator[OrchestrationState]:
    """Yield what the query finds, by instance id, `most` at most; no page is read that the caller does not need.

    Outputs and custom statuses come always: the extension leaves out only inputs.
    """
    query.created_time_from = _CREATED_FROM

    async def ask(size: int, token: Any) -> Any:
        query.max_instance_count = size
        # Not public, but the public method cannot stop before the end.
        return await client._get_stub().QueryInstances(build_query_instances_req(query, token))  # noqa: SLF001

    async for page in _pages(ask, _RUNS, most):
        for state in page.orchestrationState:
            yield parse_orchestration_state(state, client._data_converter)  # noqa: SLF001


async def entities(client: df.DurableFunctionsClient, query: EntityQuery, most: int) -> AsyncIterator[EntityMetadata]:
    """Yield the entities that the query finds, by id, `most` at most; no page is read that the caller does not need."""

    async def ask(size: int, token: Any) -> Any:
        query.page_size = size
        return await client._get_stub().QueryEntities(build_query_entities_req(query, token))  # noqa: SLF001

    async for page in _pages(ask, _ENTITIES, most):
        for entity in page.entities:
            yield EntityMetadata.from_entity_metadata(entity, query.include_state, client._data_converter)  # noqa: SLF001


async def _pages(ask: Callable[[int, Any], Awaitable[Any]], size: int, most: int) -> AsyncIterator[Any]:
    """Yield pages until the end or `most` rows; a page over the 4 MB of a message is asked for in half."""
    token: Any = None
    while most > 0:
        try:
            page = await ask(min(size, most), token)
        except grpc.aio.AioRpcError as error:
            asked = min(size, most)
            if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED or asked == 1:
                raise
            size = asked // 2
            continue
        yield page
        most -= len(page.orchestrationState if hasattr(page, "orchestrationState") else page.entities)
        token = page.continuationToken
        if not token.value:
            return
