"""What an engine keeps whole: payloads over the 64 KB of a table's property, which Azure Storage puts into a blob.

A custom status it does not: a run that sets one of over 16 KB fails.
"""

import pytest

from local.host import FunctionsHost, RuntimeStatus
from tests.engine.asking import run

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("size", [40_000, 70_000, 1_000_000])
async def test_a_large_payload_comes_back_whole(engine_host: FunctionsHost, size: int) -> None:
    """As an input, an activity's result and an output, with characters of several bytes."""
    text = "ä" * size
    instance = await run(engine_host, "echoes", text)
    assert (instance.input, instance.output) == (text, text)


@pytest.mark.parametrize(("letter", "length"), [("a", 1), ("ä", len(r"\u00e4"))])
async def test_a_large_custom_status_fails_its_run(engine_host: FunctionsHost, letter: str, length: int) -> None:
    """The limit is 16 KB of the JSON in UTF-16; whatever the run returned is lost."""
    most = (16 * 1024 // 2 - len('""')) // length
    kept = await run(engine_host, "tells", letter * most)
    assert (kept.status, kept.output, kept.custom_status) == (RuntimeStatus.COMPLETED, "told", letter * most)
    failed = await run(engine_host, "tells", letter * (most + 1))
    assert failed.status is RuntimeStatus.FAILED
    assert "CustomStatus is too large: limit = 16 KB (UTF-16), actual = 16.0" in str(failed.output)
