"""The status is what runs and cursors have left: a healthy one has to be earned."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from onepassword_sentinel.position import Position
from onepassword_sentinel.recent_polls import PollRecord, RecentPolls
from onepassword_sentinel.runs import Run, RunState
from onepassword_sentinel.status import Status, StreamStatus
from onepassword_sentinel.status_report import DeadLetterCounts, report
from onepassword_sentinel.stream_day import QuarterHour, number_of
from onepassword_sentinel.stream_lease import NO_BEGINNING
from onepassword_sentinel.stream_state import Refusal, RunStart, StreamFailure, StreamState
from tests.core.conftest import NOW

KEY = "ACC-auditevents"
HOLDER = "poll-2-auditevents"
FINE = StreamState(
    position=Position(cursor="c", start_time="2026-11-15T12:00:00Z"),
    moves=9,
    newest=NOW - timedelta(hours=2),
    succeeded_at=NOW - timedelta(minutes=2),
    asked_at=NOW - timedelta(seconds=119),
    outcome="ok",
    events=1_000,
)
HELD = replace(FINE, holder=HOLDER, run_id=HOLDER, lease_until=NOW + timedelta(minutes=10))


def poll(minutes: float, error: str = "", *, healthy: bool = True, outcome: str = "ok") -> PollRecord:
    started = NOW - timedelta(minutes=minutes)
    outcomes = {"auditevents": "failed" if error else outcome}
    return PollRecord.of(
        f"poll-{minutes}",
        started,
        started + timedelta(seconds=5),
        outcomes=outcomes,
        healthy=healthy and not error,
        events=3,
        error=error,
    )


def run(name: str = "poll", state: RunState = "running", minutes: float = 0.1, **changes: Any) -> Run:
    started = NOW - timedelta(minutes=minutes)
    return replace(Run(f"poll-{minutes}", name, state, started, started), **changes)


def told(polls: Sequence[PollRecord], state: StreamState = FINE, **more: Any) -> Status:
    newest_first = tuple(sorted(polls, key=lambda poll: poll.started_at, reverse=True))
    return report(NOW, cursors={KEY: state}, recent=RecentPolls(newest_first), **more)


def stream(polls: Sequence[PollRecord], state: StreamState = FINE, **more: Any) -> StreamStatus:
    (found,) = told(polls, state, **more).streams
    return found


def test_a_stream_whose_latest_poll_delivered_everything_is_healthy() -> None:
    """Its lag counts from then: a quiet stream is not behind."""
    status = told([poll(2)])
    (found,) = status.streams
    assert (found.health, found.explanation, found.lag_seconds) == ("healthy", "everything is delivered", 120)
    assert (status.healthy, status.summary, status.problems) == (True, "The stream is healthy", ())


def test_nothing_is_healthy_before_it_was_seen() -> None:
    """Silence is not health."""
    status = report(NOW, cursors={})
    assert (status.healthy, status.summary) == (False, "No stream has been polled yet")
    assert status.problems == (
        "No poll has run in the last day: look whether the app is running and POLL_SCHEDULE is what it should be",
    )


def test_polls_that_do_not_come_are_a_problem() -> None:
    """However healthy the last one was."""
    status = told([poll(minutes) for minutes in (40, 35, 30)], replace(FINE, asked_at=NOW - timedelta(minutes=29)))
    assert (status.healthy, status.summary) == (False, "The connector needs attention")
    assert status.problems == ("No poll has started for 30 minutes: look whether the app is running",)


def test_a_slow_schedule_is_no_silence() -> None:
    """What is overdue follows from how often polls came so far."""
    assert told([poll(minutes) for minutes in (170, 110, 50)]).problems == ()


def test_a_stream_whose_latest_poll_failed_is_failing() -> None:
    """With the sentence that says what to do, said once, and whole although the failure is kept shortened."""
    sentence = f"auditevents: 1Password answered 401: {'x' * 600} issue a new token"
    state = replace(FINE, outcome="failed", error=sentence, failure=StreamFailure(NOW, sentence[:499] + "…"))
    status = told([poll(7), poll(2, sentence)], state)
    (found,) = status.streams
    assert (found.health, status.healthy) == ("failing", False)
    assert found.last_failure is not None
    assert (found.last_failure.message, found.last_failure.over) == (sentence, False)
    assert status.problems == ()
    assert status.summary == "0 of 1 streams are healthy; look at auditevents"


def test_a_failure_that_is_over_is_shown_for_a_day() -> None:
    """The stream is healthy again; one that was never resolved stays, however old it is."""
    failure = StreamFailure(NOW - timedelta(hours=1), "auditevents: x", NOW - timedelta(minutes=50))
    found = stream([poll(2)], replace(FINE, failure=failure))
    assert found.health == "healthy"
    assert found.last_failure is not None
    assert found.last_failure.over is True
    old = replace(failure, at=NOW - timedelta(hours=25))
    assert stream([poll(2)], replace(FINE, failure=old)).last_failure is None
    assert stream([poll(2)], replace(FINE, failure=replace(old, resolved_at=None))).last_failure is not None


def test_a_stream_without_a_beginning_is_named_in_its_failure() -> None:
    """Its entity knows the sentence, but not its name."""
    state = StreamState(
        asked_at=FINE.asked_at, outcome="failed", error=NO_BEGINNING, failure=StreamFailure(NOW, NO_BEGINNING)
    )
    sentence = f"auditevents: {NO_BEGINNING}"
    status = told([poll(2, sentence)], state)
    (found,) = status.streams
    assert found.last_failure is not None
    assert (found.health, found.last_failure.message) == ("failing", sentence)
    assert status.problems == ()


def test_a_stream_that_the_latest_poll_left_out_is_unpolled() -> None:
    """A revoked token leaves its streams as they were when all was well; that is not how they are."""
    sentence = "introspection: 1Password answered 401: issue a new token"
    latest = replace(poll(2, sentence), outcomes={}, counts={})
    status = told([poll(7), latest], replace(FINE, asked_at=NOW - timedelta(minutes=6)))
    (found,) = status.streams
    assert (found.health, status.healthy) == ("unpolled", False)
    assert status.problems == (sentence,)


def test_a_stream_whose_run_could_not_ask_for_it_is_failing() -> None:
    """The poll has its outcome: its token covers the stream, and the entity could not be called."""
    sentence = "auditevents: the cursor's operation begin failed in each of 5 attempts"
    status = told([poll(7), poll(2, sentence)], replace(FINE, asked_at=NOW - timedelta(minutes=6)))
    (found,) = status.streams
    assert (found.health, status.problems) == ("failing", (sentence,))
    assert found.explanation == "its run in the latest poll failed before it could ask for the stream"


def test_a_stream_that_a_terminated_poll_did_not_reach_is_unpolled() -> None:
    """The token is not to blame."""
    found = stream([poll(7)], replace(FINE, asked_at=NOW - timedelta(minutes=6)), runs=[run("poll", "stopped", 1)])
    assert (found.health, found.explanation) == ("unpolled", "the latest poll was terminated before it asked for it")


def test_a_stream_that_was_not_asked_for_may_be_one_of_many_that_failed() -> None:
    """A record names twelve: what it does not name is not claimed."""
    many = {f"a{number:02}-auditevents": "failed" for number in range(13)}
    record = replace(poll(2, "x"), outcomes=dict(list(many.items())[:12]), counts={"failed": 13})
    unnamed = replace(FINE, account="A12", asked_at=NOW - timedelta(minutes=6))
    found = stream([poll(7), record], unnamed)
    assert found.health == "failing"
    assert "its run failed, or its token no longer covers it" in found.explanation
    all_named = replace(record, counts={"failed": 12, "ok": 3})
    assert stream([poll(7), all_named], unnamed).health == "unpolled"


def test_a_stream_with_a_slow_schedule_is_polled_until_polls_are_overdue() -> None:
    """A daily poll comes a little more than a day after the last one."""
    day = 24 * 60
    late = replace(FINE, asked_at=NOW - timedelta(minutes=day + 5))
    polls = [poll(day + 5 + 1 / 60 + before) for before in (0, day)]
    assert stream(polls, late).health == "healthy"
    overdue = [replace(entry, started_at=entry.started_at - timedelta(days=3)) for entry in polls]
    found = stream(overdue, replace(late, asked_at=NOW - timedelta(days=4)))
    assert (found.health, found.explanation) == ("unpolled", "not polled for a day")


def test_a_stream_that_nobody_asked_for_in_a_day_is_unpolled() -> None:
    """Whatever its last outcome was."""
    found = stream([], replace(FINE, asked_at=NOW - timedelta(hours=25)))
    assert (found.health, found.explanation) == ("unpolled", "not polled for a day")


def test_a_state_of_an_earlier_version_is_polled_when_its_run_began() -> None:
    """It does not know who asked for it."""
    old = replace(FINE, asked_at=None, run=RunStart(NOW - timedelta(minutes=1)))
    assert stream([poll(2)], old).health == "healthy"


@pytest.mark.parametrize(
    ("outcome", "refused", "explains"),
    [
        ("more", "", "catching up"),
        ("throttled", "", "told to wait"),
        ("ok", "busy", "another run held the stream"),
        ("ok", "throttled", "told to wait"),
        ("stopped", "", "its run was stopped"),
        ("superseded", "", "another run took the stream over, or its cursor was reset or purged"),
    ],
)
def test_a_stream_that_goes_on_by_itself_is_behind(outcome: str, refused: str, explains: str) -> None:
    """The app is healthy only where its poll, and so the heartbeat, says so."""
    goes_well = outcome == "more"
    state = replace(FINE, outcome=outcome, refused=Refusal("r", "p", refused) if refused else None)
    status = told([poll(2, healthy=goes_well)], state)
    (found,) = status.streams
    assert found.health == "behind"
    assert found.lag_seconds == (120 if outcome == "ok" else 7200)
    assert found.explanation.startswith(explains)
    assert status.healthy is goes_well
    assert status.summary == (
        "The stream is healthy; auditevents still catching up"
        if goes_well
        else "Not everything is delivered; behind: auditevents"
    )


def test_a_run_that_was_terminated_while_it_held_the_stream_is_said() -> None:
    """With the reason; it is taken over once no activity of the run can be at work."""
    holder = run("drain_stream", "stopped", instance_id=HOLDER, error="was terminated: enough of it")
    found = stream([poll(2)], HELD, runs=[holder])
    assert found.health == "behind"
    assert found.explanation == "its run was terminated: enough of it; a later poll takes the stream over"


def test_a_run_that_failed_without_a_release_is_failing() -> None:
    """A run that has failed only just now may have given the stream back after the state was read."""
    holder = run("drain_stream", "failed", 2, instance_id=HOLDER, error="a defect")
    found = stream([poll(2)], HELD, runs=[holder])
    assert found.health == "failing"
    assert found.last_failure is not None
    assert found.last_failure.message == "auditevents: a defect"
    assert stream([poll(2)], HELD, runs=[replace(holder, updated_at=NOW)]).health == "healthy"


def test_a_stream_that_was_reset_waits_for_the_next_poll() -> None:
    """Its last success is about another place."""
    found = stream([poll(2)], replace(FINE, outcome="reset", newest=None))
    assert (found.health, found.lag_seconds) == ("behind", None)
    assert "moved by an operator" in found.explanation


def test_a_first_poll_under_way_is_no_fault() -> None:
    """It has not ended, so nothing is known yet."""
    found = stream([], replace(HELD, outcome="", asked_at=NOW), runs=[run()])
    assert (found.health, found.explanation) == ("behind", "the first poll is under way")


def test_what_was_delivered_is_counted_by_quarter_and_today() -> None:
    """Today is the day in UTC; the evening before is in the sparkline only, and what is older nowhere."""
    hours = {25: 9, 13: 3, 11: 4, 0: 5}
    day = tuple(
        QuarterHour(number_of(NOW - timedelta(hours=ago)), 2, events, 2, 100 * events, 1)
        for ago, events in hours.items()
    )
    found = stream([poll(2)], replace(FINE, day=day))
    assert [(quarter.events, quarter.polls, quarter.failed) for quarter in found.polled] == [
        (3, 2, 1),
        (4, 2, 1),
        (5, 2, 1),
    ]
    assert (found.events_today, found.bytes_today, found.events_total) == (9, 900, 1_000)


def test_accounts_are_named_as_the_settings_do() -> None:
    """As the stream was asked for last."""
    found = stream([poll(2)], replace(FINE, account="ACME"))
    assert (found.account, found.label, found.account_uuid) == ("ACME", "acme-auditevents", "ACC")


def test_backfills_cursors_are_no_streams() -> None:
    """They are listed with their backfill."""
    window = replace(FINE, position=replace(FINE.position, end_time="2026-11-20T12:00:00Z"))
    key = "20261115T120000Z-0123abcd-ACC-auditevents"
    status = report(NOW, cursors={KEY: FINE, key: window}, recent=RecentPolls((poll(2),)))
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
    assert told([poll(2, sentence)], settings_problems=[sentence]).problems == (sentence,)


def test_polls_are_told_newest_first_with_the_outcome_of_each_stream() -> None:
    """Also of a poll that failed, whose own output is a sentence, and of one that runs."""
    found = told([poll(7), poll(2, "x")], runs=[run()]).polls
    assert [(entry.state, entry.outcomes, entry.counts, entry.error) for entry in found] == [
        ("running", {}, {}, ""),
        ("failed", {"auditevents": "failed"}, {"failed": 1}, "x"),
        ("completed", {"auditevents": "ok"}, {"ok": 1}, ""),
    ]
    assert found[0].ended_at is None
    assert found[1].ended_at == NOW - timedelta(minutes=2) + timedelta(seconds=5)


def test_a_poll_whose_record_is_on_its_way_or_never_comes_is_told_by_its_run() -> None:
    """One that was terminated says so; a record that is there counts, whatever the run says."""
    stopped = run("poll", "stopped", 1, error="was terminated: too slow")
    status = told([poll(7)], runs=[stopped])
    assert [entry.state for entry in status.polls] == ["stopped", "completed"]
    assert status.polls[0].error == "was terminated: too slow"
    assert status.problems == ("poll-1 was terminated: too slow",)
    again = run("poll", "completed", 2, output={"healthy": False})
    assert told([poll(2)], runs=[again]).healthy is True


def test_no_problem_is_an_empty_string() -> None:
    """A poll that failed without a message, and settings without one, are none."""
    status = told([replace(poll(2), state="failed", error="", healthy=False)], settings_problems=[""])
    assert status.problems == ()
    assert status.healthy is False


def test_a_poll_that_does_not_end_is_a_problem() -> None:
    """Although the polls after it are well."""
    status = told([poll(2)], runs=[run(minutes=130)])
    (problem,) = status.problems
    assert problem.startswith("poll-130 has been running for 2 hours: ")
    assert status.healthy is False


def test_a_stream_that_waits_for_its_entity_is_a_problem() -> None:
    """Of hundreds a few are named."""
    waiting = [
        run("drain_stream", minutes=minutes, custom_status={"waiting_for": "begin"}) for minutes in range(10, 460)
    ]
    problems = told([poll(2)], runs=waiting).problems
    assert len(problems) == 6
    assert "entityMessageReorderWindowInMinutes" in problems[0]
    assert problems[5] == "445 more runs are in the same state"


def test_what_was_left_out_is_a_problem() -> None:
    """A view that does not show everything says so."""
    assert told([poll(2)], unread=["Not every stream is looked at"]).problems == ("Not every stream is looked at",)


def test_whatever_somebody_typed_into_the_monitor_breaks_nothing() -> None:
    """Inputs, outputs and custom statuses are not only the app's own."""
    odd = run("drain_stream", input={"key": 5}, custom_status={"waiting_for": ["x"], "backfill": 7})
    typed = run("poll", "completed", 3, output={"healthy": "yes", "streams": [1]})
    assert told([poll(2)], runs=[odd, typed]).problems == ()
