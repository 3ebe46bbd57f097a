"""How far a backfill is, told from cursors and runs, whichever of them are still there."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from onepassword_sentinel.backfill_progress import backfill_of, backfills
from onepassword_sentinel.moments import parse_moment
from onepassword_sentinel.position import Position
from onepassword_sentinel.runs import Run, RunState
from onepassword_sentinel.status import BackfillStatus
from onepassword_sentinel.stream_state import RunStart, StreamState
from onepassword_sentinel.window import Window
from tests.core.conftest import NOW

ID = "20261112T120000Z-0123abcd"
KEY = f"{ID}-ACC-auditevents"
START, END = "2026-11-12T12:00:00Z", "2026-11-22T12:00:00Z"
CHILD = f"backfill-{ID}-auditevents"
# A quarter of the window in 100 seconds, 5,000 events in this run.
HALF_WAY = StreamState(
    position=Position(cursor="c", start_time=START, end_time=END),
    holder=CHILD,
    fence=2,
    lease_until=NOW + timedelta(minutes=10),
    run=RunStart(
        NOW - timedelta(seconds=900), 1_000, parse_moment(START) + timedelta(days=2.5), NOW - timedelta(seconds=100)
    ),
    newest=parse_moment(START) + timedelta(days=5),
    moved_at=NOW,
    events=6_000,
    pages=6,
    run_id=CHILD,
)
DONE = replace(HALF_WAY, holder="", lease_until=None, outcome="ok", succeeded_at=NOW)


def parent(state: RunState, error: str = "") -> Run:
    about = {"id": ID, "start_time": START, "end_time": END, "account": ""}
    return Run(f"backfill-{ID}", "backfill", state, NOW - timedelta(hours=1), NOW, input=about, error=error)


def child(state: RunState, instance_id: str = CHILD, **status: Any) -> Run:
    about = {"key": KEY, "backfill_id": ID, "start_time": START, "end_time": END}
    return Run(instance_id, "drain_stream", state, NOW - timedelta(minutes=1), NOW, input=about, custom_status=status)


def told(state: StreamState | None, *runs: Run) -> BackfillStatus:
    (found,) = backfills(runs, {KEY: state} if state else {}, NOW)
    return found


def test_a_running_backfill_tells_its_place_its_pace_and_the_time_left() -> None:
    """All from this run: what was delivered before a stop says nothing about the pace."""
    found = told(HALF_WAY, parent("running"), child("running", stream="auditevents"))
    assert (found.id, found.state, found.percent, found.events) == (ID, "running", 50.0, 6_000)
    assert (found.start_time, found.end_time, found.account) == (START, END, "")
    (stream,) = found.streams
    assert (stream.label, stream.state, stream.instance_id, stream.pages) == ("auditevents", "running", CHILD, 6)
    assert (stream.events_per_second, stream.seconds_left) == (50.0, 200.0)


def test_a_finished_one_is_at_100() -> None:
    """Although its newest event lies before the end of the window."""
    found = told(DONE, parent("completed"), child("completed"))
    assert (found.state, found.percent, found.streams[0].seconds_left) == ("completed", 100.0, None)


def test_a_stopped_one_keeps_its_place() -> None:
    """Its run was terminated, and the lease ends with its activity."""
    stopping = replace(HALF_WAY, stopping=True)
    found = told(stopping, parent("stopped"), child("stopped"))
    assert (found.state, found.streams[0].state, found.percent) == ("stopped", "stopped", 50.0)


def test_one_whose_run_was_purged_runs_only_while_its_activity_may_be_at_work() -> None:
    """Its lease stands for longer; a request for it would be answered that it runs."""
    at_work = replace(HALF_WAY, active_at=NOW - timedelta(seconds=100))
    assert told(at_work).state == "running"
    assert told(replace(at_work, active_at=NOW - timedelta(seconds=160))).state == "stopped"


def test_one_that_was_terminated_in_the_monitor_does_not_run() -> None:
    """Nobody told its cursor, so the lease stands."""
    assert told(HALF_WAY, parent("stopped"), child("stopped")).state == "stopped"


def test_one_that_was_restarted_under_another_id_runs() -> None:
    """Its old run is history; another one holds the stream."""
    other = replace(HALF_WAY, holder="0123-auditevents")
    assert told(other, parent("failed"), child("failed")).state == "running"
    found = told(other, parent("failed"), child("running", "0123-auditevents"))
    assert (found.state, found.streams[0].instance_id) == ("running", "0123-auditevents")


def test_a_failed_one_says_why() -> None:
    """The stream's own sentence with the stream, the backfill's with the backfill."""
    failed = replace(DONE, outcome="failed", error="auditevents: 401")
    found = told(failed, parent("failed", "auditevents: 401"), child("failed", failure="auditevents: 401"))
    assert (found.state, found.failure, found.streams[0].failure) == ("failed", "auditevents: 401", "auditevents: 401")


def test_one_that_has_just_begun_waits() -> None:
    """There is no cursor yet, or not even a stream."""
    found = told(None, parent("running"), child("running"))
    assert (found.state, found.streams[0].state, found.percent) == ("running", "waiting", 0.0)
    assert told(None, parent("running")).streams == ()


def test_the_cursor_alone_tells_enough() -> None:
    """The history was purged; what was stopped half-way can still be resumed."""
    found = told(replace(HALF_WAY, holder="", lease_until=None, outcome="stopped"))
    assert (found.state, found.percent, found.start_time, found.end_time) == ("stopped", 50.0, START, END)
    assert found.streams[0].label == "auditevents"


def test_a_waiting_one_says_what_for() -> None:
    """Between two generations nobody holds the stream."""
    waiting = replace(HALF_WAY, holder="", lease_until=None, outcome="throttled", error="auditevents: 429")
    found = told(waiting, parent("running"), child("running", failure="auditevents: 429"))
    assert (found.state, found.streams[0].failure) == ("running", "auditevents: 429")


def test_one_that_was_typed_into_the_monitor_is_found_by_its_status() -> None:
    """It worked its id out when it began."""
    typed = replace(parent("running"), input={"start_time": START}, custom_status={"backfill": ID})
    assert told(None, typed).id == ID
    assert backfills([replace(typed, custom_status={}, instance_id="typed")], {}, NOW) == []


def test_a_run_whose_input_was_not_read_is_known_by_its_id() -> None:
    """Lists of runs come without inputs; the cursor remembers its run, and the custom status the backfill."""
    found = told(
        HALF_WAY,
        replace(parent("running"), input={}, custom_status={"window": f"{START} to {END}"}),
        replace(child("running", backfill=ID), input={}),
    )
    assert (found.id, found.state, found.start_time, found.end_time) == (ID, "running", START, END)
    assert [stream.instance_id for stream in found.streams] == [CHILD]
    terminated = replace(child("stopped"), input={}, error="was terminated: enough of it")
    (stream,) = told(HALF_WAY, parent("stopped"), terminated).streams
    assert (stream.state, stream.failure) == ("stopped", "was terminated: enough of it")


def test_a_terminated_one_says_why() -> None:
    """The reason that was given in Durable Functions Monitor or over HTTP."""
    stopping = replace(HALF_WAY, stopping=True)
    found = told(stopping, parent("stopped", "was terminated: stopped over HTTP"), child("stopped"))
    assert found.failure == "was terminated: stopped over HTTP"


def test_a_window_that_makes_no_sense_breaks_nothing() -> None:
    """Somebody may have started a stream's run by hand."""
    odd = replace(child("running"), input={"key": KEY, "start_time": 5, "end_time": "x"})
    assert told(HALF_WAY, odd).percent == 50.0


@pytest.mark.parametrize(
    ("key", "backfill_id"),
    [(KEY, ID), (f"{ID}-A-B-itemusages", ID), ("ACC-auditevents", ""), (ID, ""), ("", "")],
)
def test_a_key_tells_whose_it_is(key: str, backfill_id: str) -> None:
    """Live streams are named by the account alone."""
    assert backfill_of(key) == backfill_id


def test_the_place_in_a_window_is_never_beyond_it() -> None:
    """Nor is it ever 100 before the end was seen."""
    window = Window.parse(START, END)
    moments = [None, window.start - timedelta(days=1), window.start, window.end, window.end + timedelta(days=1)]
    assert [window.percent(moment) for moment in moments] == [0.0, 0.0, 0.0, 99.9, 99.9]


def test_no_pace_is_told_before_anything_was_delivered() -> None:
    """Nor a time left: nobody knows."""
    idle = replace(HALF_WAY, run=RunStart(NOW, 6_000, HALF_WAY.newest, NOW))
    (stream,) = told(idle, parent("running"), child("running")).streams
    assert (stream.events_per_second, stream.seconds_left) == (None, None)
