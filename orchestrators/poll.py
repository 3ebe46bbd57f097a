"""Poll every stream of every account, all at once and independent of each other."""

import logging
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
from durabletask.entities import EntityInstanceId
from durabletask.task import OrchestrationContext, Task, TaskFailedError

from onepassword_sentinel.brief_failures import brief_orchestrator
from onepassword_sentinel.discovery import Stream
from onepassword_sentinel.moments import format_moment
from onepassword_sentinel.payloads import DrainRequest, PollRequest
from onepassword_sentinel.recent_polls import LONGEST_ERROR, PollRecord, PollStart
from onepassword_sentinel.sentences import joined
from onepassword_sentinel.stream_results import summed_up
from onepassword_sentinel.wire import from_wire, to_wire
from orchestrators.children import rows_of_problems, wait_for_all
from orchestrators.orchestration import Steps, reason, report, retry_policy, utc_now

bp = df.Blueprint()

HEALTHY = frozenset({"ok", "more", "recovered"})


class PollFailedError(Exception):
    """At least one stream or account failed; the message has one sentence for each."""


@bp.orchestration_trigger(context_name="ctx")
@brief_orchestrator
def poll(ctx: OrchestrationContext, data: dict[str, Any] | None) -> Steps[dict[str, Any]]:
    """Poll once.

    1. Signal the start to the record of polls, which the status reads: it does not look for polls among their streams.
    2. Ask which streams there are; what is wrong with one account, or with an option, does not keep the others.
    3. Drain all of them, each in a child of its own, and wait for every one however it ends.
    4. Write the heartbeat if every stream is healthy.
    5. Signal how it ended to the record of polls.
    6. Fail with the sentences if anything failed; being throttled is no failure.
    """
    started_at, polls = utc_now(ctx), EntityInstanceId("recent_polls", "all")
    # Signals, because nobody needs to wait for them. The last one goes out also with a poll that fails.
    ctx.signal_entity(polls, "started", to_wire(PollStart(ctx.instance_id, started_at)))
    request = from_wire(PollRequest, data)
    log = ctx.create_replay_safe_logger(logging.getLogger(__name__))
    try:
        found = yield ctx.call_activity(
            "discover_streams",
            input={"v": 1},
            retry_policy=retry_policy(request.pacing),
        )
    except TaskFailedError as error:
        problem = {"account": "", "kind": "transient", "message": reason(error)}
        found = {"streams": [], "lookback_days": None, "problems": [problem], "options": []}
    streams = [from_wire(Stream, stream) for stream in found["streams"]]
    # What is wrong with an option keeps nothing from being delivered; a poll that fails is what somebody looks at.
    known = [*found["problems"], *found["options"]]
    throttled = [problem for problem in known if problem["kind"] == "throttled"]
    problems = [problem["message"] for problem in known if problem not in throttled]
    ctx.set_custom_status({"streams": len(streams), "problems": len(problems)})

    lookback_days = found["lookback_days"]
    start_time = None if lookback_days is None else format_moment(utc_now(ctx) - timedelta(days=lookback_days))
    children: dict[Stream, Task[Any]] = {
        stream: ctx.call_sub_orchestrator(
            "drain_stream",
            input=to_wire(DrainRequest(stream, stream.key, start_time, pacing=request.pacing)),
            instance_id=f"{ctx.instance_id}-{stream.label}",
        )
        for stream in streams
    }
    ended = yield from wait_for_all(children)
    results, problems = ended.results, problems + ended.problems

    healthy = (
        bool(streams)
        and not (problems or throttled)
        and all(result["outcome"] in HEALTHY for result in results.values())
    )
    if healthy:
        if unreported := (yield from report(ctx, request.pacing, heartbeat=ctx.instance_id)):
            problems.append(f"the heartbeat could not be delivered: {unreported}")
    elif rows := [*rows_of_problems(known), *ended.rows]:
        named = [{**row, "instance_id": ctx.instance_id} for row in rows]
        if unreported := (yield from report(ctx, request.pacing, outcomes=named)):
            log.warning("the health rows of this poll could not be delivered: %s", unreported)
    healthy = healthy and not problems
    ctx.set_custom_status({"streams": len(streams), "problems": len(problems), "healthy": healthy})
    output = {"v": 1, "healthy": healthy, **summed_up(results)}
    sentence = joined(problems)
    record = PollRecord.of(
        ctx.instance_id,
        started_at,
        utc_now(ctx),
        outcomes={stream.label: results.get(stream.label, {"outcome": "failed"})["outcome"] for stream in streams},
        healthy=healthy,
        events=output["events"],
        error=joined(problems, longest=LONGEST_ERROR // 2),
    )
    ctx.signal_entity(polls, "ended", to_wire(record))
    if problems:
        log.error(sentence)
        raise PollFailedError(sentence)
    for about in throttled:
        log.warning(about["message"])
    return output
