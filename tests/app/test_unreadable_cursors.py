"""A cursor's state that somebody has changed by hand hides no other stream, and is named with what to do."""

from typing import TYPE_CHECKING, cast

import pytest

from onepassword_sentinel.stream_state import UNREADABLE
from tests.app.task_hub import CountingHub
from tests.app.test_status_sources import NOW, hub_with, uuid, view
from triggers import housekeeping, task_hub

if TYPE_CHECKING:
    import azure.durable_functions as df

KEY = f"{uuid(0)}-auditevents"
BACKFILL = f"20260901T000000Z-00000000-{KEY}"
STATES = ['{"fence": "three"}', "[1]", '"text"', "no JSON"]
SENTENCE = "the cursor's state cannot be read: "


def with_state(key: str, state: str) -> CountingHub:
    """Make a hub with three live streams, and with this state under a key."""
    hub = hub_with(1, polls=1)
    hub.states[f"@stream_cursor@{key}"] = state
    return hub


@pytest.mark.parametrize("state", STATES)
async def test_the_status_names_the_stream(state: str) -> None:
    """The others are shown as they are."""
    streams = (await view(with_state(KEY, state))).streams
    assert sorted(stream.health for stream in streams) == ["failing", "healthy", "healthy"]
    (failing,) = [stream for stream in streams if stream.health == "failing"]
    assert failing.key == KEY
    assert failing.explanation.startswith(SENTENCE)
    assert "Correct it; or purge the entity in Durable Functions Monitor" in failing.explanation


async def test_the_status_names_the_stream_of_a_backfill() -> None:
    """It has failed, with the same sentence."""
    status = await view(with_state(BACKFILL, STATES[0]))
    ((stream,),) = [backfill.streams for backfill in status.backfills]
    assert (stream.key, stream.state) == (BACKFILL, "failed")
    assert stream.failure.startswith(SENTENCE)


async def test_a_single_cursor_is_read_likewise() -> None:
    """An empty state is still no cursor."""
    client = cast("df.DurableFunctionsClient", with_state(KEY, STATES[0]))
    found = await task_hub.cursor(client, KEY)
    assert found is not None
    assert found.outcome == UNREADABLE
    for empty in ("{}", "null"):
        assert await task_hub.cursor(cast("df.DurableFunctionsClient", with_state(KEY, empty)), KEY) is None


@pytest.mark.parametrize("state", STATES)
async def test_housekeeping_leaves_it(state: str) -> None:
    """The other cursors of finished backfills are still looked at."""
    client = cast("df.DurableFunctionsClient", with_state(BACKFILL, state))
    assert await housekeeping._forget_backfills(client, NOW) == 0
