"""What orchestrators do with their context: tell the time, wait, retry, report."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from durabletask.task import OrchestrationContext, RetryPolicy, Task, TaskFailedError

from onepassword_sentinel.payloads import Pacing

# The run is over by then, and only its report waits.
LONGEST_WAIT_TO_REPORT: Final = timedelta(minutes=5)
_SECOND: Final = timedelta(seconds=1)

type Steps[T] = Generator[Task[Any], Any, T]


def utc_now(ctx: OrchestrationContext) -> datetime:
    """Tell the orchestration's time, the same at every replay. The context gives it without a zone."""
    return ctx.current_utc_datetime.replace(tzinfo=UTC)


def wait_until(ctx: OrchestrationContext, when: datetime) -> Steps[None]:
    """Wait until the orchestration's time has come.

    Azure Storage cuts a timer's delay to whole seconds, so a timer fires up to a second early. Another timer follows
    with a margin, or it would fire at once again; a second's margin always suffices.
    """
    margin = timedelta(0)
    while (now := utc_now(ctx)) < when:
        yield ctx.create_timer(when + margin)
        # A wait of milliseconds does not cost a second where timers are exact, and takes few timers where they are not.
        margin = min(max(2 * margin, when - now), _SECOND)


def retry_policy(pacing: Pacing) -> RetryPolicy:
    """Try again what achieved nothing. No `retry_timeout`: the SDK compares it with the wall clock at replay.

    Its timers may fire a second early, which does no harm.
    """
    return RetryPolicy(
        first_retry_interval=timedelta(seconds=pacing.retry_seconds),
        max_number_of_attempts=pacing.attempts,
        backoff_coefficient=2.0,
        max_retry_interval=timedelta(minutes=1),
    )


def reason(error: TaskFailedError) -> str:
    """Tell why an activity failed, also where the platform gives no text; never empty."""
    details = error.details
    if details.message:
        return details.message
    kind = f"with {details.error_type} and no message" if details.error_type else "without a reason"
    return f"an activity failed {kind}: look in the app's log, and deploy the app again if a function is missing"


def report(ctx: OrchestrationContext, pacing: Pacing, **payload: Any) -> Steps[str]:
    """Call `report_health`; return why it could not be delivered, which must not fail what it is about."""
    give_up_at = utc_now(ctx) + LONGEST_WAIT_TO_REPORT
    while True:
        try:
            answer = yield ctx.call_activity(
                "report_health", input={"v": 1, **payload}, retry_policy=retry_policy(pacing)
            )
        except TaskFailedError as error:
            return reason(error)
        again_at = utc_now(ctx) + timedelta(seconds=max(answer["retry_after"], 1.0))
        if not answer["retry_after"] or again_at > give_up_at:
            return str(answer["problem"])
        yield from wait_until(ctx, again_at)
