"""A worker that dies in an entity's operation fails no run; where one dies every time, the run says so."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onepassword_sentinel.discovery import Stream
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.moments import format_moment
from onepassword_sentinel.payloads import DrainRequest, Pacing, ResetRequest
from onepassword_sentinel.position import Position
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.tally import Tally
from onepassword_sentinel.transfer import Transfer
from onepassword_sentinel.wire import from_wire, to_wire
from orchestrators.drain_stream import drain_stream
from orchestrators.reset_stream import reset_stream
from tests.app.replay_engine import Engine
from tests.core.conftest import NOW

DRAIN = drain_stream.build().get_user_function().orchestrator_function
RESET = reset_stream.build().get_user_function().orchestrator_function
CURSOR = "@stream_cursor@ACC-auditevents"
START = "2026-11-15T12:00:00Z"
POLL = DrainRequest(Stream("", "ACC", EventType.AUDIT_EVENTS), "ACC-auditevents", START)
BACKFILL = replace(POLL, end_time="2026-11-20T12:00:00Z", backfill_id="b1", pacing=Pacing(budget_seconds=None))
OPERATIONS = ("begin", "commit", "release")


def transfers(data: dict[str, Any]) -> dict[str, Any]:
    """Deliver ten events, and then none."""
    state = from_wire(StreamState, data["state"])
    first = state.moves == 0
    position, tally = Position(cursor="c1", start_time=START), Tally(events=10 if first else 0)
    return to_wire(Transfer(position, moves=1, more=first, events=10, tally=tally))


def engine(**options: Any) -> Engine:
    activities = {
        "transfer_events": transfers,
        "report_health": lambda _: {"v": 1, "problem": "", "retry_after": 0.0},
    }
    return Engine(activities=activities, **options)


@pytest.mark.parametrize("request_", [POLL, BACKFILL], ids=["poll", "backfill"])
@pytest.mark.parametrize("dying", OPERATIONS)
def test_one_dead_worker_fails_no_run(dying: str, request_: DrainRequest) -> None:
    """The operation that died is called again after a pause, and the stream is free afterwards."""
    hub = engine(dies=lambda operation, nth: operation == dying and nth == 1)
    ended = hub.run(DRAIN, to_wire(request_))
    assert ended.completed, ended.message
    assert (ended.output["outcome"], ended.output["events"]) == ("ok", 10)
    assert hub.operations.count(dying) == {"begin": 2, "commit": 3, "release": 2}[dying]
    state = from_wire(StreamState, hub.states[CURSOR])
    assert (state.holder, state.outcome, state.events) == ("", "ok", 10)


@pytest.mark.parametrize("dying", OPERATIONS)
def test_the_pauses_are_those_of_an_activity(dying: str) -> None:
    """Three dead workers in a row are survived, as by the retry policy: after 5, 10 and 20 seconds."""
    hub = engine(dies=lambda operation, nth: operation == dying and nth <= 3)
    assert hub.run(DRAIN, to_wire(POLL)).completed
    assert 35 <= (hub.now - NOW).total_seconds() < 39


@pytest.mark.parametrize("dying", OPERATIONS)
def test_a_poll_whose_worker_always_dies_fails_with_a_sentence(dying: str) -> None:
    """It says what happened and what to do, gives the stream back where it can, and reports."""
    hub = engine(dies=lambda operation, _: operation == dying)
    ended = hub.run(DRAIN, to_wire(POLL))
    assert not ended.completed
    assert ended.message.startswith(
        f"auditevents: the cursor's operation {dying} failed in each of 4 attempts, the last time with "
        "“python exited with code 137”. The worker process probably died each time: look in the app's log"
    )
    assert ("a later run takes it over" in ended.message) is (dying == "release")
    assert "\n" not in ended.message
    assert hub.operations.count(dying) == 4
    assert hub.operations.count("release") == {"begin": 0, "commit": 1, "release": 4}[dying]
    assert hub.calls[-1][0] == "report_health"
    if dying == "commit":
        assert from_wire(StreamState, hub.states[CURSOR]).holder == ""


@pytest.mark.parametrize("dying", OPERATIONS)
def test_a_backfill_is_patient_with_dying_workers(dying: str) -> None:
    """It has no next tick: it waits as it does for an outage, and goes on once the operation survives."""
    hub = engine(dies=lambda operation, nth: operation == dying and nth <= 9)
    ended = hub.run(DRAIN, to_wire(BACKFILL))
    assert ended.completed, ended.message
    assert (ended.output["outcome"], hub.states[CURSOR]["outcome"]) == ("ok", "ok")


def test_a_backfill_whose_worker_always_dies_ends() -> None:
    """After so many waits without an event, however often it delivers the same page."""
    hub = engine(dies=lambda operation, _: operation == "commit")
    ended = hub.run(DRAIN, to_wire(replace(BACKFILL, pacing=replace(BACKFILL.pacing, most_stalls=2))))
    assert "the cursor's operation commit failed in each of 4 attempts" in ended.message
    assert hub.operations.count("commit") == 3 * 4


def test_what_the_cursor_rejects_is_not_repeated() -> None:
    """A run that asks for what the cursor does not know fails at once, with the cursor's sentence."""
    hub = engine()
    hub.states["@stream_cursor@ACC-auditevents"] = None
    ended = hub.run(RESET, to_wire(ResetRequest("ACC-auditevents", START)))
    assert ended.message.startswith("ACC-auditevents: there is no such stream")
    assert (hub.operations, hub.states[CURSOR]) == (["reset"], None)


def test_a_reset_survives_a_dead_worker() -> None:
    """It is repeated like every other call; where that does not help, it says so."""
    hub = engine()
    assert hub.run(DRAIN, to_wire(POLL)).completed
    # The entity itself compares it with the real time.
    a_day_ago = format_moment(datetime.now(UTC) - timedelta(days=1))
    hub.dies = lambda operation, nth: operation == "reset" and nth == 1
    ended = hub.run(RESET, to_wire(ResetRequest("ACC-auditevents", a_day_ago)))
    assert ended.completed, ended.message
    assert hub.states[CURSOR]["position"]["start_time"] == a_day_ago
    hub.dies = lambda *_: True
    ended = hub.run(RESET, to_wire(ResetRequest("ACC-auditevents", a_day_ago)))
    assert ended.message.startswith("ACC-auditevents: the cursor's operation reset failed in each of 4 attempts")
