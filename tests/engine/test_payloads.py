"""What an engine keeps whole: payloads over the 64 KB of a table's property, which Azure Storage puts into a blob."""

import pytest

from local.host import FunctionsHost
from tests.engine.asking import run

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("size", [40_000, 70_000, 1_000_000])
async def test_a_large_payload_comes_back_whole(engine_host: FunctionsHost, size: int) -> None:
    """As an input, an activity's result and an output, with characters of several bytes."""
    text = "ä" * size
    instance = await run(engine_host, "echoes", text)
    assert (instance.input, instance.output) == (text, text)
