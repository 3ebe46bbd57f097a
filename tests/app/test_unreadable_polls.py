"""A record of polls that cannot be read, as that of another version may be, hides nothing else and fills again."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from entities import recent_polls
from onepassword_sentinel.recent_polls import PollRecord, PollStart
from onepassword_sentinel.wire import to_wire
from tests.app.test_status_sources import NOW, hub_with, id_of, view

ENTITY = "@recent_polls@all"
SIGNAL = recent_polls.recent_polls.build().get_user_function().entity_function
ENDED = PollRecord.of(id_of(NOW), NOW, NOW, outcomes={"auditevents": "ok"}, healthy=True)
STATES = [
    '{"polls": 3}',
    "[1]",
    '"text"',
    "no JSON",
    json.dumps({"polls": [{**to_wire(ENDED), "state": "skipped"}]}),
]


@pytest.mark.parametrize("state", STATES)
async def test_the_status_shows_all_else(state: str) -> None:
    """The streams are healthy, and the latest poll is found through them."""
    hub = hub_with(1, polls=1)
    hub.states[ENTITY] = state
    status = await view(hub)
    assert [stream.health for stream in status.streams] == ["healthy"] * 3
    assert [poll.instance_id for poll in status.polls] == [id_of(NOW)]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    ("operation", "payload"),
    [("started", to_wire(PollStart(id_of(NOW), NOW))), ("ended", to_wire(ENDED))],
    ids=["started", "ended"],
)
def test_the_entity_begins_anew(state: str, operation: str, payload: dict[str, Any]) -> None:
    """The next signal of a poll replaces what cannot be read."""
    kept: list[Any] = []
    context = SimpleNamespace(operation=operation, get_state=lambda: json.loads(state), set_state=kept.append)
    SIGNAL(context, payload)
    (after,) = kept
    assert [poll["instance_id"] for poll in (*after["polls"], *after["running"])] == [id_of(NOW)]
