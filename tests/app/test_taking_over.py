"""A stream whose run has ended without giving it back is taken over; one whose run is at work is left alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from durabletask.client import OrchestrationStatus

from activities.look_up_run import look_up_run
from onepassword_sentinel.payloads import DrainRequest
from onepassword_sentinel.position import Position
from onepassword_sentinel.stream_lease import begin
from onepassword_sentinel.stream_operations import Stop, stop
from onepassword_sentinel.stream_requests import Begin
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.transfer import Transfer
from onepassword_sentinel.wire import from_wire, to_wire
from orchestrators import begin_stream
from tests.app.replay_engine import ActivityError, Engine
from tests.app.test_dying_workers import BACKFILL, CURSOR, DRAIN, POLL, START, engine
from tests.core.conftest import NOW

LOOK_UP = look_up_run.build().get_user_function().client_function
REQUESTS = pytest.mark.parametrize("request_", [POLL, BACKFILL], ids=["poll", "backfill"])


def hub(ago: float, *, ended: bool = True, holder: str = "poll-0-auditevents", end_time: str | None = None) -> Engine:
    """A hub in which a run was granted the stream so many seconds ago, and tells whether it has ended when asked."""
    found = engine()
    asked = Begin(holder, NOW - timedelta(seconds=ago), 900, START, end_time, execution="e0")
    found.states[CURSOR] = to_wire(begin(StreamState(), asked)[0])
    found.activities["look_up_run"] = lambda _: {"v": 1, "ended": ended}
    return found


def named(found: Engine, function: str) -> int:
    return [name for name, _ in found.calls].count(function)


@REQUESTS
def test_a_stream_is_taken_over_once_its_run_has_ended(request_: DrainRequest) -> None:
    """One look is enough, long before the lease runs out."""
    found = hub(160, end_time=request_.end_time)
    ended = found.run(DRAIN, to_wire(request_))
    assert (ended.output["outcome"], named(found, "look_up_run")) == ("ok", 1)
    assert found.now < NOW + timedelta(seconds=5)


def test_a_poll_leaves_a_stream_whose_activity_may_be_at_work() -> None:
    """It does not even look: the next tick does."""
    found = hub(140)
    assert (found.run(DRAIN, to_wire(POLL)).output["outcome"], named(found, "look_up_run")) == ("busy", 0)


def test_a_backfill_waits_until_no_activity_can_be_at_work() -> None:
    """Then it looks, and goes on."""
    found = hub(140, end_time=BACKFILL.end_time)
    assert (found.run(DRAIN, to_wire(BACKFILL)).output["outcome"], named(found, "look_up_run")) == ("ok", 1)
    assert NOW + timedelta(seconds=10) <= found.now < NOW + timedelta(seconds=30)


@REQUESTS
def test_a_run_that_is_at_work_keeps_its_stream(request_: DrainRequest) -> None:
    """However long it has said nothing, as one does that waits."""
    found = hub(160, ended=False, end_time=request_.end_time)
    assert found.run(DRAIN, to_wire(request_)).output["outcome"] == "busy"
    assert from_wire(StreamState, found.states[CURSOR]).holder == "poll-0-auditevents"


def test_a_run_that_cannot_be_looked_up_keeps_its_stream() -> None:
    """It may be at work; the next tick asks again."""

    def fail(_: Any) -> Any:
        raise ActivityError("the task hub did not answer")

    found = hub(160)
    found.activities["look_up_run"] = fail
    assert found.run(DRAIN, to_wire(POLL)).output["outcome"] == "busy"


@pytest.mark.parametrize(("ago", "outcome"), [(140, "busy"), (160, "ok")])
def test_a_poll_that_was_started_again_needs_no_look(ago: float, outcome: str) -> None:
    """Its start has ended the run before, whose activity may still be at work for a while."""
    found = hub(ago, holder="run-1")
    assert (found.run(DRAIN, to_wire(POLL)).output["outcome"], named(found, "look_up_run")) == (outcome, 0)


def test_a_run_whose_cursor_was_purged_does_not_work_under_the_grant_of_the_next_one() -> None:
    """The cursor counts its grants anew, so that the other run's number is lower."""
    found = engine()
    found.states[CURSOR] = to_wire(StreamState(Position(cursor="c0", start_time=START), fence=56))
    held = begin(StreamState(), Begin("poll-9-auditevents", NOW, 900, START, execution="e9"))[0]

    def purged_meanwhile(_: Any) -> dict[str, Any]:
        found.states[CURSOR] = to_wire(held)
        return to_wire(Transfer(Position(cursor="c1", start_time=START), moves=10, more=True, events=10))

    found.activities["transfer_events"] = purged_meanwhile
    assert found.run(DRAIN, to_wire(POLL)).output["outcome"] == "superseded"
    assert (named(found, "transfer_events"), from_wire(StreamState, found.states[CURSOR])) == (1, held)


def test_a_backfill_that_was_started_again_waits_for_its_activity() -> None:
    """It goes on by itself."""
    found = hub(140, holder="run-1", end_time=BACKFILL.end_time)
    assert (found.run(DRAIN, to_wire(BACKFILL)).output["outcome"], named(found, "look_up_run")) == ("ok", 0)


@REQUESTS
def test_a_request_that_comes_late_by_a_clock_is_no_failure(request_: DrainRequest) -> None:
    """Another instance's clock is ahead by a moment: a poll leaves it to the next tick, a backfill asks again."""
    found = hub(0, end_time=request_.end_time)
    free = replace(from_wire(StreamState, found.states[CURSOR]), holder="", lease_until=None)
    found.states[CURSOR] = to_wire(replace(free, asked_at=NOW + timedelta(seconds=2)))
    ended = found.run(DRAIN, to_wire(request_))
    assert ended.output["outcome"] == ("ok" if request_ is BACKFILL else "busy")


def test_a_backfill_that_is_late_by_a_clock_waits_between_its_requests() -> None:
    """Minutes pass until its clock is behind nobody's; asking without a pause would fill its history."""
    found = hub(200, holder="run-1", end_time=BACKFILL.end_time)
    ahead = replace(from_wire(StreamState, found.states[CURSOR]), asked_at=NOW + timedelta(minutes=1))
    found.states[CURSOR] = to_wire(ahead)
    assert found.run(DRAIN, to_wire(BACKFILL)).output["outcome"] == "ok"
    assert found.operations.count("begin") <= 8


@REQUESTS
def test_a_run_that_was_stopped_before_its_turn_ran_again_ends(
    request_: DrainRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was granted the stream in a turn that was not stored; an operator has stopped it since."""
    monkeypatch.setattr(begin_stream, "execution_id", lambda _: "e0")
    found = hub(60, holder="run-1", end_time=request_.end_time)
    stopped = stop(from_wire(StreamState, found.states[CURSOR]), Stop(), NOW)
    found.states[CURSOR] = to_wire(stopped)
    ended = found.run(DRAIN, to_wire(request_))
    assert (ended.output["outcome"], found.operations.count("begin")) == ("stopped", 1)
    assert named(found, "transfer_events") == 0


def test_a_backfill_does_not_take_its_own_activity_for_another_run() -> None:
    """An activity of the run before, which began late, may renew the lease for longer than one that began in time."""
    found = hub(100, holder="run-1", end_time=BACKFILL.end_time)

    def renewed() -> None:
        state = from_wire(StreamState, found.states[CURSOR])
        if state.holder == "run-1" and state.execution == "e0" and found.now < NOW + timedelta(seconds=170):
            found.states[CURSOR] = to_wire(replace(state, active_at=found.now))

    found.before_operation = renewed
    assert found.run(DRAIN, to_wire(BACKFILL)).output["outcome"] == "ok"
    assert found.now > NOW + timedelta(seconds=300)


class Hub:
    """A task hub with at most one run in it."""

    def __init__(self, status: OrchestrationStatus | None) -> None:
        self.runtime_status = status

    async def get_orchestration_state(self, instance_id: str, *, fetch_payloads: bool) -> "Hub | None":
        assert (instance_id, fetch_payloads) == ("poll-1-auditevents", False)
        return None if self.runtime_status is None else self


@pytest.mark.parametrize("status", [None, *OrchestrationStatus], ids=str)
async def test_a_run_has_ended_if_it_will_not_go_on(status: OrchestrationStatus | None) -> None:
    """One that is suspended, or has not begun, will; one that was purged will not."""
    will_not = {None, OrchestrationStatus.COMPLETED, OrchestrationStatus.FAILED, OrchestrationStatus.TERMINATED}
    answer = await LOOK_UP({"v": 1, "instance_id": "poll-1-auditevents"}, Hub(status))
    assert answer == {"v": 1, "ended": status in will_not}
