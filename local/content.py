"""What a template gives analysts to ask with: query functions, analytics rules, hunting queries."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from local.template import resources
from local.workspace import Answer, Workspace

_SEARCH: Final = "microsoft.operationalinsights/workspaces/savedsearches"
_RULE: Final = "microsoft.securityinsights/alertrules"
_HUNTING: Final = "Hunting Queries"
# ISO 8601, as far as Microsoft Sentinel takes it for a rule: P14D, PT5M, P1DT2H.
_DURATION: Final = re.compile(r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?)?")


@dataclass(frozen=True, slots=True)
class ScheduledRule:
    """An analytics rule: every `frequency` its query is asked of the rows of the last `period`."""

    name: str
    description: str
    severity: str
    query: str
    frequency: timedelta
    period: timedelta
    title: str
    """An alert's title; what stands as {{Column}} comes from the row."""
    alert_per_row: bool

    def run(self, workspace: Workspace, at: datetime) -> Answer:
        """Ask as Microsoft Sentinel would have at a moment: a row is what the rule alerts on."""
        return workspace.query(self.query, at=at, period=self.period)


@dataclass(frozen=True, slots=True)
class HuntingQuery:
    """A query that a person runs, over the time that they choose."""

    name: str
    description: str
    query: str


def read_functions(template: Path) -> list[str]:
    """Read the query functions, as definitions that a workspace takes. Raises ``TemplateError``."""
    return [
        f"function {each['functionAlias']}({each.get('functionParameters', '')}) {{\n{each['query']}\n}}"
        for each in _searches(template)
        if "functionAlias" in each
    ]


def read_rules(template: Path) -> dict[str, ScheduledRule]:
    """Read the analytics rules by their display names. Raises ``TemplateError``."""
    rules = (_rule(resource["properties"]) for resource in resources(template, _RULE))
    return {rule.name: rule for rule in rules}


def read_hunting_queries(template: Path) -> dict[str, HuntingQuery]:
    """Read the hunting queries by their display names. Raises ``TemplateError``."""
    queries = (_hunting_query(each) for each in _searches(template) if each["category"] == _HUNTING)
    return {query.name: query for query in queries}


def _searches(template: Path) -> list[dict[str, Any]]:
    return [resource["properties"] for resource in resources(template, _SEARCH)]


def _rule(properties: Mapping[str, Any]) -> ScheduledRule:
    return ScheduledRule(
        name=properties["displayName"],
        description=properties["description"],
        severity=properties["severity"],
        query=properties["query"],
        frequency=_duration(properties["queryFrequency"]),
        period=_duration(properties["queryPeriod"]),
        title=properties["alertDetailsOverride"]["alertDisplayNameFormat"],
        alert_per_row=properties["eventGroupingSettings"]["aggregationKind"] == "AlertPerResult",
    )


def _hunting_query(properties: Mapping[str, Any]) -> HuntingQuery:
    tags = {tag["name"]: tag["value"] for tag in properties["tags"]}
    return HuntingQuery(properties["displayName"], tags["description"], properties["query"])


def _duration(text: str) -> timedelta:
    parts = _DURATION.fullmatch(text)
    if not parts:
        raise ValueError(f"{text!r} is no duration that Microsoft Sentinel takes")
    return timedelta(**{unit: int(number) for unit, number in parts.groupdict().items() if number})
