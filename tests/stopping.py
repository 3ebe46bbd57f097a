"""Processes that are stopped (SIGSTOP) and go on later (SIGCONT), as a starved machine makes them."""

import asyncio
import os

from local.patience import until


async def stopped(process: asyncio.subprocess.Process) -> None:
    """Wait until a child is stopped."""
    await until(lambda: os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOHANG))
