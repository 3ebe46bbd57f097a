"""Timer functions: NCRONTAB schedules and the value that a timer trigger gets."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from croniter import CroniterBadCronError, CroniterBadDateError, croniter

from local.host.errors import HostError, InvocationError
from local.host.functions import FunctionInfo
from local.host.log import WorkerLog

_FIELDS = 6
# Below this interval the platform notices no missed run (learn.microsoft.com, "Timer trigger", useMonitor).
_MONITORED_INTERVAL = timedelta(minutes=1)
_NEVER = datetime.min.replace(tzinfo=UTC)


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


@dataclass(frozen=True)
class ScheduleStatus:
    """When a timer function ran last on its schedule, and when it is due next."""

    last: datetime
    next: datetime

    @classmethod
    def after(cls, schedule: Schedule, previous: Self | None) -> Self:
        """Return the status of a function as its host starts; `previous` is the last host's."""
        return cls(previous.last if previous else _NEVER, schedule.next_after(datetime.now(UTC)))


def trigger_value(status: ScheduleStatus, *, past_due: bool = False) -> dict[str, Any]:
    """Return what the host sends to a timer function.

    :param past_due: whether this run makes up for one that was due while no host was running.
    """
    last = status.last.isoformat()
    value = {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": {"Last": last, "Next": status.next.isoformat(), "LastUpdated": last},
        "IsPastDue": past_due,
    }
    return {"json": json.dumps(value)}


class TimerListener:
    """Fires one timer function on its schedule. A run that takes longer than the interval delays the next one.

    :param statuses: by function; what the storage account keeps in Azure. The listener updates it.
    """

    def __init__(
        self,
        function: FunctionInfo,
        invoke: Callable[[FunctionInfo, dict[str, Any]], Awaitable[Any]],
        statuses: MutableMapping[str, ScheduleStatus],
        log: WorkerLog,
    ) -> None:
        self._function = function
        self._schedule = Schedule(function.schedule or "")
        self._invoke = invoke
        self._statuses = statuses
        self._log = log

    async def run(self) -> None:
        """Fire until cancelled. A function that fails is logged and fired again at its next time."""
        stored = self._statuses.get(self._function.name)
        past_due = stored is not None and self._is_past_due(stored)
        status = stored if stored and past_due else ScheduleStatus.after(self._schedule, stored)
        while True:
            await asyncio.sleep((status.next - datetime.now(UTC)).total_seconds())
            # Sleep and wall clock do not agree to the millisecond: never the same occurrence twice.
            fired = max(datetime.now(UTC), status.next)
            try:
                await self._invoke(self._function, trigger_value(status, past_due=past_due))
            except InvocationError as error:
                self._log.write("ERROR", "host", str(error))
            status = self._statuses[self._function.name] = ScheduleStatus(fired, self._schedule.next_after(fired))
            past_due = False

    def _is_past_due(self, status: ScheduleStatus) -> bool:
        monitored = self._schedule.next_after(status.next) - status.next >= _MONITORED_INTERVAL
        return monitored and status.next < datetime.now(UTC)
