"""The workbook is sound: its parts fit together, each tile says what it shows, and nothing in it is anybody's own."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from deploy.content.sources import read_documents
from deploy.content.workbook import workbook
from local.template import resources
from tests.content.kusto import Bound, bind
from tests.content.planted import TEMPLATE
from tests.content.workbook_queries import clicked, items, notebook, parameters, tiles, workbook_queries

TILES: Final = tiles()
QUERIES: Final = workbook_queries()
OF_HEALTH: Final = {
    each["content"]["title"]
    for group in items()
    if group["name"] == "ConnectorHealth"
    for each in group["content"]["items"]
    if each["type"] == 3
}

each_tile = pytest.mark.parametrize("title", TILES)
each_query = pytest.mark.parametrize("name", QUERIES)


@pytest.fixture(scope="module")
def bound() -> dict[str, Bound]:
    return dict(zip(QUERIES, bind(list(QUERIES.values())), strict=True))


def parts(value: Any) -> Iterator[Any]:
    """A JSON value, and all within it."""
    yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(each)


def test_it_is_deployed() -> None:
    """The template makes it beside the workspace, under an id of that workspace, as Microsoft Sentinel lists it."""
    (made,) = resources(TEMPLATE, "microsoft.insights/workbooks")
    assert made == json.loads(json.dumps(workbook()[0]))
    assert made["kind"] == "shared"
    assert made["name"].startswith("[guid(resourceId('Microsoft.OperationalInsights/workspaces', parameters(")
    assert made["location"] == "[parameters('location')]"
    assert made["properties"]["category"] == "sentinel"
    assert made["properties"]["sourceId"] in made["name"].replace("guid(", "").replace(", '1password-workbook')", "")
    # Else Azure takes it for an expression.
    assert made["properties"]["serializedData"].startswith("{")


def test_names_are_unique() -> None:
    """No two items, parameters, tiles or clicks share a name, and none of a tab's files is left out."""
    names = [item["name"] for item in items()]
    assert len(set(names)) == len(names) > 40
    assert len(TILES) == len([item for item in items() if item["type"] == 3])
    assert not clicked() & set(parameters())
    assert set(read_documents("workbook")) == {"workbook", *read_documents("workbook")["workbook"]["tabs"]}


def test_tabs_switch_groups() -> None:
    """Each tab shows its group, which holds tiles, and no group is without a tab."""
    (links,) = (item["content"]["links"] for item in items() if item["type"] == 11)
    groups = {item["name"]: item["conditionalVisibility"] for item in items() if item["type"] == 12}
    assert [link["linkLabel"] for link in links] == [
        "Overview", "Sign-ins", "Item usage", "Administration", "Connector health",
    ]  # fmt: skip
    assert list(groups.values()) == [
        {"parameterName": link["cellValue"], "comparison": "isEqualTo", "value": link["subTarget"]} for link in links
    ]


def test_nothing_foreign() -> None:
    """It has no identifier of anybody, no address, no picture, no data from elsewhere, and no blank."""
    text = json.dumps(notebook())
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text, re.IGNORECASE)
    for word in ("http", "www.", "/subscriptions/", "externaldata", "external_data", "crossComponentResources", "!["):
        assert word not in text
    assert [part for part in parts(notebook()) if part in (None, "", [], {})] == []
    assert "{{" not in text


def test_parameters_have_a_value() -> None:
    """Nobody must choose before something is seen, and All is a choice."""
    assert {name: each["value"] for name, each in parameters().items()} == {
        "TimeRange": {"durationMs": 86_400_000},
        "Account": ["value::all"],
        "Person": "*",
    }
    assert parameters()["Account"]["typeSettings"]["selectAllValue"] == "*"


@each_tile
def test_a_tile_tells_what_it_shows(title: str, bound: dict[str, Bound]) -> None:
    """It has a question or a statement for a title, says what it means to be empty, and names columns of its answer."""
    content, columns = TILES[title]["content"], bound[title].columns
    assert title[0].isupper()
    assert content["noDataMessage"].endswith(".")
    grid, chart = content.get("gridSettings", {}), content.get("chartSettings")
    named = [each["columnMatch"] for each in grid.get("formatters", ())]
    named += [each["columnId"] for each in grid.get("labelSettings", ())]
    named += [each["fieldName"] for each in content.get("exportedParameters", ())]
    named += [chart["xAxis"], *chart["yAxis"], chart["group"]] if chart else []
    named += [
        part["columnMatch"]
        for part in parts(content.get("tileSettings", {}))
        if isinstance(part, dict) and "columnMatch" in part
    ]
    named += (
        [content["mapSettings"][name] for name in ("latitude", "longitude", "sizeSettings", "labelSettings")]
        if "mapSettings" in content
        else []
    )
    assert [name for name in named if name not in columns] == []
    assert named


@each_tile
def test_a_table_ends(title: str) -> None:
    """What lists rows sorts them and stops: a workbook shows 250 at most, and which would be chance."""
    query = TILES[title]["content"]["query"]
    if TILES[title]["content"]["visualization"] == "table":
        assert re.search(r"\| (?:top|take) (?:[1-9]\d?|1\d\d|2[0-4]\d|250)\b", query)
        assert re.search(r"\| (?:top \d+|order) by ", query)


@each_tile
def test_a_tile_has_one_notion_of_time(title: str) -> None:
    """Events are chosen by when they happened, the connector's reports by when they came; never by both."""
    content = TILES[title]["content"]
    assert {"timeContext", "timeContextFromParameter"} & set(content) == set()
    column, other = ("TimeGenerated", "EventTime") if title in OF_HEALTH else ("EventTime", "TimeGenerated")
    assert re.search(rf"\b{column} between \(.*{{TimeRange:start}}.* \.\. {{TimeRange:end}}\)", content["query"])
    assert f"{other} between" not in content["query"]


def test_the_header_says_which_time() -> None:
    """Whoever wonders why an event of today is not there reads it first."""
    header = next(items())["content"]["json"]
    assert "EventTime" in header
    assert "TimeGenerated" in header


@each_query
def test_a_query_binds(name: str, bound: dict[str, Bound]) -> None:
    """Microsoft's language service finds nothing wrong with it, with the parameters filled in."""
    assert bound[name].errors == []
    assert not re.search(r"{\w", QUERIES[name])
