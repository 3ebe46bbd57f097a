"""What both orchestrators do with their context: tell the time, try again, report."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from durabletask.task import OrchestrationContext, RetryPolicy, Task, TaskFailedError

from onepassword_sentinel.payloads import Pacing

# The run is over by then, and only its report waits.
LONGEST_WAIT_TO_REPORT: Final = timedelta(minutes=5)

type Steps[T] = Generator[Task[Any], Any, T]


def utc_now(ctx: OrchestrationContext) -> datetime:
    """Tell the orchestration's time, the same at every replay. The context gives it without a zone."""
    return ctx.current_utc_datetime.replace(tzinfo=UTC)


def retry_policy(pacing: Pacing) -> RetryPolicy:
    """Try again what achieved nothing. No `retry_timeout`: the SDK compares it with the wall clock at replay."""
    return RetryPolicy(
        first_retry_interval=timedelta(seconds=pacing.retry_seconds),
        max_number_of_attempts=pacing.attempts,
        backoff_coefficient=2.0,
        max_retry_interval=timedelta(minutes=1),
    )


def report(ctx: OrchestrationContext, pacing: Pacing, **payload: Any) -> Steps[str]:
    """Call `report_health`; return why it could not be delivered, which must not fail what it is about."""
    give_up_at = utc_now(ctx) + LONGEST_WAIT_TO_REPORT
    while True:
        try:
            answer = yield ctx.call_activity(
                "report_health", input={"v": 1, **payload}, retry_policy=retry_policy(pacing)
            )
        except TaskFailedError as error:
            return error.details.message
        again_at = utc_now(ctx) + timedelta(seconds=max(answer["retry_after"], 1.0))
        if not answer["retry_after"] or again_at > give_up_at:
            return str(answer["problem"])
        yield ctx.create_timer(again_at)
