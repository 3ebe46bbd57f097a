"""The queries of the workbook, with the parameters filled in as the workbook fills them in."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from deploy.content.workbook import workbook
from tests.content.planted import NOW, days

TODAY: Final = (NOW - days(1), NOW)


def notebook() -> dict[str, Any]:
    """The workbook's JSON, as it is deployed."""
    made: dict[str, Any] = json.loads(workbook()[0]["properties"]["serializedData"])
    return made


def items(within: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """All items, those of a group after it."""
    for item in (notebook() if within is None else within)["items"]:
        yield item
        if "items" in item["content"]:
            yield from items(item["content"])


def tiles() -> dict[str, dict[str, Any]]:
    """Its tiles, by their titles."""
    return {item["content"]["title"]: item for item in items() if item["type"] == 3}


def parameters() -> dict[str, dict[str, Any]]:
    """Its parameters, by their names."""
    return {each["name"]: each for item in items() if item["type"] == 9 for each in item["content"]["parameters"]}


def clicked() -> set[str]:
    """The parameters that a click in a tile sets."""
    exports = (each for tile in tiles().values() for each in tile["content"].get("exportedParameters", ()))
    return {each["parameterName"] for each in exports}


def workbook_queries(
    chosen: tuple[datetime, datetime] = TODAY,
    accounts: Sequence[str] = ("*",),
    person: str = "*",
    click: str = "nobody",
    grain: timedelta = timedelta(minutes=30),
) -> dict[str, str]:
    """All of them, by the tile's title or the parameter's name: what the workbook asks when this is chosen."""
    start, end = chosen
    values = {
        "TimeRange:start": _moment(start),
        "TimeRange:end": _moment(end),
        "TimeRange:grain": f"{int(grain.total_seconds()) // 60}m",
        # Several values come with the parameter's own quotes and delimiter, one comes bare.
        "Account": ",".join(f"'{account}'" for account in accounts),
        "Person": person,
        **dict.fromkeys(clicked(), click),
    }
    written = {f"parameter {name}": each["query"] for name, each in parameters().items() if "query" in each} | {
        title: tile["content"]["query"] for title, tile in tiles().items()
    }
    return {name: _filled(query, values) for name, query in written.items()}


def _moment(moment: datetime) -> str:
    # A query gets the range's start and end as literals, in UTC.
    return f"datetime({moment.isoformat(timespec='milliseconds')}Z)"


def _filled(query: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        query = query.replace(f"{{{name}}}", value)
    return query
