"""The limit of an upload, met by processes that were stopped or starved, over TLS."""

import asyncio
import signal
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import pytest

from local.ingestion import HoldAnswer, IngestionSimulator
from local.patience import until, within
from tests.processes import python, stopped

# Seconds in which a process connects and sends on the reference machine.
_LIMIT: Final = 1.0


def uploading(
    target: tuple[IngestionSimulator, Path], limit: float, blocked: float
) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
    simulator, authority = target
    arguments = (simulator.url, simulator.rule_id, str(authority), str(limit), str(blocked))
    return python("-m", "tests.app.late_client", *arguments, stdout=asyncio.subprocess.PIPE)


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


@pytest.mark.parametrize("how", ["stopped", "blocked"])
async def test_an_answer_that_arrived_meanwhile_is_an_acknowledgement(
    endpoint: tuple[IngestionSimulator, Path], how: str
) -> None:
    """Given up, the chunk would be sent and stored once more."""
    limit = within(_LIMIT)
    endpoint[0].faults.add(held := HoldAnswer())
    async with uploading(endpoint, limit, limit + 1) as process:
        await until(held.reached)
        if how == "stopped":
            process.send_signal(signal.SIGSTOP)
            await stopped(process)
            held.release()
            await asyncio.sleep(limit + 1)
            process.send_signal(signal.SIGCONT)
        else:
            process.send_signal(signal.SIGUSR1)
            assert await line(process) == "blocked"
            held.release()
        assert await line(process) == "acknowledged"


async def test_an_answer_that_does_not_come_is_given_up(endpoint: tuple[IngestionSimulator, Path]) -> None:
    """The chunk may be stored, which nobody can know: it is sent once more."""
    endpoint[0].faults.add(held := HoldAnswer())
    async with uploading(endpoint, limit := within(_LIMIT), 0) as process:
        assert await line(process) == f"no acknowledgement from {endpoint[0].url} within {limit:.0f} s"
    held.release()
