"""What somebody typed into Durable Functions Monitor as a run's input hides no run and breaks no answer."""

from typing import TYPE_CHECKING, cast

import pytest
from durabletask.client import OrchestrationStatus

from tests.app.task_hub import CountingHub
from tests.core.conftest import NOW
from triggers import running_backfills, status_sources, task_hub

if TYPE_CHECKING:
    import azure.durable_functions as df

ID = "20261101T000000Z-00000000"
NO_JSON = ["{'start_time': '2026-11-01T00:00:00Z'}", "{a:1}", '{"a":1,}', "/* x */ {}", "0x1F", "\0", "[" * 100_000]


@pytest.mark.parametrize("text", [*NO_JSON, "[1]", '"text"', "NaN", "null"])
async def test_an_input_that_is_no_object_is_left_out(text: str) -> None:
    """The management API accepts looser JSON than Python; a run with such an input is listed with its failure."""
    hub = CountingHub()
    reason = "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)"
    hub.add_run(f"backfill-{ID}", "backfill", OrchestrationStatus.FAILED, NOW, output=reason, input=text)
    client = cast("df.DurableFunctionsClient", hub)
    found = await task_hub.run(client, f"backfill-{ID}")
    assert found is not None
    assert (found.input, found.error) == ({}, "Expecting value: line 1 column 1 (char 0)")
    assert (await running_backfills.all_of_them(client))[ID].state == "failed"
    assert [run.instance_id for run in (await status_sources.read(client, NOW)).runs] == [f"backfill-{ID}"]
