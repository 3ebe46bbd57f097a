"""What an analytics rule would have alerted on: its runs, replayed over the rows that are there."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from local.content import ScheduledRule
from local.workspace import Workspace

MOST_RUNS: Final = 24
# A run at 12:05 is for what came after 12:00 and up to 12:05. A frequency is a whole number of minutes, so it is enough
# to know of each row before which full minute it came.
_ARRIVALS: Final = """
union OnePasswordEventLogs_CL, OnePasswordConnectorHealth_CL
| summarize Rows = count() by Minute = bin(TimeGenerated - 1microsecond, 1m) + 1m
"""
_PLACEHOLDER: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 (as the workspace gives its datetimes: in UTC, without a zone)

type Arrivals = Mapping[datetime, int]


class Alert(NamedTuple):
    """What a person would be shown."""

    title: str
    values: dict[str, Any]


class Run(NamedTuple):
    """A run of a rule for which rows were new."""

    at: datetime
    rows: int
    alerts: list[Alert]


@dataclass(frozen=True, slots=True)
class Replay:
    """The runs of a rule, oldest first; `left_out` earlier ones were not replayed."""

    runs: list[Run]
    left_out: int

    @property
    def rows(self) -> int:
        """How many rows were new in the runs."""
        return sum(run.rows for run in self.runs)

    @property
    def alerts(self) -> list[tuple[datetime, Alert]]:
        """Each alert with the moment of its run."""
        return [(run.at, alert) for run in self.runs for alert in run.alerts]


def arrivals(workspace: Workspace) -> Arrivals:
    """Count the rows of both tables by the minute before whose end they were ingested."""
    return dict(workspace.query(_ARRIVALS).rows)


def replay(rule: ScheduledRule, workspace: Workspace, arrived: Arrivals) -> Replay:
    """Run a rule at each multiple of its frequency at which rows were new, at most the last 24 times."""
    rows_by_run: Counter[datetime] = Counter()
    for minute, rows in arrived.items():
        rows_by_run[_next_run(rule.frequency, minute)] += rows
    moments = sorted(rows_by_run)
    return Replay(
        [Run(at, rows_by_run[at], _alerts(rule, workspace, at)) for at in moments[-MOST_RUNS:]],
        left_out=max(0, len(moments) - MOST_RUNS),
    )


def _next_run(frequency: timedelta, minute: datetime) -> datetime:
    return minute + (_EPOCH - minute) % frequency


def _alerts(rule: ScheduledRule, workspace: Workspace, at: datetime) -> list[Alert]:
    columns, rows = rule.run(workspace, at)
    found = [dict(zip(columns, row, strict=True)) for row in rows]
    found.sort(key=lambda values: values.get("EventTime") or at)
    return [Alert(_title(rule.title, values), values) for values in (found if rule.alert_per_row else found[:1])]


def _title(template: str, values: Mapping[str, Any]) -> str:
    def value(column: re.Match[str]) -> str:
        found = values.get(column[1])
        return "" if found is None else str(found)

    return _PLACEHOLDER.sub(value, template)
