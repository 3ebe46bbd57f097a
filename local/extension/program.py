"""Where the program is that has the extension in it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

VARIABLE: Final = "DURABLE_HOST"
_BUILT: Final = Path(__file__).resolve().parents[2] / "dist/durable-host/durable-host"


class ProgramMissingError(Exception):
    """The program is not there; the message says how it is made."""


def find_program(environment: Mapping[str, str] = os.environ) -> Path:
    """Find the program: the one that DURABLE_HOST names, or the one that `make durable-host` built.

    Raises:
        ProgramMissingError: there is neither.

    """
    named = environment.get(VARIABLE, "")
    program = Path(named) if named else _BUILT
    if program.is_file() and os.access(program, os.X_OK):
        return program.resolve()
    found = f"{VARIABLE} names no program that can be run: {named}" if named else "durable-host is missing"
    raise ProgramMissingError(
        f"{found}. The engine azure-storage is a .NET program: build it with `make durable-host` where the .NET 10 SDK "
        f"is, or set {VARIABLE} to one that is built."
    )
