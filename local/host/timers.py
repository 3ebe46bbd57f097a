"""Timer functions: NCRONTAB schedules and the value that a timer trigger gets."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from croniter import CroniterBadCronError, CroniterBadDateError, croniter

from local.host.errors import HostError, InvocationError
from local.host.functions import FunctionInfo
from local.host.log import WorkerLog

_FIELDS = 6
# Below this interval the platform keeps no schedule status (learn.microsoft.com, "Timer trigger", useMonitor).
_MONITORED_INTERVAL = timedelta(minutes=1)


class Schedule:
    """An NCRONTAB expression: six fields, seconds first, in UTC.

    Where a day of the month and a day of the week are both given, both must match, as NCRONTAB has it and cron has not.

    :raises HostError: the expression is not one.
    """

    def __init__(self, expression: str) -> None:
        if len(expression.split()) != _FIELDS:
            raise HostError(f"The schedule {expression!r} is not NCRONTAB: it needs six fields, seconds first.")
        # NCRONTAB takes the names of months and days also in full.
        self._expression = re.sub(r"[A-Za-z]{4,}", lambda name: name[0][:3], expression)
        try:
            self.next_after(datetime.now(UTC))
        except (CroniterBadCronError, CroniterBadDateError) as error:
            raise HostError(f"The schedule {expression!r} is not NCRONTAB: {error}") from error

    def next_after(self, moment: datetime) -> datetime:
        """Return the first occurrence after a moment."""
        occurrences = croniter(self._expression, moment.astimezone(UTC), second_at_beginning=True, day_or=False)
        occurrence: datetime = occurrences.get_next(datetime)
        return occurrence


def trigger_value(schedule: Schedule, last: datetime | None = None) -> dict[str, Any]:
    """Return what the host sends to a timer function now.

    :param last: when it last ran on its schedule; None for a first or a manual run, which have no schedule status.
    """
    now = datetime.now(UTC)
    upcoming = schedule.next_after(now)
    status = None
    if last is not None and schedule.next_after(upcoming) - upcoming >= _MONITORED_INTERVAL:
        status = {"Last": last.isoformat(), "Next": upcoming.isoformat(), "LastUpdated": last.isoformat()}
    value = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": False}
    return {"json": json.dumps(value)}


class TimerListener:
    """Fires one timer function on its schedule; a run that takes longer than the interval is not overlapped."""

    def __init__(
        self, function: FunctionInfo, invoke: Callable[[FunctionInfo, dict[str, Any]], Awaitable[Any]], log: WorkerLog
    ) -> None:
        self._function = function
        self._schedule = Schedule(function.schedule or "")
        self._invoke = invoke
        self._log = log

    async def run(self) -> None:
        """Fire until cancelled. A function that fails is logged and fired again at its next time."""
        last: datetime | None = None
        while True:
            # Sleep and wall clock do not agree to the millisecond: never the same occurrence twice.
            now = datetime.now(UTC)
            occurrence = self._schedule.next_after(max(now, last or now))
            await asyncio.sleep((occurrence - datetime.now(UTC)).total_seconds())
            try:
                await self._invoke(self._function, trigger_value(self._schedule, last))
            except InvocationError as error:
                self._log.write("ERROR", "host", str(error))
            last = occurrence
