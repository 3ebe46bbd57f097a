"""The main job under `func start`, as the first thing that a fork learns about its own machine and GitHub's.

`--engine func` runs it on Azure Functions Core Tools. With `--engine azure-storage` it runs on a stand-in with the same
endpoints (stand_in.py), which shows that the driver works, and nothing about Core Tools. It was written where Core
Tools cannot be downloaded: until the workflow core-tools.yml has passed once, only the stand-in has run it.
"""

from pathlib import Path
from typing import Any

import pytest

from local.onepassword import EVENT_TYPES, Status
from tests.core_tools.driver import PollFailedError, driven

pytestmark = [
    pytest.mark.core_tools,
    pytest.mark.engine,
    pytest.mark.azure_storage("the stand-in for Core Tools passes on the extension's management API"),
]
PAGE = 1_000


async def test_polls_deliver_every_event_once(tmp_path: Path, func: str) -> None:
    """A backlog of several pages arrives whole, a second poll repeats nothing, a restarted one brings what is new."""
    async with driven(tmp_path, func, events=2 * PAGE + 1) as app:

        def delivered(poll: dict[str, Any]) -> dict[str, int]:
            assert poll["output"]["healthy"] is True
            return {stream: result["events"] for stream, result in poll["output"]["streams"].items()}

        first = await app.poll()
        assert delivered(first) == {stream: app.account(stream).offered for stream in EVENT_TYPES}
        assert min(delivered(first).values()) > 2 * PAGE
        assert delivered(await app.poll()) == dict.fromkeys(EVENT_TYPES, 0)

        app.source.add_events("auditevents", 7)
        assert delivered(await app.restart(first["instanceId"])) == dict.fromkeys(EVENT_TYPES, 0) | {"auditevents": 7}

        for stream in EVENT_TYPES:
            account = app.account(stream)
            assert (account.lost, account.duplicated, account.rows) == (0, 0, account.offered), stream


async def test_a_failed_poll_has_its_reason(tmp_path: Path, func: str) -> None:
    """The error has the text that the poll failed with; the next poll delivers."""
    async with driven(tmp_path, func, events=3) as app:
        app.source.faults.add(Status(401), target="auditevents", times=2)
        with pytest.raises(PollFailedError, match=r"poll-\w+ is Failed: .*auditevents: .*401"):
            await app.poll()
        app.source.faults.clear()
        assert (await app.poll())["output"]["healthy"] is True
        assert app.account("auditevents").lost == 0
