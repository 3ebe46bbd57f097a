"""Which engine a command runs on."""

from collections.abc import Iterator, Mapping
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
    if name == IN_MEMORY:
        yield InMemoryEngine()
        return
    program = find_program()
    with HubStorage(folder / "task-hub") as storage:
        yield ExtensionEngine(program, storage, folder / "extension", settings=settings)
