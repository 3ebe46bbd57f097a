"""The status is what runs and cursors have left: a healthy one has to be earned."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from onepassword_sentinel.position import Position
from onepassword_sentinel.runs import Run, RunState
from onepassword_sentinel.status import Status, StreamStatus
from onepassword_sentinel.status_report import DeadLetterCounts, report
from onepassword_sentinel.stream_state import StreamState
from tests.core.conftest import NOW

KEY = "ACC-auditevents"
FINE = StreamState(
    position=Position(cursor="c", start_time="2026-11-15T12:00:00Z"),
    moves=9,
    newest=NOW - timedelta(hours=2),
    succeeded_at=NOW - timedelta(minutes=2),
    outcome="ok",
    events=1_000,
)


def poll(minutes: float, state: RunState = "completed", error: str = "", *, healthy: bool = True) -> Run:
    started = NOW - timedelta(minutes=minutes)
    output = {"healthy": healthy} if state == "completed" else {}
    return Run(f"poll-{minutes}", "poll", state, started, started + timedelta(seconds=5), output=output, error=error)


def drain(
    minutes: float,
    state: RunState = "completed",
    outcome: str = "ok",
    *,
    failure: str = "",
    account: str = "",
    **more: Any,
) -> Run:
    """A stream's run within the poll of that minute."""
    started = NOW - timedelta(minutes=minutes) + timedelta(seconds=1)
    status = {"outcome": outcome, "events": 3, "bytes": 100, "failure": failure, **more}
    return Run(
        f"poll-{minutes}-auditevents",
        "drain_stream",
        state,
        started,
        started + timedelta(seconds=2),
        input={"key": KEY, "stream": {"account": account}},
        custom_status=status,
        error=failure,
    )


def told(runs: Sequence[Run], state: StreamState = FINE, **more: Any) -> Status:
    return report(NOW, cursors={KEY: state}, runs=runs, **more)


def stream(runs: Sequence[Run], state: StreamState = FINE, **more: Any) -> StreamStatus:
    (found,) = told(runs, state, **more).streams
    return found


def test_a_stream_whose_latest_poll_delivered_everything_is_healthy() -> None:
    """Its lag counts from then: a quiet stream is not behind."""
    status = told([poll(2), drain(2)])
    (found,) = status.streams
    assert (found.health, found.explanation, found.lag_seconds) == ("healthy", "everything is delivered", 120)
    assert (status.healthy, status.summary, status.problems) == (True, "The stream is healthy", ())


def test_nothing_is_healthy_before_it_was_seen() -> None:
    """Silence is not health."""
    status = report(NOW, cursors={}, runs=[])
    assert (status.healthy, status.summary) == (False, "No stream has been polled yet")
    assert status.problems == (
        "No poll has run in the last day: look whether the app is running and POLL_SCHEDULE is what it should be",
    )


def test_polls_that_do_not_come_are_a_problem() -> None:
    """However healthy the last one was."""
    runs = [run for minutes in (40, 35, 30) for run in (poll(minutes), drain(minutes))]
    status = told(runs)
    assert (status.healthy, status.summary) == (False, "The connector needs attention")
    assert status.problems == ("No poll has started for 30 minutes: look whether the app is running",)


def test_a_slow_schedule_is_no_silence() -> None:
    """What is overdue follows from how often polls came so far."""
    runs = [run for minutes in (170, 110, 50) for run in (poll(minutes), drain(minutes))]
    assert told(runs).problems == ()


def test_a_stream_whose_latest_poll_failed_is_failing() -> None:
    """With the sentence that says what to do, said once."""
    sentence = "auditevents: 1Password answered 401: issue a new token"
    status = told([poll(7), drain(7), poll(2, "failed", sentence), drain(2, "failed", "failed", failure=sentence)])
    (found,) = status.streams
    assert (found.health, status.healthy) == ("failing", False)
    assert found.last_failure is not None
    assert (found.last_failure.message, found.last_failure.over) == (sentence, False)
    assert status.problems == ()
    assert status.summary == "0 of 1 streams are healthy; look at auditevents"


def test_a_failure_that_is_over_is_shown_as_such() -> None:
    """The stream is healthy again."""
    found = stream([poll(7, "failed", "x"), drain(7, "failed", "failed", failure="auditevents: x"), poll(2), drain(2)])
    assert found.health == "healthy"
    assert found.last_failure is not None
    assert found.last_failure.over is True


def test_a_stream_that_the_latest_poll_left_out_is_unpolled() -> None:
    """A revoked token leaves its streams as they were when all was well; that is not how they are."""
    sentence = "introspection: 1Password answered 401: issue a new token"
    status = told([poll(7), drain(7), poll(2, "failed", sentence)])
    (found,) = status.streams
    assert (found.health, status.healthy) == ("unpolled", False)
    assert status.problems == (sentence,)


@pytest.mark.parametrize(
    ("state", "outcome", "explains"),
    [
        ("completed", "more", "catching up"),
        ("completed", "throttled", "told to wait"),
        ("completed", "busy", "another run held the stream"),
        ("completed", "stopped", "its run was stopped"),
        ("stopped", "more", "its run was stopped"),
    ],
)
def test_a_stream_that_goes_on_by_itself_is_behind(state: RunState, outcome: str, explains: str) -> None:
    """Its lag counts from the newest event. The app is healthy only where its poll, and so the heartbeat, says so."""
    held, goes_well = replace(FINE, outcome=outcome), (state, outcome) == ("completed", "more")
    status = told([poll(2, healthy=goes_well), drain(2, state, outcome)], held)
    (found,) = status.streams
    assert (found.health, found.lag_seconds) == ("behind", 7200)
    assert found.explanation.startswith(explains)
    assert status.healthy is goes_well
    assert status.summary == (
        "The stream is healthy; auditevents still catching up"
        if goes_well
        else "Not everything is delivered; behind: auditevents"
    )


def test_a_stream_that_was_reset_waits_for_the_next_poll() -> None:
    """Its last success is about another place."""
    found = stream([poll(2), drain(2)], replace(FINE, outcome="reset", newest=None))
    assert (found.health, found.lag_seconds) == ("behind", None)
    assert "moved by an operator" in found.explanation


def test_a_first_poll_under_way_is_no_fault() -> None:
    """It has not ended, so nothing is known yet."""
    assert (
        stream([poll(0.1, "running"), drain(0.1, "running", "running")], replace(FINE, outcome="")).health == "behind"
    )


def test_what_was_delivered_is_counted_by_poll_and_today() -> None:
    """Today is the day in UTC; the runs of the evening before are in the sparkline only."""
    runs = [run for minutes in (800, 700, 2) for run in (poll(minutes), drain(minutes))]
    found = stream(runs)
    assert [point.events for point in found.polled] == [3, 3, 3]
    assert (found.events_today, found.bytes_today, found.events_total) == (6, 200, 1_000)


def test_accounts_are_named_as_the_settings_do() -> None:
    """By what their last run was given."""
    found = stream([poll(2), drain(2, account="ACME")])
    assert (found.account, found.label, found.account_uuid) == ("ACME", "acme-auditevents", "ACC")


def test_backfills_cursors_are_no_streams() -> None:
    """They are listed with their backfill."""
    window = replace(FINE, position=replace(FINE.position, end_time="2026-11-20T12:00:00Z"))
    key = "20261115T120000Z-0123abcd-ACC-auditevents"
    status = report(NOW, cursors={KEY: FINE, key: window}, runs=[poll(2), drain(2)])
    assert [found.key for found in status.streams] == [KEY]
    assert [found.id for found in status.backfills] == ["20261115T120000Z-0123abcd"]


def test_dead_letters_are_counted_or_said_to_be_unknown() -> None:
    """A storage that cannot be asked holds no zero."""
    assert stream([], dead_letters=DeadLetterCounts({KEY: 4})).dead_letters == 4
    assert stream([], dead_letters=DeadLetterCounts({})).dead_letters == 0
    status = told([], dead_letters=DeadLetterCounts(problem="storage cannot be reached"))
    assert (status.streams[0].dead_letters, status.dead_letters_problem) == (None, "storage cannot be reached")


def test_wrong_settings_are_said_once() -> None:
    """They are why the latest poll failed as well."""
    sentence = "Fix these app settings: ONEPASSWORD_TOKEN is missing"
    status = told([poll(2, "failed", sentence)], settings_problems=[sentence])
    assert status.problems == (sentence,)


def test_polls_are_told_newest_first_with_the_outcome_of_each_stream() -> None:
    """Also of a poll that failed, whose own output is a sentence."""
    runs = [poll(7), drain(7), poll(2, "failed", "x"), drain(2, "failed", "failed"), poll(0.1, "running")]
    found = told(runs).polls
    assert [(entry.state, entry.outcomes, entry.events) for entry in found] == [
        ("running", {}, 0),
        ("failed", {"auditevents": "failed"}, 3),
        ("completed", {"auditevents": "ok"}, 3),
    ]
    assert found[0].ended_at is None
    assert found[1].ended_at == NOW - timedelta(minutes=2) + timedelta(seconds=5)


def test_whatever_somebody_typed_into_the_monitor_breaks_nothing() -> None:
    """Inputs and custom statuses are not only the app's own."""
    odd = replace(drain(2), input={"key": KEY, "stream": 5}, custom_status={"events": "many", "outcome": ["x"]})
    assert stream([poll(2), odd]).events_today == 0
