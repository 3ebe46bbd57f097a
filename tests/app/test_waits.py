"""What waits for a time waits until it has come, though timers fire up to a second early."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
import pytest
from durabletask.task import OrchestrationContext

from onepassword_sentinel.errors import Failure
from onepassword_sentinel.payloads import BackfillRequest, Pacing
from onepassword_sentinel.position import Position
from onepassword_sentinel.replay_run import INSTANCE_ID, Place, ReplayBatch, ReplayCounts
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.tally import Tally
from onepassword_sentinel.transfer import Transfer
from onepassword_sentinel.wire import from_wire, to_wire
from orchestrators.backfill import backfill
from orchestrators.orchestration import Steps, utc_now, wait_until
from orchestrators.poll import poll
from orchestrators.replay_dead_letters import replay_dead_letters
from tests.app.replay_engine import ActivityError, Engine
from tests.app.test_dying_workers import BACKFILL, CURSOR, DRAIN, POLL, START, engine
from tests.core.conftest import NOW

BACKFILL_RUN = backfill.build().get_user_function().orchestrator_function
POLL_RUN = poll.build().get_user_function().orchestrator_function
REPLAY = replay_dead_letters.build().get_user_function().orchestrator_function
REPORTED = {"v": 1, "problem": "", "retry_after": 0.0}
FOUND = {"v": 1, "streams": [to_wire(POLL.stream)], "lookback_days": 1, "problems": [], "options": []}
REQUEST = BackfillRequest("b1", START, "2026-11-20T12:00:00Z")


def waits(ctx: OrchestrationContext, seconds: float) -> Steps[float]:
    """Wait, and return for how long."""
    begun = utc_now(ctx)
    yield from wait_until(ctx, begun + timedelta(seconds=seconds))
    return (utc_now(ctx) - begun).total_seconds()


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.5, 0.99, 1.0, 1.5, 7.0, 65.0, 65.9])
def test_a_wait_is_never_short_and_takes_few_timers(seconds: float) -> None:
    """A second's margin is enough, so that nothing spins until the time has come."""
    hub = Engine()
    ended = hub.run(waits, seconds)
    assert ended.output >= seconds
    assert ended.output <= seconds + 1.1
    assert hub.timers <= (0 if not seconds else 2 if seconds >= 1 else 6)


def test_a_short_wait_stays_short_where_timers_are_exact() -> None:
    """One timer is enough there, without a margin."""
    hub = Engine(exact_timers=True)
    ended = hub.run(waits, 0.05)
    assert (hub.timers, 0.05 <= ended.output < 0.1) == (1, True)


def test_a_replay_asks_again_only_after_the_pause() -> None:
    """Azure asks for a second each time: eleven questions within a tenth of a second would end the replay."""
    asked: list[Any] = []

    def upload(data: dict[str, Any]) -> dict[str, Any]:
        asked.append(hub.now)
        failure = Failure("throttled", "429", 1.0) if len(asked) < 5 else None
        return to_wire(ReplayBatch(Place(), ReplayCounts(), more=failure is not None, failure=failure))

    hub = Engine(activities={"upload_dead_letters": upload})
    ended = hub.run(REPLAY, None, INSTANCE_ID)
    assert ended.completed, ended.message
    assert all(later - earlier >= timedelta(seconds=1) for earlier, later in pairwise(asked))


def test_a_report_waits_for_the_pause() -> None:
    """The rule throttles for two seconds; the row is not sent before."""
    answers = iter([{**REPORTED, "problem": "429", "retry_after": 2.0}, REPORTED])
    hub = engine()
    hub.activities["report_health"] = lambda _: next(answers)
    assert hub.run(DRAIN, to_wire(POLL)).completed
    first, second = (at for name, at in hub.calls if name == "report_health")
    assert second - first >= timedelta(seconds=2)


def throttled_once(retry_after: float) -> Engine:
    """1Password throttles the second transfer."""
    hub, calls = engine(), iter(range(100))

    def transfer(_: dict[str, Any]) -> dict[str, Any]:
        nth = next(calls)
        failure = Failure("throttled", "auditevents: 429", retry_after) if nth == 1 else None
        position = Position(cursor=f"c{nth}", start_time=START)
        return to_wire(Transfer(position, moves=nth, more=nth < 2, failure=failure, tally=Tally(events=5)))

    hub.activities["transfer_events"] = transfer
    return hub


@pytest.mark.parametrize("request_", [POLL, BACKFILL], ids=["poll", "backfill"])
@pytest.mark.parametrize("seconds", [2.9, 65.0])
def test_a_throttled_stream_delivers_after_the_pause(request_: Any, seconds: float) -> None:
    """Also where the backfill goes on in a generation of its own, whose cursor refuses whoever comes early."""
    hub = throttled_once(seconds)
    ended = hub.run(DRAIN, to_wire(request_))
    assert (ended.output["outcome"], ended.output["events"]) == ("ok", 15)
    second, third = [at for name, at in hub.calls if name == "transfer_events"][1:]
    assert third - second >= timedelta(seconds=seconds)


@pytest.mark.parametrize("left", [0.01, 0.5, 30.0])
def test_a_backfill_that_comes_too_early_waits_and_asks_again(left: float) -> None:
    """It has no next tick that would; a poll leaves the stream to it."""
    hub = engine()
    not_before = NOW + timedelta(seconds=left) + timedelta(milliseconds=20)
    waiting = replace(StreamState(Position(start_time=START)), not_before=not_before, error="auditevents: 429")
    hub.states[CURSOR] = to_wire(waiting)
    ended = hub.run(DRAIN, to_wire(BACKFILL))
    assert ended.output["outcome"] == "ok"
    assert hub.operations.count("begin") == 2
    assert hub.calls[0][1] >= not_before
    hub = engine()
    hub.states[CURSOR] = to_wire(waiting)
    assert hub.run(DRAIN, to_wire(POLL)).output["outcome"] == "throttled"


def test_a_backfill_waits_for_the_lease_of_a_run_that_is_gone() -> None:
    """Until it has run out, and no longer than an early timer's margin."""
    hub = engine()
    until = NOW + timedelta(seconds=12.5)
    hub.states[CURSOR] = to_wire(StreamState(Position(start_time=START), fence=3, holder="gone", lease_until=until))
    assert hub.run(DRAIN, to_wire(replace(BACKFILL, pacing=Pacing(budget_seconds=None, lease_seconds=60)))).completed
    begun = next(at for name, at in hub.calls if name == "transfer_events")
    assert until <= begun < until + timedelta(seconds=2)


@pytest.mark.parametrize("outcome", ["busy", "superseded", "stopped", "throttled", "more"])
def test_a_backfill_without_its_whole_window_fails(outcome: str) -> None:
    """A stream that another run holds was not delivered, whoever holds it."""
    summary = {"outcome": outcome, "events": 0, "error": f"auditevents: why it is {outcome}"}
    hub = Engine(activities={"discover_streams": lambda _: FOUND, "report_health": lambda _: REPORTED})
    hub.children["drain_stream"] = lambda *_: summary
    ended = hub.run(BACKFILL_RUN, to_wire(REQUEST))
    assert not ended.completed
    assert ended.message == (
        f"auditevents: why it is {outcome}; its window is not delivered: restart the backfill, which goes on from there"
    )
    assert hub.custom_status[-1]["state"] == "failed"


@pytest.mark.parametrize("outcome", ["ok", "recovered"])
def test_a_backfill_with_its_whole_window_completes(outcome: str) -> None:
    """Also where a cursor had to be replaced on the way."""
    hub = Engine(activities={"discover_streams": lambda _: FOUND})
    hub.children["drain_stream"] = lambda *_: {"outcome": outcome, "events": 7, "error": ""}
    assert hub.run(BACKFILL_RUN, to_wire(REQUEST)).output["events"] == 7


def test_a_backfill_waits_as_long_as_introspection_is_throttled() -> None:
    """The pause of its pacing, and not a fraction less."""
    problem = {"account": "", "kind": "throttled", "message": "introspection: 429"}
    answers = iter([{**FOUND, "streams": [], "problems": [problem]}, FOUND])
    hub = Engine(activities={"discover_streams": lambda _: next(answers)})
    hub.children["drain_stream"] = lambda *_: {"outcome": "ok", "events": 7, "error": ""}
    request = replace(REQUEST, pacing=Pacing(budget_seconds=None, throttle_seconds=3.7))
    assert hub.run(BACKFILL_RUN, to_wire(request)).completed
    first, second = (at for _, at in hub.calls)
    assert second - first >= timedelta(seconds=3.7)


@pytest.mark.parametrize(
    ("details", "says"),
    [
        (pb.TaskFailureDetails(), "was terminated; if nobody did that, the app lacks a function: deploy it again"),
        (pb.TaskFailureDetails(errorType="ValueError"), "failed with ValueError and no message: look in the app's log"),
        (pb.TaskFailureDetails(errorType="X", errorMessage="it broke"), "it broke"),
    ],
    ids=["terminated", "no message", "message"],
)
def test_a_stream_that_could_not_report_is_never_without_a_reason(details: pb.TaskFailureDetails, says: str) -> None:
    """Azure Storage gives neither a message nor a type for a terminated child; its row and its parent say so."""
    rows: list[dict[str, Any]] = []

    def report(data: dict[str, Any]) -> dict[str, Any]:
        rows.extend(data["outcomes"])
        return REPORTED

    hub = Engine(activities={"discover_streams": lambda _: FOUND, "report_health": report})
    hub.children["drain_stream"] = lambda *_: details
    for run, data in ((POLL_RUN, None), (BACKFILL_RUN, to_wire(REQUEST))):
        rows.clear()
        assert hub.run(run, data).message == f"auditevents: {says}"
        assert [row["error"] for row in rows] == [f"auditevents: {says}"]


def test_an_activity_that_fails_without_a_message_gives_a_reason() -> None:
    """As one does whose function is missing; no sentence is ever empty."""

    def fails(_: dict[str, Any]) -> None:
        raise ActivityError

    hub = engine()
    hub.activities["transfer_events"] = fails
    assert hub.run(DRAIN, to_wire(POLL)).message == (
        "auditevents: an activity failed without a reason: look in the app's log, and deploy the app again if a "
        "function is missing"
    )
    assert from_wire(StreamState, hub.states[CURSOR]).outcome == "failed"
