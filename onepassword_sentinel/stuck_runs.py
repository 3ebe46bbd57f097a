"""Runs that make no progress, each in a sentence that says what to do about it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from onepassword_sentinel.host_settings import OVERRIDE, REORDER_WINDOW
from onepassword_sentinel.runs import Run

# A poll ends by itself within minutes.
LONG_POLL: Final = timedelta(hours=1)
# An entity answers within seconds, and within 130 when an instance is lost (host.json's visibility time-outs).
LONG_WAIT: Final = timedelta(minutes=3)
# The member of a run's custom status that names the operation it waits for.
WAITING_FOR: Final = "waiting_for"


def long_polls(runs: Iterable[Run], now: datetime) -> list[str]:
    """Name each poll that has been running for over an hour, the oldest first."""
    found = [run for run in runs if run.name == "poll" and not run.ended and now - run.started_at > LONG_POLL]
    return [
        f"{run.instance_id} has been running for {_duration(now - run.started_at)}: a poll ends within minutes. "
        "Later polls run beside it. Terminate it in Durable Functions Monitor; if that does not end it, restart the app"
        for run in sorted(found, key=lambda run: run.started_at)
    ]


def waiting_for_entity(runs: Iterable[Run], now: datetime) -> list[str]:
    """Name each run whose call of an entity has had no answer for over three minutes, the oldest first.

    A run that was suspended does not go on when the answer comes.
    """
    found = [
        run
        for run in runs
        if not run.ended and not run.suspended and run.told(WAITING_FOR) and now - run.updated_at > LONG_WAIT
    ]
    return [
        f"{run.instance_id} has waited for its stream's entity ({run.told(WAITING_FOR)}) for "
        f"{_duration(now - run.updated_at)}. A lost instance of the app explains a wait of 130 seconds at most. "
        "After a longer wait, the message sorter is probably on: set "
        f"{REORDER_WINDOW} to 0 in host.json, remove the app setting {OVERRIDE} if it is there, and restart the app"
        for run in sorted(found, key=lambda run: run.updated_at)
    ]


def _duration(time: timedelta) -> str:
    """Write a time in its largest unit of which there is more than one: "90 minutes", "2 hours"."""
    minutes = int(time.total_seconds() // 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60:,} hours"  # noqa: PLR2004  # two hours
