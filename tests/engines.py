"""What tests run on: Microsoft's in-memory engine, its Durable extension on Azurite, or Azure Functions Core Tools.

`--engine azure-storage` chooses the extension. Its program is the one that DURABLE_HOST names or `make durable-host`
built, or else the archive in the folder `shared` beside the repository, which is unpacked once.

`--engine func` chooses Core Tools. Only the tests that are marked `core_tools` run there; all others are deselected.
"""

import fcntl
import itertools
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from local.extension import ExtensionEngine, HubStorage, ProgramMissingError, find_program
from local.extension.choice import AZURE_STORAGE, BRISK_QUEUES, ENGINES, IN_MEMORY
from local.extension.program import VARIABLE
from local.host.engine import Engine
from local.host.in_memory import InMemoryEngine
from tests.core_tools.process import CoreToolsError, find_func

ROOT: Final = Path(__file__).resolve().parents[1]
ARCHIVE: Final = ROOT.parent / "shared/tools/durable-host/durable-host.tar.xz"
CORE_TOOLS: Final = "func"
_UNPACKED: Final = ROOT / ".local/durable-host"


def add_option(parser: pytest.Parser) -> None:
    """Add `--engine`."""
    choices = (*ENGINES, CORE_TOOLS)
    parser.addoption("--engine", choices=choices, default=IN_MEMORY, help="what the app runs on; func: Core Tools")


def require(name: str) -> None:
    """Check that what was chosen is there.

    Raises:
        pytest.UsageError: it is not; the message says how to install it.

    """
    if name == CORE_TOOLS:
        try:
            find_func()
        except CoreToolsError as error:
            raise pytest.UsageError(f"--engine {CORE_TOOLS} cannot run. {error}") from error


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip tests that are marked for the engine that was not chosen; the marker says why.

    Core Tools run few tests: the others are deselected, and pytest counts them.
    """
    if config.getoption("engine") == CORE_TOOLS:
        left_out = [item for item in items if item.get_closest_marker("core_tools") is None]
        items[:] = [item for item in items if item.get_closest_marker("core_tools") is not None]
        config.hook.pytest_deselected(items=left_out)
        return
    other = "in_memory" if config.getoption("engine") == AZURE_STORAGE else "azure_storage"
    for item in items:
        if (marker := item.get_closest_marker(other)) is not None:
            item.add_marker(pytest.mark.skip(reason=f"needs the other engine: {marker.args[0]}"))


def program() -> Path:
    """Find the extension's program, or skip the test."""
    try:
        return find_program()
    except ProgramMissingError:
        if os.environ.get(VARIABLE):
            raise
        if not ARCHIVE.exists():
            pytest.skip("needs DURABLE_HOST, or the folder `shared` beside the repository with durable-host")
        return _unpacked()


def _unpacked() -> Path:
    """Unpack the archive, once for all test processes and sessions."""
    about = ARCHIVE.stat()
    folder = _UNPACKED / f"{about.st_size}-{about.st_mtime_ns}"
    _UNPACKED.mkdir(parents=True, exist_ok=True)
    with (_UNPACKED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=_UNPACKED) as partial, tarfile.open(ARCHIVE) as archive:
                archive.extractall(partial, filter="data")
                shutil.move(partial, folder)
                Path(partial).mkdir()  # what the context removes
    return next(folder.rglob("durable-host.dll")).with_name("durable-host")


class Engines:
    """Makes an engine for each host, all on one storage account."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self._numbers = itertools.count(1)
        self._storage: HubStorage | None = None

    @property
    def storage(self) -> HubStorage:
        """The storage account, started when it is first needed."""
        if self._storage is None:
            storage = HubStorage(self._folder / "storage")
            storage.start()
            self._storage = storage
        return self._storage

    def new(self, settings: dict[str, Any] | None = None, *, table_port: int | None = None) -> Engine:
        """Make an engine with a task hub of its own; `table_port` is a proxy's that stands before the tables."""
        if self.name == IN_MEMORY:
            return InMemoryEngine()
        folder = self._folder / f"extension-{next(self._numbers)}"
        options = {**BRISK_QUEUES, **(settings or {})}
        return ExtensionEngine(program(), self.storage, folder, settings=options, table_port=table_port)

    def stop(self) -> None:
        """Stop the storage account."""
        if self._storage is not None:
            self._storage.stop()


@pytest.fixture(scope="session")
def engines(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Provide engines of the kind that `--engine` chose."""
    made = Engines(request.config.getoption("engine"), tmp_path_factory.mktemp("engines"))
    yield made
    made.stop()
