"""Processes that a test starts: ended with it, and stopped meanwhile as a starved machine stops them."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from local.patience import until


@asynccontextmanager
async def python(*arguments: str, **options: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run Python in a process of its own, which is killed in the end if it still runs."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell that starts the tests in the background has them ignore Ctrl-C, and so would what they start.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, **options)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def stopped(process: asyncio.subprocess.Process) -> None:
    """Wait until a child is stopped (SIGSTOP); it goes on at SIGCONT."""
    await until(lambda: os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOHANG))
