"""The workbook of sentinel/workbook: one file for each tab, and one for what they share."""

import json
import re
from typing import Any, Final

from deploy.content.sources import Resource, read_documents, unwrapped
from deploy.content.workbook_tiles import LOGS, WORKSPACE, Part, tile

_WORKSPACE_ID: Final = "resourceId('Microsoft.OperationalInsights/workspaces', parameters('workspaceName'))"
_ABOUT: Final = "workbook"
_TAB: Final = "Tab"
_FRAGMENT: Final = re.compile(r"{{(\w+)}}")
_HOUR: Final = 3_600_000
_TEXT, _QUERY, _PARAMETERS, _LINKS, _GROUP = 1, 3, 9, 11, 12
_DROPDOWN, _TIME = 2, 4


def workbook() -> list[Resource]:
    """Make the workbook, among those of the workspace that the deployment's parameter names."""
    files = read_documents("workbook")
    return [
        {
            "type": "Microsoft.Insights/workbooks",
            "apiVersion": "2023-06-01",
            "name": f"[guid({_WORKSPACE_ID}, '1password-workbook')]",
            "location": "[parameters('location')]",
            "kind": "shared",
            "properties": {
                "displayName": files[_ABOUT]["name"],
                "category": "sentinel",
                "sourceId": f"[{_WORKSPACE_ID}]",
                "serializedData": json.dumps(notebook(files), ensure_ascii=False, separators=(",", ":")),
            },
        }
    ]


def notebook(files: dict[str, dict[str, Any]]) -> Part:
    """Put the workbook together: its head, its parameters, and each tab's tiles, which show when the tab is chosen."""
    about = files[_ABOUT]
    fragments: dict[str, str] = about["fragments"]
    tabs = {stem: files[stem] for stem in about["tabs"]}
    return {
        "version": "Notebook/1.0",
        "items": [
            _text(about["header"], "header"),
            _parameters(about["parameters"], fragments),
            _links(tabs),
            *(_group(stem, tab, fragments) for stem, tab in tabs.items()),
        ],
    }


def _text(markdown: str, name: str) -> Part:
    return {"type": _TEXT, "content": {"json": unwrapped(markdown)}, "name": name}


def _parameters(said: list[Part], fragments: dict[str, str]) -> Part:
    content = {
        "version": "KqlParameterItem/1.0",
        "style": "pills",
        "queryType": LOGS,
        "resourceType": WORKSPACE,
        "parameters": [_parameter(each, fragments) for each in said],
    }
    return {"type": _PARAMETERS, "content": content, "name": "parameters"}


def _parameter(said: Part, fragments: dict[str, str]) -> Part:
    common = {
        "id": said["name"],
        "version": "KqlParameterItem/1.0",
        "name": said["name"],
        "label": said["label"],
        "description": said["description"],
        "isRequired": True,
    }
    if said["kind"] == "time":
        choices = [{"durationMs": hours * _HOUR} for hours in said["choices"]]
        settings = {"selectableValues": choices, "allowCustom": True}
        return {**common, "type": _TIME, "value": {"durationMs": said["hours"] * _HOUR}, "typeSettings": settings}
    fed = {
        "type": _DROPDOWN,
        "query": filled(said["query"], fragments),
        "queryType": LOGS,
        "resourceType": WORKSPACE,
    }
    if said["kind"] == "one":
        return {**common, **fed, "value": said["default"], "typeSettings": {"showDefault": False}}
    return {
        **common,
        **fed,
        "multiSelect": True,
        "quote": "'",
        "delimiter": ",",
        "value": ["value::all"],
        "defaultValue": "value::all",
        # A query then has '*' instead of all values, which are many, and are only those of the list.
        "typeSettings": {
            "additionalResourceOptions": ["value::all"],
            "selectAllValue": "*",
            "showDefault": False,
        },
    }


def _links(tabs: dict[str, Part]) -> Part:
    links = [
        {"cellValue": _TAB, "linkTarget": "parameter", "linkLabel": tab["title"], "subTarget": stem, "style": "link"}
        for stem, tab in tabs.items()
    ]
    return {"type": _LINKS, "content": {"version": "LinkItem/1.0", "style": "tabs", "links": links}, "name": "tabs"}


def _group(stem: str, tab: Part, fragments: dict[str, str]) -> Part:
    text = [_text(tab["text"], f"{stem} text")] if "text" in tab else []
    tiles = [
        tile(said, f"{stem} {number}", filled(said["query"], fragments))
        for number, said in enumerate(tab["tiles"], start=1)
    ]
    return {
        "type": _GROUP,
        "content": {"version": "NotebookGroup/1.0", "groupType": "editable", "items": [*text, *tiles]},
        "conditionalVisibility": {"parameterName": _TAB, "comparison": "isEqualTo", "value": stem},
        "name": stem,
    }


def filled(query: str, fragments: dict[str, str]) -> str:
    """Put the fragments in their places, also those within fragments."""
    while _FRAGMENT.search(query):
        query = _FRAGMENT.sub(lambda place: fragments[place[1]].strip(), query)
    return query.strip()
