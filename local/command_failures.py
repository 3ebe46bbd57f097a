"""What ends a command: a message for the terminal in place of a traceback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from rich.console import Console

from local.azurite import AzuriteError
from local.extension import ProgramMissingError
from local.extension.choice import require
from local.host import EngineError, FunctionsHost, HostError, InvocationError

FAILURES: Final = (HostError, ProgramMissingError, AzuriteError, OSError)
_NOTICE_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.05


def is_complete(engine: str, err: Console) -> bool:
    """Tell whether all parts of an engine are there, and print what is missing.

    Checked before the state folder is touched: the table of an earlier run stays.
    """
    try:
        require(engine)
    except (ProgramMissingError, AzuriteError) as error:
        print_failure(err, "The app does not start", str(error), None)
        return False
    return True


def errors_at_start(host: FunctionsHost) -> list[str]:
    """Get what the app logged as errors while it was indexed: with these, no poll can end."""
    return [record.message for record in host.warnings if record.logger == "function_app" and record.level == "ERROR"]


@asynccontextmanager
async def explained(host: FunctionsHost) -> AsyncIterator[None]:
    """Raise, in place of what failed because a part of the host has ended, the HostError that names this part."""
    try:
        yield
    except (EngineError, InvocationError) as error:
        # A connection is lost before the end of the process behind it is noticed.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_NOTICE_SECONDS):
                while True:
                    host.check()
                    await asyncio.sleep(_LOOK_SECONDS)
        rejected = f"The durable engine rejected a request ({error.code}): " if isinstance(error, EngineError) else ""
        raise HostError(f"{rejected}{error}") from error


def print_failure(err: Console, what: str, why: str, log: Path | None) -> None:
    """Print a failure, and where the app's log is if it has written one."""
    err.print(f"{what}: {why}", style="red", markup=False, highlight=False, soft_wrap=True)
    if log is not None and log.exists():
        err.print(f"The app's log: {log}", markup=False, highlight=False, soft_wrap=True)
