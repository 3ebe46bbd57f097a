"""How a run of a stream goes on after each transfer, and what it says of itself."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from onepassword_sentinel.discovery import Stream
from onepassword_sentinel.errors import Failure, FailureKind
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.payloads import DrainRequest, Pacing
from onepassword_sentinel.position import Position
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.tally import Tally
from onepassword_sentinel.transfer import Transfer
from onepassword_sentinel.wire import from_wire, to_wire
from orchestrators.stream_run import StreamRun
from tests.core.conftest import NOW

START, END = "2026-11-12T12:00:00Z", "2026-11-22T12:00:00Z"
POLL = DrainRequest(Stream("", "ACC", EventType.AUDIT_EVENTS), "ACC-auditevents", START)
BACKFILL = replace(POLL, end_time=END, backfill_id="b1", pacing=Pacing(budget_seconds=None, requests_per_minute=50.0))


def transfer(*, more: bool = True, failure: Failure | None = None, **counts: Any) -> Transfer:
    return Transfer(Position(cursor="c"), more=more, failure=failure, tally=Tally(**counts))


@pytest.mark.parametrize(
    ("requests", "seconds", "wait"),
    [(20, 4.0, 20.0), (20, 24.0, 0.0), (20, 30.0, 0.0), (1, 0.2, 1.0)],
    ids=["fast", "just so", "slow", "one page"],
)
def test_a_backfill_asks_no_more_often_than_its_share(requests: int, seconds: float, wait: float) -> None:
    """At 50 requests a minute, 20 of them are worth 24 seconds, however many instances the app has."""
    run = StreamRun(BACKFILL)
    assert run.transferred(transfer(requests=requests, seconds=seconds)) == pytest.approx(wait)
    assert run.outcome == "more"


def test_a_poll_does_not_pause() -> None:
    """The account's quota is all that it keeps to."""
    assert StreamRun(POLL).transferred(transfer(requests=20, seconds=0.1)) == 0.0


@pytest.mark.parametrize(
    ("kind", "outcome"), [("throttled", "throttled"), ("transient", "more"), ("permanent", "failed")]
)
def test_a_failure_on_the_way_decides_how_it_goes_on(kind: FailureKind, outcome: str) -> None:
    """What passes by itself is gone on from."""
    run = StreamRun(POLL)
    wait = run.transferred(transfer(failure=Failure(kind, "auditevents: x", 7.0)))
    assert (run.outcome, run.error) == (outcome, "auditevents: x")
    assert wait == {"throttled": 7.0, "more": 5.0, "failed": 0.0}[outcome]


def test_a_backfill_waits_when_all_attempts_have_failed() -> None:
    """Five minutes each time, twelve times; then it is no passing fault any more."""
    request = BACKFILL
    for stalls in range(12):
        run = StreamRun(request)
        run.attempts_failed("auditevents: no answer")
        assert (run.outcome, run.pause, run.stalls) == ("stalled", 300.0, stalls)
        request = from_wire(DrainRequest, to_wire(run.next_generation()))
    run = StreamRun(request)
    run.attempts_failed("auditevents: no answer")
    assert (run.outcome, run.error) == ("failed", "auditevents: no answer")


def test_a_single_event_makes_a_backfill_patient_again() -> None:
    """It is an outage with holes in it."""
    run = StreamRun(replace(BACKFILL, stalls=12))
    run.tally.add(Tally(events=1))
    run.attempts_failed("auditevents: no answer")
    assert (run.outcome, run.next_generation().stalls) == ("stalled", 1)


def test_a_poll_leaves_an_outage_to_the_next_tick() -> None:
    """It fails, and says so."""
    run = StreamRun(POLL)
    run.attempts_failed("auditevents: no answer")
    assert run.outcome == "failed"


def test_a_stream_that_is_not_to_begin_fails_and_names_the_setting() -> None:
    """One that waits for a remote, or is held, is refused for that, whatever the setting is."""
    run = StreamRun(replace(POLL, start_time=None))
    run.refused(NOW)
    assert (run.outcome, run.error) == (
        "failed",
        "auditevents: it has no cursor yet, and FIRST_RUN_LOOKBACK_DAYS says no place to begin",
    )
    run.state = StreamState(Position(cursor="c"), holder="poll-1", lease_until=NOW + timedelta(minutes=1))
    run.refused(NOW)
    assert run.outcome == "busy"
    run.state = replace(run.state, not_before=NOW + timedelta(minutes=1))
    run.refused(NOW)
    assert run.outcome == "throttled"


def test_the_next_generation_goes_on_counting() -> None:
    """From what this one leaves, and without touching what it was given."""
    run = StreamRun(replace(BACKFILL, tally=Tally(events=5, drift={"a"}), run_at=NOW))
    run.tally.add(Tally(events=2, drift={"b"}))
    following = run.next_generation()
    assert (following.tally.events, following.tally.drift, following.run_at) == (7, {"a", "b"}, NOW)
    assert (run.request.tally.events, run.request.tally.drift) == (5, {"a"})


def test_the_custom_status_is_flat_and_small() -> None:
    """As Durable Functions Monitor shows it best; a backfill's tells the place in the window."""
    run = StreamRun(BACKFILL, StreamState(newest=NOW - timedelta(days=5)))
    status = run.custom_status()
    assert status == {
        "stream": "auditevents",
        "outcome": "running",
        "events": 0,
        "pages": 0,
        "bytes": 0,
        "newest": "2026-11-17T12:00:00+00:00",
        "failure": "",
        "backfill": "b1",
        "percent": 50.0,
    }
    run.transferred(transfer(more=False))
    assert run.custom_status()["percent"] == 100.0
    assert "percent" not in StreamRun(POLL).custom_status()


def test_the_custom_status_says_what_a_run_waits_for() -> None:
    """Only while it waits for its entity; and however long its failure is, the status stays small."""
    run = StreamRun(POLL, parent_id="poll-1")
    assert run.custom_status(waiting_for="begin")["waiting_for"] == "begin"
    assert "waiting_for" not in run.custom_status()
    run.attempts_failed("auditevents: " + "x" * 50_000)
    assert len(str(run.custom_status(waiting_for="release"))) < 2_000


def test_a_run_says_who_asks_for_the_stream() -> None:
    """The cursor remembers the account's name and what started the run."""
    run = StreamRun(replace(POLL, stream=replace(POLL.stream, account="ACME")), parent_id="poll-1")
    asked = run.begin("r", "e1", NOW)
    assert (asked.holder, asked.execution, asked.parent_id, asked.account) == ("r", "e1", "poll-1", "ACME")


def test_a_run_that_is_refused_a_free_stream_names_no_holder() -> None:
    """Its request came late: another run asked after it, and may have given the stream back since."""
    run = StreamRun(POLL, StreamState(position=Position(cursor="c"), asked_at=NOW + timedelta(seconds=1)))
    run.refused(NOW)
    assert (run.outcome, run.error) == ("busy", "auditevents: another run has asked for the stream since")
