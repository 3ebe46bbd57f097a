"""Queries of the task hub, page by page, so that no answer is too large and no caller reads more rows than it can use.

Azure Tables returns at most 1,000 rows a page and refuses to be asked for more; the SDK's own queries ask for
2,147,483,647 at once, and read until the end.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

import azure.durable_functions as df
from durabletask.client import EntityQuery, OrchestrationQuery, OrchestrationState, parse_orchestration_state
from durabletask.entities import EntityMetadata
from durabletask.internal.client_helpers import build_query_entities_req, build_query_instances_req

# With inputs and outputs of up to 20 KB each, or entity states as large, a page fits into a gRPC message of 4 MB.
DETAILED_PAGE: Final = 100
# Rows without inputs and outputs are about 1 KB.
PAGE: Final = 1_000
# "0" is how the in-memory engine ends.
_THE_END: Final = ("", "0")


async def instances(
    client: df.DurableFunctionsClient, query: OrchestrationQuery, most: int
) -> AsyncIterator[OrchestrationState]:
    """Yield what the query finds, by instance id, `most` at most; no page is read that the caller does not need."""
    token: Any = None
    largest = DETAILED_PAGE if query.fetch_inputs_and_outputs else PAGE
    while most > 0:
        query.max_instance_count = min(largest, most)
        # Not public, but the public method cannot stop before the end.
        page = await client._get_stub().QueryInstances(build_query_instances_req(query, token))  # noqa: SLF001
        for state in page.orchestrationState[:most]:
            yield parse_orchestration_state(state, client._data_converter)  # noqa: SLF001
        most -= len(page.orchestrationState)
        token = page.continuationToken
        if token.value in _THE_END:
            return


async def entities(client: df.DurableFunctionsClient, query: EntityQuery, most: int) -> AsyncIterator[EntityMetadata]:
    """Yield the entities that the query finds, by id, `most` at most; no page is read that the caller does not need."""
    token: Any = None
    largest = DETAILED_PAGE if query.include_state else PAGE
    while most > 0:
        query.page_size = min(largest, most)
        page = await client._get_stub().QueryEntities(build_query_entities_req(query, token))  # noqa: SLF001
        for entity in page.entities[:most]:
            yield EntityMetadata.from_entity_metadata(entity, query.include_state, client._data_converter)  # noqa: SLF001
        most -= len(page.entities)
        token = page.continuationToken
        if token.value in _THE_END:
            return
