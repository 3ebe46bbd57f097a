"""docs/content.md: what a person reads about the content, from the files that it is made of."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.content.functions import QueryFunction, query_functions
from deploy.content.sources import read_documents, read_text, unwrapped

_TEMPLATE: Final = Path(__file__).with_name("document.md")
_PLACE: Final = re.compile(r"{{([\w ]+)}}")
_PREFIX: Final = "1Password - "
_NEEDS: Final = {
    "signinattempts": "sign-in attempts",
    "itemusages": "item usages",
    "auditevents": "audit events",
    "health": "the health table",
}
_SEVERITIES: Final = ("High", "Medium", "Low", "Informational")
_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")
_UNITS: Final = {"day": 1440, "hour": 60, "minute": 1}
_CHOSEN: Final = re.compile(r"{\w+PersonName}")
_PARAMETER: Final = re.compile(r"(\w+):")

type Document = dict[str, Any]


def content_document() -> str:
    """Write the document."""
    rules = sorted(read_documents("rules").values(), key=_severest_first)
    hunting = sorted(read_documents("hunting").values(), key=_title)
    workbook = read_documents("workbook")
    functions = sorted(query_functions(), key=lambda each: (not _is_own(each), each.name))
    parts = {
        "function count": str(len(functions)),
        "rule count": str(len(rules)),
        "hunting count": str(len(hunting)),
        "connector page": yaml.safe_load(read_text("connector-page.yaml"))["title"],
        "functions": _table("function", "gives", rows=[_function(each) for each in functions]),
        "rule table": _table("rule", "severity", "needs", "tactics", rows=[_rule_row(each) for each in rules]),
        "rules": "\n\n".join(_rule(each) for each in sorted(rules, key=_title)),
        "hunting": _table("query", "finds", "needs", rows=[_hunting_row(each) for each in hunting]),
        "workbook name": workbook["workbook"]["name"],
        "workbook": "\n\n".join(_tab(workbook[stem]) for stem in workbook["workbook"]["tabs"]),
    }
    return _PLACE.sub(lambda place: parts[place[1]], _TEMPLATE.read_text(encoding="utf-8"))


def _function(function: QueryFunction) -> list[str]:
    """Say what the comment at the top of a function says."""
    comment: list[str] = []
    for line in function.query.splitlines():
        if not line.startswith("// ") or line.startswith("// Parameters: "):
            break
        comment.append(line.removeprefix("// "))
    # ASIM's functions have the parameters that ASIM asks of them.
    parameters = ", ".join(_PARAMETER.findall(function.parameters)) if _is_own(function) else "..."
    return [f"`{function.name}({parameters})`", " ".join(comment)]


def _is_own(function: QueryFunction) -> bool:
    return function.name.startswith("OnePassword")


def _rule_row(rule: Document) -> list[str]:
    title = _title(rule)
    return [f"[{title}](#{_anchor(title)})", rule["severity"], _needs(rule), _tactics(rule)]


def _rule(rule: Document) -> str:
    """Tell a rule in full."""
    frequency, period = _duration(rule["queryFrequency"]), _duration(rule["queryPeriod"])
    facts = (rule["severity"], f"every {frequency} over the last {period}", _needs(rule), _techniques(rule))
    return "\n\n".join(
        (
            f"### {_title(rule)}",
            " · ".join(facts),
            unwrapped(rule["description"]),
            f"**What it means.** {unwrapped(rule['meaning'])}",
            f"**What to do.** {unwrapped(rule['response'])}",
        )
    )


def _hunting_row(query: Document) -> list[str]:
    return [_title(query), unwrapped(query["description"]), _needs(query)]


def _tab(tab: Document) -> str:
    questions = "\n".join(f"- {_CHOSEN.sub('the chosen person', tile['title'])}" for tile in tab["tiles"])
    return f"**{tab['title']}**\n\n{questions}"


def _table(*headings: str, rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cell.replace('|', '\\|') for cell in row)} |" for row in (headings, *rows)]
    return "\n".join([lines[0], "|---" * len(headings) + "|", *lines[1:]])


def _title(document: Document) -> str:
    """Leave out what all names begin with."""
    name: str = document["name"].removeprefix(_PREFIX)
    return name[0].upper() + name[1:]


def _severest_first(rule: Document) -> tuple[int, str]:
    return _SEVERITIES.index(rule["severity"]), _title(rule)


def _anchor(title: str) -> str:
    """Address a heading as GitHub does."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _needs(document: Document) -> str:
    return ", ".join(_NEEDS[each] for each in document["needs"])


def _tactics(document: Document) -> str:
    return ", ".join(_spaced(tactic) for tactic in document["tactics"])


def _techniques(document: Document) -> str:
    return f"{_tactics(document)} ({', '.join(document['relevantTechniques'])})"


def _spaced(tactic: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", tactic)


def _duration(iso: str) -> str:
    """Tell a duration of ISO 8601 in the largest unit that needs no fraction: P1DT23H is 47 hours."""
    parts = _DURATION.fullmatch(iso)
    if not parts or not any(parts.groups()):
        raise ValueError(f"{iso!r} is no duration")
    days, hours, minutes = (int(part or 0) for part in parts.groups())
    minutes += (days * 24 + hours) * 60
    number, unit = next((minutes // size, unit) for unit, size in _UNITS.items() if minutes % size == 0)
    return unit if number == 1 else f"{number} {unit}s"
