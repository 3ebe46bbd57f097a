"""What both orchestrators do with their context: the time, and the policy for activities that raise."""

from datetime import UTC, datetime, timedelta

from durabletask.task import OrchestrationContext, RetryPolicy

from onepassword_sentinel.payloads import Pacing


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
