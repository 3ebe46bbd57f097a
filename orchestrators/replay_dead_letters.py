"""Deliver all dead letters again that Azure may take by now."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

import azure.durable_functions as df
import msgspec
from durabletask.task import OrchestrationContext, TaskFailedError

from onepassword_sentinel.brief_failures import brief_orchestrator
from onepassword_sentinel.errors import Failure
from onepassword_sentinel.replay_run import INSTANCE_ID, ReplayBatch, ReplayRequest
from onepassword_sentinel.wire import from_wire, to_wire
from orchestrators.orchestration import Steps, reason, retry_policy, utc_now, wait_until

bp = df.Blueprint()

# The history is cut after so many batches: each replay of it reads all of them.
BATCHES_PER_GENERATION: Final = 50
# So often in a row Azure may ask for a pause without having taken anything in between.
MOST_PAUSES: Final = 10


class ReplayFailedError(Exception):
    """Not all dead letters were looked at; the message says why, and what to do."""


@bp.orchestration_trigger(context_name="ctx")
@brief_orchestrator
def replay_dead_letters(ctx: OrchestrationContext, data: dict[str, Any] | None) -> Steps[dict[str, Any] | None]:
    """Replay batch by batch until every dead letter was looked at, and return the counts.

    1. `upload_dead_letters`; again while there are more, from where it came to.
    2. What throttles is waited out by a durable timer.
    3. Fail with one sentence if anything else stops it; what was not uploaded is kept.
    """
    run = _request(ctx, data)
    ctx.set_custom_status(run.custom_status("running"))
    for _ in range(BATCHES_PER_GENERATION):
        try:
            output = yield ctx.call_activity(
                "upload_dead_letters",
                input=to_wire(ReplayRequest(run.place)),
                retry_policy=retry_policy(run.pacing),
            )
        except TaskFailedError as error:
            raise _failed(ctx, run, reason(error)) from error
        batch = from_wire(ReplayBatch, output)
        run = run.after(batch)
        wait = _wait(ctx, run, batch.failure)
        if batch.failure is None and not batch.more:
            ctx.set_custom_status(run.custom_status("ended"))
            return {"v": 1, **asdict(run.counts)}
        ctx.set_custom_status(run.custom_status("waiting" if wait else "running"))
        if wait:
            yield from wait_until(ctx, utc_now(ctx) + timedelta(seconds=wait))
    ctx.continue_as_new(to_wire(run), save_events=True)
    return None


def _request(ctx: OrchestrationContext, data: dict[str, Any] | None) -> ReplayRequest:
    if ctx.instance_id != INSTANCE_ID:
        raise ReplayFailedError(
            f"two replays at once would deliver events twice, so each has the instance id {INSTANCE_ID}: "
            "start it with POST /api/dead-letters/replay, or restart the one with that id and without a new one"
        )
    try:
        return from_wire(ReplayRequest, data)
    except msgspec.ValidationError as error:
        raise ReplayFailedError(f"this input is no replay: {error}; leave it empty") from error


def _wait(ctx: OrchestrationContext, run: ReplayRequest, failure: Failure | None) -> float:
    """Tell how many seconds to wait before the next batch."""
    if failure is None:
        return 0.0
    match failure.kind:
        case "throttled" if run.pauses > MOST_PAUSES:
            raise _failed(ctx, run, f"Azure asked for a pause {run.pauses} times in a row: {failure.message}")
        case "throttled":
            return failure.retry_after
        case "transient":
            # It got somewhere before it failed, so it is worth going on, but not at once.
            return run.pacing.retry_seconds
        case _:
            raise _failed(ctx, run, failure.message)


def _failed(ctx: OrchestrationContext, run: ReplayRequest, why: str) -> ReplayFailedError:
    ctx.set_custom_status(run.custom_status("failed"))
    again = "put that right and replay again with POST /api/dead-letters/replay"
    if run.place.delivered:
        again += f", which knows that {run.place.delivered} was uploaded and only has to be deleted"
    uploaded = run.counts.uploaded
    done = "1 dead letter was" if uploaded == 1 else f"{uploaded:,} dead letters were"
    return ReplayFailedError(f"{why} ({done} uploaded, the others are kept: {again})")
