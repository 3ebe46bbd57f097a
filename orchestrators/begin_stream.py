"""The first step of a stream's run: to be granted the stream."""

from datetime import datetime, timedelta

from durabletask.entities import EntityInstanceId
from durabletask.task import OrchestrationContext, TaskFailedError

from onepassword_sentinel.payloads import Pacing
from onepassword_sentinel.stream_operations import OperationRejectedError
from onepassword_sentinel.stream_requests import Begin
from onepassword_sentinel.stream_state import Grant, StreamState
from onepassword_sentinel.wire import from_wire
from orchestrators.entity_calls import EntityCallFailedError, call_entity
from orchestrators.execution_ids import execution_id
from orchestrators.orchestration import Steps, retry_policy, utc_now, wait_until
from orchestrators.stream_run import StreamRun


def begin_stream(ctx: OrchestrationContext, cursor: EntityInstanceId, run: StreamRun) -> Steps[bool]:
    """Ask for the stream; tell whether it was granted.

    Whoever holds it may have ended without giving it back. Once no activity of it can be at work any more, that is
    found out, and the stream is asked for again. A poll leaves a stream that is taken to the next tick. A backfill
    waits for the holder's activity, which may renew the lease, but only for so long as an activity can be at work:
    whoever renews it later is alive. It also waits until the time that a remote has set.
    """
    asked_first = asked_at = utc_now(ctx)
    ended: Grant | None = None

    def begin() -> Begin:
        nonlocal asked_at
        asked_at = utc_now(ctx)
        return run.begin(ctx.instance_id, execution_id(ctx), asked_at, ended)

    while True:
        ctx.set_custom_status(run.custom_status(waiting_for="begin"))
        try:
            answer = yield from call_entity(ctx, cursor, "begin", begin, run.request.pacing)
        except (EntityCallFailedError, OperationRejectedError) as error:
            run.call_failed(error)
            return False
        run.state = from_wire(StreamState, answer["state"])
        if answer["accepted"]:
            run.granted()
            ctx.set_custom_status(run.custom_status())
            return True
        if run.state.execution == execution_id(ctx) != "":
            # It was granted the stream in a turn that was not stored, and stopped before the turn ran again.
            run.stopped()
            return False
        # The cursor compared with this time; by now, what it refused for may be over.
        run.refused(asked_at)
        ctx.set_custom_status(run.custom_status())
        now, grant = utc_now(ctx), run.state.grant
        if run.outcome == "busy" and ended != grant and _may_have_ended(run.state, ctx.instance_id, now):
            if not (yield from _has_ended(ctx, grant.holder, run.request.pacing)):
                return False
            ended = grant
            continue
        again_at = _again_at(run, ctx.instance_id, asked_first, now)
        if again_at is None:
            return False
        yield from wait_until(ctx, again_at)


def _may_have_ended(state: StreamState, instance_id: str, now: datetime) -> bool:
    """Tell whether to look for the holder; one with the same instance id is this run, or was ended by its start."""
    return state.holder not in ("", instance_id) and state.work_ends_at is not None and state.work_ends_at <= now


def _has_ended(ctx: OrchestrationContext, instance_id: str, pacing: Pacing) -> Steps[bool]:
    """Find out whether a run has ended; one that cannot be looked up may be at work."""
    try:
        found = yield ctx.call_activity(
            "look_up_run", input={"v": 1, "instance_id": instance_id}, retry_policy=retry_policy(pacing)
        )
    except TaskFailedError:
        return False
    return bool(found["ended"])


def _again_at(run: StreamRun, instance_id: str, asked_first: datetime, now: datetime) -> datetime | None:
    """Tell when a run that was refused the stream asks again; None if it does not."""
    state = run.state
    if not run.request.is_backfill:
        return None
    if run.outcome == "throttled":
        return state.not_before
    if run.outcome != "busy" or _is_alive(state, instance_id, asked_first):
        return None
    soon, ends_at = now + timedelta(seconds=2 * run.request.pacing.retry_seconds), state.work_ends_at
    return ends_at if ends_at and now < ends_at < soon else soon


def _is_alive(state: StreamState, instance_id: str, asked_first: datetime) -> bool:
    """Tell whether the holder has renewed the lease for longer than an activity of one that ended could."""
    if state.active_at is None or state.holder == instance_id:
        return False
    return state.active_at > asked_first + timedelta(seconds=state.transfer_limit)
