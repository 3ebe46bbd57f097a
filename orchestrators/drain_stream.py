"""Drain one stream: the same for a poll and, over a window and with a cursor of its own, for a backfill."""

import logging
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

import azure.durable_functions as df
from durabletask.entities import EntityInstanceId
from durabletask.task import OrchestrationContext, TaskFailedError

from onepassword_sentinel.brief_failures import brief_orchestrator
from onepassword_sentinel.payloads import DrainRequest, TransferRequest
from onepassword_sentinel.stream_operations import OperationRejectedError
from onepassword_sentinel.stream_requests import Commit
from onepassword_sentinel.stream_state import CAUGHT_UP, StreamState
from onepassword_sentinel.transfer import Transfer
from onepassword_sentinel.wire import from_wire, to_wire
from orchestrators.begin_stream import begin_stream
from orchestrators.entity_calls import EntityCallFailedError, call_entity
from orchestrators.orchestration import Steps, reason, report, retry_policy, utc_now, wait_until
from orchestrators.stream_run import GOES_ON, StreamRun

bp = df.Blueprint()

# A backfill's history is cut after so many transfers: about six events each, and each replay reads all of them.
TRANSFERS_PER_GENERATION: Final = 50
# A cursor that is rejected again this soon after it was replaced will not be helped by replacing it again.
START_OVER_PAUSE: Final = timedelta(hours=1)


class StreamFailedError(Exception):
    """A stream's run failed; the message is the sentence that an operator reads in the instance's output."""


@bp.orchestration_trigger(context_name="ctx")
@brief_orchestrator
def drain_stream(ctx: OrchestrationContext, data: dict[str, Any]) -> Steps[dict[str, Any] | None]:
    """Drain a stream until nothing waits or the budget is used up.

    1. `begin`: take the position, a lease and a fencing number; held by another run: end as `busy`, which is normal;
       a remote has asked to be left alone for longer: end as `throttled`, without asking it; it never ran, and nobody
       knows where it is to begin: fail.
    2. `transfer_events`, then `commit` of what it achieved, also when it failed on the way; again while more waits.
    3. `release`, however it went, and report the outcome.
    4. Fail with one sentence if it failed, as it does where the cursor cannot be called. What throttles is waited out
       by a durable timer; a wait that does not end before the next tick is left to it.

    A backfill has no next tick: it has no budget, waits out whatever passes by itself, and goes on in a generation of
    its own before its history grows long.

    Only positions, counts and times pass through here; events never do.
    """
    request = from_wire(DrainRequest, data)
    request = replace(request, run_at=request.run_at or utc_now(ctx))
    log = ctx.create_replay_safe_logger(logging.getLogger(__name__))
    cursor = EntityInstanceId("stream_cursor", request.key)
    run = StreamRun(request, parent_id=ctx.parent_instance_id or "")
    if (yield from begin_stream(ctx, cursor, run)):
        yield from _drain(ctx, cursor, run)
        yield from _release(ctx, cursor, run)
    ctx.set_custom_status(run.custom_status())
    if request.is_backfill and run.outcome in GOES_ON:
        if run.pause:
            yield from wait_until(ctx, utc_now(ctx) + timedelta(seconds=run.pause))
        ctx.continue_as_new(to_wire(run.next_generation()), save_events=True)
        return None

    summary = run.summary(ctx.instance_id, utc_now(ctx))
    if unreported := (yield from report(ctx, request.pacing, outcomes=[summary])):
        # What happened is in this instance's output all the same.
        log.warning("the health row of %s could not be delivered: %s", request.key, unreported)
    if run.outcome == "failed":
        log.error(run.error)
        raise StreamFailedError(run.error)
    if summary["error"]:
        level = logging.INFO if run.outcome == "busy" else logging.WARNING
        log.log(level, "%s: %s", run.outcome, summary["error"])
    return summary


def _drain(ctx: OrchestrationContext, cursor: EntityInstanceId, run: StreamRun) -> Steps[None]:
    """Transfer and commit, over and over; `run` holds how it ended."""
    request, pacing = run.request, run.request.pacing
    deadline = None if pacing.budget_seconds is None else utc_now(ctx) + timedelta(seconds=pacing.budget_seconds)
    for _ in range(TRANSFERS_PER_GENERATION):
        state = run.state
        transfer = TransferRequest(
            stream=request.stream,
            key=request.key,
            state=state,
            may_start_over=state.recovered_at is None or utc_now(ctx) - state.recovered_at > START_OVER_PAUSE,
            backfill_id=request.backfill_id,
            pacing=pacing,
        )
        try:
            output = yield ctx.call_activity(
                "transfer_events",
                input=to_wire(transfer),
                retry_policy=retry_policy(pacing),
            )
        except TaskFailedError as error:
            run.attempts_failed(reason(error))
            return
        result = from_wire(Transfer, output)
        if result.stopped or result.superseded:
            run.stopped() if result.stopped else run.lost()
            return
        commit = partial(_commit, ctx, run, transfer, result)
        ctx.set_custom_status(run.custom_status(waiting_for="commit"))
        try:
            answer = yield from call_entity(ctx, cursor, "commit", commit, pacing)
        except (EntityCallFailedError, OperationRejectedError) as error:
            # Its events are not counted: to deliver the same ones over and over is no progress.
            run.call_failed(error)
            return
        run.tally.add(result.tally)
        found = from_wire(StreamState, answer["state"])
        if not found.is_held(state.grant):
            run.stopped() if found.was_stopped(state.grant) else run.lost(repeated=result.tally.events)
            return
        run.state = found
        wait = run.transferred(result)
        ctx.set_custom_status(run.custom_status())
        resume_at = utc_now(ctx) + timedelta(seconds=wait)
        if deadline is None and run.outcome == "throttled":
            return
        if run.outcome not in ("more", "throttled") or (deadline is not None and resume_at >= deadline):
            return
        if wait:
            yield from wait_until(ctx, resume_at)
    run.outcome = "more"


def _release(ctx: OrchestrationContext, cursor: EntityInstanceId, run: StreamRun) -> Steps[None]:
    """Give the stream back; where that fails, a later run takes it over."""
    ctx.set_custom_status(run.custom_status(waiting_for="release"))
    try:
        yield from call_entity(ctx, cursor, "release", lambda: run.release(utc_now(ctx)), run.request.pacing)
    except (EntityCallFailedError, OperationRejectedError) as error:
        locked = f"{error}; the stream was not given back, and a later run takes it over"
        log = ctx.create_replay_safe_logger(logging.getLogger(__name__))
        log.warning(run.named(locked))
        # A backfill that goes on waits for its own lease. A run that failed, or lost the stream, says that instead.
        if run.outcome in CAUGHT_UP or (run.outcome in GOES_ON and not run.request.is_backfill):
            run.attempts_failed(locked)


def _commit(ctx: OrchestrationContext, run: StreamRun, transfer: TransferRequest, result: Transfer) -> Commit:
    run.done = transfer.commit(result, utc_now(ctx), by_run=True)
    return run.done
