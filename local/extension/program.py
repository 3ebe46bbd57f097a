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
    if not program.exists():
        wrong = "does not exist" if named else f"is missing: {program} does not exist"
    elif program.is_dir():
        wrong = "is a directory"
    else:
        wrong = "is not executable"
    what = f"{VARIABLE} names {named}, which" if named else "durable-host"
    raise ProgramMissingError(
        f"{what} {wrong}. The engine azure-storage needs this .NET program. Build it with `make durable-host` where "
        f"the .NET SDK 10 is, or set {VARIABLE} to the path of a built one."
    )
