"""Queries of the task hub are cut into pages that fit into a message of 4 MB."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import grpc
import pytest
from durabletask.client import OrchestrationStatus

from tests.app.task_hub import CountingHub
from triggers import task_hub

if TYPE_CHECKING:
    import azure.durable_functions as df

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


class NarrowHub(CountingHub):
    """A hub whose messages have room for so many rows, whatever page is asked for."""

    room = 3

    def _page(self, found: list[str], size: int, token: str) -> tuple[list[str], Any]:
        if min(size, len(found) - int(token or 0)) > self.room:
            none = grpc.aio.Metadata()
            raise grpc.aio.AioRpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, none, none)
        return super()._page(found, size, token)


def hub_of(runs: int) -> NarrowHub:
    hub = NarrowHub()
    for number in range(runs):
        hub.add_run(f"poll-{number}", "poll", OrchestrationStatus.RUNNING, NOW)
        hub.states[f"@stream_cursor@{number}"] = '{"outcome": "ok"}'
    return hub


async def test_a_page_that_is_too_large_is_asked_for_in_parts() -> None:
    """Every run and every cursor comes, each once."""
    client = cast("df.DurableFunctionsClient", hub_of(9))
    runs = await task_hub.runs(client, "poll-", statuses=task_hub.RUNNING, most=100)
    assert [run.instance_id for run in runs] == [f"poll-{number}" for number in range(9)]
    assert list(await task_hub.cursors(client)) == [str(number) for number in range(9)]


async def test_a_row_that_is_too_large_alone_is_an_error() -> None:
    """There is no smaller page than one row."""
    hub = hub_of(1)
    hub.room = 0
    with pytest.raises(grpc.aio.AioRpcError):
        await task_hub.runs(cast("df.DurableFunctionsClient", hub), "poll-", statuses=task_hub.RUNNING, most=100)
