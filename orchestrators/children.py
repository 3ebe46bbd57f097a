"""The runs of streams that a poll or a backfill starts, how they end, and who reports when they cannot."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from durabletask.task import Task, TaskFailedError

from onepassword_sentinel.discovery import Stream
from orchestrators.orchestration import Steps


@dataclass(slots=True)
class Ended:
    """How the streams ended; `rows` are of those that could not report for themselves."""

    results: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


def rows_of_problems(problems: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Make the health table's rows of what is wrong with accounts, or with settings, which are of no account."""
    return [
        {
            "outcome": "throttled" if about["kind"] == "throttled" else "failed",
            "account": about["account"],
            "error": about["message"],
        }
        for about in problems
    ]


def wait_for_all(children: Mapping[Stream, Task[Any]]) -> Steps[Ended]:
    """Wait for every one, however it ends."""
    ended = Ended()
    for stream, child in children.items():
        try:
            ended.results[stream.label] = yield child
        except TaskFailedError as error:
            message = error.details.message
            if f"{stream.label}: " not in message:
                # It could not report for itself: somebody terminated it, or its code failed.
                message = f"{stream.label}: {message or _unexplained(error.details.error_type)}"
                ended.rows.append(
                    {
                        "outcome": "failed",
                        "account": stream.account,
                        "account_uuid": stream.account_key,
                        "event_type": str(stream.event_type),
                        "error": message,
                    }
                )
            ended.problems.append(message)
    return ended


def _unexplained(error_type: str) -> str:
    """Say how a run ended of which the platform gives no text; a terminated one has no type of error either."""
    if error_type:
        return f"failed with {error_type} and no message: look in the app's log"
    return "was terminated; if nobody did that, the app lacks a function: deploy it again"
