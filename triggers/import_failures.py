"""Says on standard error why the app cannot be imported: the Functions host's log only says that it has no functions.

Imports nothing but the standard library, since any other import may be the one that fails.
"""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_APP: Final = Path(__file__).resolve().parents[1]
_LIBRARIES: Final = "site-packages"
_MOST_CHARACTERS: Final = 300
# Shorter values of settings, such as "1", are no secrets, and would be found in ordinary words.
_SECRET_CHARACTERS: Final = 8
_ADVICE: Final = (
    "Deploy the released package again, or one with the libraries that requirements.txt names, on Python 3.13"
)


@contextmanager
def reported_on_standard_error() -> Iterator[None]:
    """Write one line about whatever is raised, and raise it."""
    try:
        yield
    except BaseException as error:
        sys.stderr.write(f"{import_failure(error)}\n")
        sys.stderr.flush()
        raise


def import_failure(error: BaseException) -> str:
    """Name what failed, where, and what to do, in one line without the value of any setting.

    The Functions host logs a line of standard error at level Error if it contains that word.
    """
    text = " ".join(f"{type(error).__name__}: {_message(error)}".split()).rstrip(":.")
    for name, value in os.environ.items():
        if len(value) >= _SECRET_CHARACTERS:
            text = text.replace(value, f"<{name}>")
    end = "..." if len(text) > _MOST_CHARACTERS else "."
    what = f"{text[:_MOST_CHARACTERS]}{end}"
    return f"Error: the app has no functions, because its import failed at {_place(error)}: {what} {_ADVICE}."


def _message(error: BaseException) -> str:
    return error.msg if isinstance(error, SyntaxError) else str(error)


def _place(error: BaseException) -> str:
    """Name the file and the line that raised: of the app from its root, of a library from its package."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(error.filename)}, line {error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    return f"{_short(frames[-1].filename)}, line {frames[-1].lineno}"


def _short(filename: str) -> str:
    path = Path(filename)
    if _LIBRARIES in path.parts:
        return "/".join(path.parts[path.parts.index(_LIBRARIES) + 1 :])
    return path.relative_to(_APP).as_posix() if path.is_relative_to(_APP) else path.name
