"""How much of a poll the Functions host logs, by the records of the real Durable extension."""

import re
from typing import Final

import pytest

from local.extension import ExtensionEngine
from local.patience import until
from tests.e2e.conftest import Environment
from tests.log_levels import is_written

# The console writes "info: Function.poll.User[0]", and the message on lines of its own.
RECORD: Final = re.compile(r"^(?P<level>[a-z]{4}): (?P<category>\S+)\[\d+\]$", re.MULTILINE)
LEVELS: Final = {"info": "Information", "warn": "Warning", "fail": "Error", "crit": "Critical"}


@pytest.mark.engine
@pytest.mark.azure_storage("the in-memory engine writes no log of its own")
async def test_nothing_of_an_idle_poll_but_the_apps_own_lines_is_written(env: Environment) -> None:
    """The extension and the WebJobs SDK log over a hundred records, all below the levels of host.json."""
    await env.recorded((await env.poll()).instance_id)
    assert isinstance(env.host.engine, ExtensionEngine)
    log = env.host.engine.instances[0].process._log
    start = log.stat().st_size
    idle = (await env.poll()).instance_id
    await env.recorded(idle)

    def added() -> str:
        return log.read_bytes()[start:].decode()

    await until(lambda: f"{idle}: Function 'poll (Orchestrator)' completed" in added())
    records = [(record["category"], LEVELS[record["level"]]) for record in RECORD.finditer(added())]
    assert len(records) > 100
    assert [record for record in records if is_written(*record)] == []
