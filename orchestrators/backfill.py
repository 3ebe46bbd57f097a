"""Deliver a window of history once more, beside the live events: every stream of it, independent of each other."""

import logging
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import azure.durable_functions as df
import msgspec
from durabletask.task import OrchestrationContext, Task, TaskFailedError

from onepassword_sentinel.backfill import read_backfill
from onepassword_sentinel.brief_failures import brief_orchestrator
from onepassword_sentinel.discovery import Stream
from onepassword_sentinel.payloads import BackfillRequest
from onepassword_sentinel.requests import InvalidRequestError
from onepassword_sentinel.sentences import joined
from onepassword_sentinel.stream_results import summed_up
from onepassword_sentinel.stream_state import CAUGHT_UP
from onepassword_sentinel.wire import from_wire, to_wire
from orchestrators.children import rows_of_problems, wait_for_all
from orchestrators.orchestration import Steps, reason, report, retry_policy, utc_now, wait_until

bp = df.Blueprint()

# 1Password may ask for a pause just when it is asked which streams there are.
MOST_PAUSES: Final = 10


class BackfillFailedError(Exception):
    """At least one stream did not deliver its window, or there was nothing to do; one sentence for each."""


@bp.orchestration_trigger(context_name="ctx")
@brief_orchestrator
def backfill(ctx: OrchestrationContext, data: dict[str, Any] | None) -> Steps[dict[str, Any]]:
    """Backfill a window.

    1. Read the request: as HTTP prepared it, or as somebody typed it into Durable Functions Monitor.
    2. Ask which streams there are, and pick those that are meant.
    3. Drain each in a child of its own with a cursor of its own, which a restart goes on from; they share what
       backfills may take of the request quota.
    4. Fail with all the sentences if any of them did not deliver its window, busy ones included.
    """
    log = ctx.create_replay_safe_logger(logging.getLogger(__name__))
    try:
        typed = not data or (isinstance(data, dict) and "id" not in data)
        request = read_backfill(data or {}, utc_now(ctx)) if typed else from_wire(BackfillRequest, data)
    except (InvalidRequestError, msgspec.ValidationError) as error:
        raise BackfillFailedError(f"this input is no backfill: {error}") from error
    about = {"backfill": request.id, "window": f"{request.start_time} to {request.end_time}"}
    ctx.set_custom_status({**about, "state": "asking which streams there are"})
    found = yield from _discover(ctx, request)
    granted = [from_wire(Stream, stream) for stream in found["streams"]]
    streams = [stream for stream in granted if request.covers(stream)]
    problems = _problems(request, streams, found["problems"])
    ctx.set_custom_status({**about, "state": "running", "streams": len(streams)})

    shares = Counter(stream.account_key for stream in streams)
    children: dict[Stream, Task[Any]] = {
        stream: ctx.call_sub_orchestrator(
            "drain_stream",
            input=to_wire(request.drain(stream, share=shares[stream.account_key])),
            instance_id=f"{ctx.instance_id}-{stream.label}",
        )
        for stream in streams
    }
    ended = yield from wait_for_all(children)
    if rows := [*rows_of_problems(problems), *ended.rows]:
        named = [{**row, "instance_id": ctx.instance_id, "backfill_id": request.id} for row in rows]
        if unreported := (yield from report(ctx, request.pacing, outcomes=named)):
            log.warning("the health rows of backfill %s could not be delivered: %s", request.id, unreported)
    sentences = [*(problem["message"] for problem in problems), *ended.problems, *_undelivered(ended.results)]
    output = summed_up(ended.results)
    state = "failed" if sentences else "ended"
    ctx.set_custom_status({**about, "state": state, "streams": len(streams), "events": output["events"]})
    if sentences:
        sentence = joined(sentences)
        log.error(sentence)
        raise BackfillFailedError(sentence)
    return {"v": 1, **about, **output}


def _discover(ctx: OrchestrationContext, request: BackfillRequest) -> Steps[dict[str, Any]]:
    """Ask which streams there are; an account that is told to wait is waited for."""
    found: dict[str, Any] = {"streams": [], "problems": []}
    for _ in range(MOST_PAUSES):
        try:
            found = yield ctx.call_activity(
                "discover_streams", input={"v": 1}, retry_policy=retry_policy(request.pacing)
            )
        except TaskFailedError as error:
            return {"streams": [], "problems": [_problem(reason(error), kind="transient")]}
        if not any(problem["kind"] == "throttled" for problem in _relevant(request, found["problems"])):
            break
        yield from wait_until(ctx, utc_now(ctx) + timedelta(seconds=request.pacing.throttle_seconds))
    return found


def _relevant(request: BackfillRequest, problems: list[dict[str, str]]) -> list[dict[str, str]]:
    """Leave out what is wrong with accounts that the backfill is not about."""
    return [problem for problem in problems if request.account in (None, problem["account"])]


def _problems(request: BackfillRequest, streams: list[Stream], found: list[dict[str, str]]) -> list[dict[str, str]]:
    """Say what keeps the backfill from being whole."""
    problems = _relevant(request, found) if streams else found
    covered = {stream.event_type for stream in streams}
    missing = [
        _problem(f"{event_type}: no token covers it, so there is nothing to backfill")
        for event_type in request.event_types
        if event_type not in covered
    ]
    if not streams and not problems and not missing:
        missing.append(_problem(f"no account is named {request.account!r}, so there is nothing to backfill"))
    return [*problems, *missing]


def _undelivered(results: Mapping[str, dict[str, Any]]) -> list[str]:
    """Name the streams that ended in order without their whole window, as one that found its cursor taken."""
    return [
        f"{result['error'] or f'{label}: it ended as {result["outcome"]}'}; "
        "its window is not delivered: restart the backfill, which goes on from there"
        for label, result in results.items()
        if result["outcome"] not in CAUGHT_UP
    ]


def _problem(message: str, *, kind: str = "permanent") -> dict[str, str]:
    return {"account": "", "kind": kind, "message": message}
