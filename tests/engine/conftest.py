"""One host for the whole suite: the real engine takes seconds to start."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from local.extension.choice import AZURE_STORAGE
from local.extension.table_proxy import TableProxy
from local.host import FunctionsHost
from local.host.in_memory import InMemoryEngine
from tests.engine.faults import Faults, StorageFaults
from tests.engines import Engines

_APP = Path(__file__).parent / "app"

type Bench = tuple[FunctionsHost, Faults]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the whole suite: it shows where the engines differ."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.engine)


@contextlib.asynccontextmanager
async def serving(engines: Engines, marks: Path, **settings: str) -> AsyncIterator[Bench]:
    """Run the suite's app. The tables of the real engine are behind a proxy that rejects what Azure Tables rejects."""
    with contextlib.ExitStack() as stack:
        options: dict[str, Any] = {}
        if engines.name == AZURE_STORAGE:
            proxy = stack.enter_context(TableProxy(engines.storage.ports["table"]))
            options["table_port"] = proxy.port
        given = {"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1", "MARKS": str(marks), **settings}
        async with FunctionsHost(_APP, given, engine=engines.new(**options)) as host:
            engine = host.engine
            yield host, engine.faults if isinstance(engine, InMemoryEngine) else StorageFaults(proxy)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bench(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    """Provide the app on the chosen engine, and the engine's faults."""
    async with serving(engines, tmp_path_factory.mktemp("marks")) as served:
        yield served


@pytest.fixture(scope="session")
def engine_host(bench: Bench) -> FunctionsHost:
    """Provide the app on the chosen engine."""
    return bench[0]


@pytest.fixture(scope="session")
def faults(bench: Bench) -> Faults:
    """Provide the means to make the engine repeat work."""
    return bench[1]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sorting_host(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FunctionsHost]:
    """Provide the app with the message sorter on, by the app setting that overrides host.json."""
    window = {"AzureFunctionsJobHost__extensions__durableTask__entityMessageReorderWindowInMinutes": "30"}
    async with serving(engines, tmp_path_factory.mktemp("marks"), **window) as (host, _):
        yield host
