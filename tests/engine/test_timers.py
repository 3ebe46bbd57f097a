"""When durable timers fire: row 6 of durable-functions-3.md."""

import pytest

from local.host import FunctionsHost
from tests.engine.asking import run

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_timers_fire_early(engine_host: FunctionsHost) -> None:
    """A timer's delay is cut to whole seconds: the orchestration goes on before the time that it waits for."""
    early = [(await run(engine_host, "waits", 1.95)).output for _ in range(3)]
    assert min(early) < 0
    assert all(seconds >= -1 for seconds in early)


async def test_short_timers_fire_at_once(engine_host: FunctionsHost) -> None:
    """A timer of less than a second does not wait."""
    early = [(await run(engine_host, "waits", 0.95)).output for _ in range(3)]
    assert min(early) < 0
