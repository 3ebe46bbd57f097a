"""The last polls are kept as small records, in whatever order and however often their signals come."""

from dataclasses import replace
from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from onepassword_sentinel.recent_polls import (
    OUTCOMES_SHOWN,
    POLLS_SHOWN,
    RUNNING_KEPT,
    PollRecord,
    PollStart,
    RecentPolls,
    ended,
    started,
)
from onepassword_sentinel.runs import Run
from onepassword_sentinel.wire import from_wire, to_wire
from tests.core.conftest import NOW


def record(number: int, **changes: object) -> PollRecord:
    started = NOW + timedelta(minutes=5 * number)
    made = PollRecord.of(
        f"poll-{number}", started, started + timedelta(seconds=2), outcomes={"auditevents": "ok"}, healthy=True
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # by name


@given(st.lists(st.integers(0, 20), min_size=1))
def test_the_newest_polls_are_kept_in_any_order_of_signals(numbers: list[int]) -> None:
    """Each once, the newest first."""
    recent = RecentPolls()
    for number in numbers:
        recent = ended(recent, record(number))
    newest = sorted(set(numbers), reverse=True)[:POLLS_SHOWN]
    assert [poll.instance_id for poll in recent.polls] == [f"poll-{number}" for number in newest]


@given(st.permutations([("started", 1), ("ended", 1), ("started", 1), ("ended", 1), ("started", 2)]))
def test_a_poll_runs_until_its_end_is_known(signals: list[tuple[str, int]]) -> None:
    """In whatever order, and however often, its signals come."""
    recent = RecentPolls()
    for operation, number in signals:
        start = PollStart(f"poll-{number}", record(number).started_at)
        recent = started(recent, start) if operation == "started" else ended(recent, record(number))
    assert [poll.instance_id for poll in recent.running] == ["poll-2"]
    assert [poll.instance_id for poll in recent.polls] == ["poll-1"]


def test_polls_that_never_end_are_forgotten_in_time() -> None:
    """So many are kept, and none for longer than three days."""
    recent = RecentPolls()
    for minute in range(RUNNING_KEPT + 10):
        recent = started(recent, PollStart(f"poll-{minute}", NOW + timedelta(minutes=minute)))
    assert len(recent.running) == RUNNING_KEPT
    assert recent.running[0].instance_id == f"poll-{RUNNING_KEPT + 9}"
    recent = started(recent, PollStart("late", NOW + timedelta(days=4)))
    assert [poll.instance_id for poll in recent.running] == ["late"]


def test_a_restart_under_the_same_id_runs_again() -> None:
    """Its record is of the run before."""
    recent = ended(RecentPolls(), record(1))
    again = PollStart("poll-1", record(1).started_at + timedelta(minutes=1))
    assert started(recent, again).running == (again,)


def test_a_restart_under_the_same_id_replaces_its_record() -> None:
    """Also when the old one comes again, late."""
    failed = record(1, state="failed", error="x")
    again = replace(record(1), started_at=NOW + timedelta(hours=1), ended_at=NOW + timedelta(hours=2))
    recent = ended(ended(ended(RecentPolls(), failed), again), failed)
    assert recent.polls == (again,)


def test_a_record_stays_small_with_3000_streams() -> None:
    """The worst ones are named, the others counted."""
    outcomes = {f"account-{number}-auditevents": "ok" for number in range(3_000)}
    outcomes |= {"bad-auditevents": "failed", "slow-auditevents": "throttled"}
    made = PollRecord.of("poll-1", NOW, NOW, outcomes=outcomes, error="x" * 50_000)
    assert list(made.outcomes)[:2] == ["bad-auditevents", "slow-auditevents"]
    assert len(made.outcomes) == OUTCOMES_SHOWN
    assert made.counts == {"ok": 3_000, "failed": 1, "throttled": 1}
    assert len(msgspec.json.encode(to_wire(RecentPolls((made,) * POLLS_SHOWN)))) < 32_000
    assert from_wire(PollRecord, to_wire(made)) == made


def test_a_poll_without_a_record_is_told_by_its_run() -> None:
    """One that was terminated says why; one that runs has no record."""
    run = Run("poll-1", "poll", "stopped", NOW, NOW, error="was terminated: too slow")
    made = PollRecord.of_run(run)
    assert made is not None
    assert (made.state, made.error, made.healthy) == ("stopped", "was terminated: too slow", False)
    assert PollRecord.of_run(replace(run, state="running")) is None
    output = {"healthy": True, "events": 7, "outcomes": {"ok": 1}, "streams": {"auditevents": {"outcome": "ok"}}}
    done = PollRecord.of_run(replace(run, state="completed", output=output, error=""))
    assert done is not None
    assert (done.healthy, done.events, done.counts, done.outcomes) == (True, 7, {"ok": 1}, {"auditevents": "ok"})


def test_an_output_that_is_not_the_apps_breaks_nothing() -> None:
    """An older version left out the counts, and anybody may start a poll of another kind."""
    for output in ({}, {"streams": 5, "events": "x", "outcomes": []}, {"streams": {"a": 1}, "outcomes": {"ok": "x"}}):
        made = PollRecord.of_run(Run("poll-1", "poll", "completed", NOW, NOW, output=output))
        assert made is not None
        assert (made.events, made.counts) == (0, {})
