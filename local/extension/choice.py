"""Which engine a command runs on."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from local.extension.engine import ExtensionEngine
from local.extension.program import find_program
from local.extension.storage import HubStorage, require_installed
from local.host.engine import Engine
from local.host.in_memory import InMemoryEngine

IN_MEMORY: Final = "in-memory"
AZURE_STORAGE: Final = "azure-storage"
ENGINES: Final = (IN_MEMORY, AZURE_STORAGE)
# Settings of the extension: it looks into each queue at least five times a second. With the 10 s of host.json, tests
# and fault cases would mostly wait.
BRISK_QUEUES: Final = {"storageProvider.maxQueuePollingInterval": "00:00:00.2"}

# Makes an engine with a task hub of its own; its folder and its settings are those of `ExtensionEngine`.
type NewEngine = Callable[[Path, Mapping[str, Any]], Engine]


def require(name: str) -> None:
    """Check that all parts of an engine are there, before anything is changed for its sake.

    Raises:
        ProgramMissingError: the engine's program is not there.
        AzuriteError: Azurite is not installed.

    """
    if name == AZURE_STORAGE:
        find_program()
        require_installed()


@contextmanager
def engine_for(name: str, folder: Path, *, settings: Mapping[str, Any] | None = None) -> Iterator[Engine]:
    """Provide the engine of this name, and a storage account for one that needs it.

    Args:
        name: one of ENGINES.
        folder: takes what the engine's processes print.
        settings: see `ExtensionEngine`.

    Raises:
        ProgramMissingError: the engine's program is not there.
        AzuriteError: its storage account cannot be started.

    """
    with engines_for(name, folder) as new_engine:
        yield new_engine(folder / "extension", settings or {})


@contextmanager
def engines_for(name: str, folder: Path) -> Iterator[NewEngine]:
    """Provide any number of engines of this name, and one storage account for all their task hubs.

    Args:
        name: one of ENGINES.
        folder: takes what the storage account's process prints.

    Raises:
        ProgramMissingError: the engine's program is not there.
        AzuriteError: its storage account cannot be started.

    """
    if name == IN_MEMORY:
        yield lambda *_: InMemoryEngine()
        return
    program = find_program()
    with HubStorage(folder / "task-hub") as storage:
        yield lambda place, settings: ExtensionEngine(program, storage, place, settings=settings)
