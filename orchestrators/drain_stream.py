"""Drain one stream: the same for a poll and, over a window and with a cursor of its own, for a backfill."""

import logging
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import azure.durable_functions as df
from durabletask.entities import EntityInstanceId
from durabletask.task import OrchestrationContext, TaskFailedError

from onepassword_sentinel.dead_letters import CONTAINER
from onepassword_sentinel.errors import Failure
from onepassword_sentinel.payloads import DrainRequest, Pacing, TransferRequest
from onepassword_sentinel.stream_state import Begin, Release, StreamState
from onepassword_sentinel.tally import Tally
from onepassword_sentinel.transfer import Transfer
from onepassword_sentinel.wire import from_wire, to_wire
from orchestrators.orchestration import Steps, report, retry_policy, utc_now

bp = df.Blueprint()

# A backfill's history is cut after so many transfers: about four events each, and each replay reads all of them.
TRANSFERS_PER_GENERATION: Final = 50
# A cursor that is rejected again this soon after it was replaced will not be helped by replacing it again.
START_OVER_PAUSE: Final = timedelta(hours=1)


class StreamFailedError(Exception):
    """A stream's run failed; the message is the sentence that an operator reads in the instance's output."""


@dataclass(slots=True)
class _Run:
    """One generation's work; `state` is the stream's as this run knows it."""

    state: StreamState
    tally: Tally
    outcome: str = "ok"
    failure: Failure | None = None


@bp.orchestration_trigger(context_name="ctx")
def drain_stream(ctx: OrchestrationContext, data: dict[str, Any]) -> Steps[dict[str, Any] | None]:
    """Drain a stream until nothing waits or the budget is used up.

    1. `begin`: take the position, a lease and a fencing number; held by another run: end as `busy`, which is normal;
       a remote has asked to be left alone for longer: end as `throttled`, without asking it.
    2. `transfer_events`, then `commit` of what it achieved, also when it failed on the way; again while more waits.
    3. `release`, however it went, and report the outcome; a run that was taken over has nothing to release.
    4. Fail with one sentence if it failed. What throttles is waited out by a durable timer; a wait that does not end
       before the next tick is left to it.

    Only positions, counts and times pass through here; events never do.
    """
    request = from_wire(DrainRequest, data)
    log = ctx.create_replay_safe_logger(logging.getLogger(__name__))
    cursor = EntityInstanceId("stream_cursor", request.key)
    asked = Begin(ctx.instance_id, utc_now(ctx), request.pacing.lease_seconds, request.start_time, request.end_time)
    answer = yield ctx.call_entity(cursor, "begin", to_wire(asked))
    run = _Run(from_wire(StreamState, answer["state"]), request.tally)
    if answer["accepted"]:
        yield from _drain(ctx, request, cursor, run)
    else:
        run.outcome, run.failure = _why_not(request, run.state, asked.now)

    error = run.failure.message if run.failure else ""
    if answer["accepted"] and run.outcome != "superseded":
        wait = run.failure.retry_after if run.failure else 0.0
        ended = Release(run.state.fence, utc_now(ctx), run.outcome, error, wait)
        yield ctx.call_entity(cursor, "release", to_wire(ended))
    if request.pacing.budget_seconds is None and run.outcome in ("more", "throttled"):
        if run.failure:
            yield ctx.create_timer(utc_now(ctx) + timedelta(seconds=run.failure.retry_after))
        ctx.continue_as_new(to_wire(request.with_tally(run.tally)), save_events=True)
        return None

    summary = _summary(ctx, request, run)
    if unreported := (yield from report(ctx, request.pacing, outcomes=[summary])):
        # What happened is in this instance's output all the same.
        log.warning("the health row of %s could not be delivered: %s", request.key, unreported)
    if run.outcome == "failed":
        log.error(error)
        raise StreamFailedError(error)
    if summary["error"]:
        level = logging.INFO if run.outcome == "busy" else logging.WARNING
        log.log(level, "%s: %s", run.outcome, summary["error"])
    return summary


def _drain(ctx: OrchestrationContext, request: DrainRequest, cursor: EntityInstanceId, run: _Run) -> Steps[None]:
    """Transfer and commit, over and over; `run` holds how it ended."""
    pacing = request.pacing
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
            run.outcome, run.failure = "failed", Failure("transient", error.details.message)
            return
        result = from_wire(Transfer, output)
        if result.superseded:
            run.outcome = "superseded"
            run.failure = Failure("transient", f"{request.stream.label}: another run took the stream over")
            return
        answer = yield ctx.call_entity(cursor, "commit", to_wire(transfer.commit(result, utc_now(ctx))))
        run.tally.add(result.tally)
        if not answer["accepted"]:
            repeated = f"{result.tally.events} events may be repeated"
            message = f"{request.stream.label}: another run took the stream over; {repeated}"
            run.outcome, run.failure = "superseded", Failure("transient", message)
            return
        run.state = from_wire(StreamState, answer["state"])
        ctx.set_custom_status(
            {
                "stream": request.stream.label,
                "events": run.tally.events,
                "pages": run.tally.pages,
                "newest": run.state.newest.isoformat() if run.state.newest else "",
                "failure": result.failure.message if result.failure else "",
            },
        )
        run.failure = result.failure
        run.outcome, wait = _what_next(pacing, run.tally, result)
        resume_at = utc_now(ctx) + timedelta(seconds=wait)
        if deadline is None and run.outcome == "throttled":
            return
        if run.outcome not in ("more", "throttled") or (deadline is not None and resume_at >= deadline):
            return
        if wait:
            yield ctx.create_timer(resume_at)
    run.outcome = "more"


def _what_next(pacing: Pacing, tally: Tally, result: Transfer) -> tuple[str, float]:
    """Say how the run would end here; if as `more` or `throttled`, also after how many seconds it can go on instead."""
    if result.failure is None:
        done = "recovered" if tally.recovered else "ok"
        return ("more" if result.more else done), 0.0
    match result.failure.kind:
        case "throttled":
            return "throttled", result.failure.retry_after
        case "transient":
            # It got somewhere before it failed, so it is worth going on, but not at once.
            return "more", pacing.retry_seconds
        case _:
            return "failed", 0.0


def _why_not(request: DrainRequest, state: StreamState, now: datetime) -> tuple[str, Failure]:
    """Say why the stream was not granted."""
    if left := state.seconds_to_wait(now):
        until = f"{state.not_before:%H:%M:%S} UTC"
        return "throttled", Failure("throttled", f"{state.error} (asked to wait until {until})", left)
    until = f"{state.lease_until:%H:%M:%S} UTC" if state.lease_until else "it ends"
    held = f"{request.stream.label}: {state.holder} holds the stream until {until}"
    return "busy", Failure("transient", held)


def _summary(ctx: OrchestrationContext, request: DrainRequest, run: _Run) -> dict[str, Any]:
    """Put the run into one flat dict: its output, and its row in the health table."""
    newest = run.state.newest
    lag = (utc_now(ctx) - newest).total_seconds() if run.tally.events and newest else None
    label = request.stream.label
    notes = [run.failure.message] if run.failure else []
    if run.tally.recovered:
        notes.append(
            f"{label}: 1Password rejected the cursor; a start time has replaced it, so up to 48 hours may be repeated"
        )
    if kept := run.tally.dead_letters:
        events = "1 event is" if kept == 1 else f"{kept:,} events are"
        notes.append(f"{label}: {events} kept in the blob container {CONTAINER}, with the reason")
    counts = {name: value for name, value in asdict(run.tally).items() if name not in ("drift", "recovered")}
    return {
        "outcome": run.outcome,
        "account": request.stream.account,
        "account_uuid": request.stream.account_key,
        "event_type": str(request.stream.event_type),
        **counts,
        "lag_seconds": lag,
        "drift": " ".join(sorted(run.tally.drift)),
        "error": "; ".join(notes),
        "instance_id": ctx.instance_id,
        "backfill_id": request.backfill_id,
    }
