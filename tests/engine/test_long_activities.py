"""An activity that takes longer than its message in the queue is hidden."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from local.extension import ExtensionEngine
from local.host import FunctionsHost
from tests.engine.asking import calls, run, unique, until
from tests.engine.conftest import serving
from tests.engines import Engines

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.azure_storage("the in-memory engine hides no messages"),
]

_TIMEOUT_SECONDS = 10
_TIMEOUT = "AzureFunctionsJobHost__extensions__durableTask__storageProvider__workItemQueueVisibilityTimeout"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def hasty_host(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FunctionsHost]:
    """Provide two instances whose work items show up again soon."""
    settings = {_TIMEOUT: f"00:00:{_TIMEOUT_SECONDS}"}
    async with serving(engines, tmp_path_factory.mktemp("marks"), **settings) as (host, _):
        assert isinstance(host.engine, ExtensionEngine)
        await host.engine.add_instance()
        yield host


async def test_a_long_activity_runs_once(hasty_host: FunctionsHost) -> None:
    """The extension extends the visibility timeout while the activity runs, so that nobody else runs it."""
    name = unique("long")
    run_id = hasty_host.client.start("calls_activity", {"activity": "hold", "input": name})
    await until(hasty_host, lambda: calls(hasty_host, name) == 1)
    # A durable timer is the clock: it fires up to a second early.
    await run(hasty_host, "waits", 2 * _TIMEOUT_SECONDS + 1)
    assert calls(hasty_host, name) == 1
    (Path(hasty_host._settings["MARKS"]) / f"{name}-released").touch()
    await hasty_host.client.wait_for(run_id)
    assert calls(hasty_host, name) == 1
