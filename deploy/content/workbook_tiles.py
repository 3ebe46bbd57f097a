"""A tile of the workbook, from what its file says of it to what Azure's workbooks take.

The numbers are theirs: Application-Insights-Workbooks, schema/workbook.json, and the workbooks beside it.
"""

from typing import Any, Final

type Part = dict[str, Any]

WORKSPACE: Final = "microsoft.operationalinsights/workspaces"
# Of the data sources: Log Analytics.
LOGS: Final = 0

_SHOWS: Final = {"table": "table", "tiles": "tiles", "bars": "barchart", "lines": "linechart", "map": "map"}
_SIZES: Final = {"medium": 0, "small": 1, "large": 2, "full": 3, "tiny": 4}
_GOOD_NEWS, _NOTICE = 3, 4
_TEXT, _BAR, _HIDDEN, _DATE, _HEAT, _BIG_NUMBER, _THRESHOLDS = 1, 4, 5, 6, 8, 12, 18
_SECONDS: Final = 24
# Of a parameter that a click sets: text.
_CLICKED: Final = 1
_ROWS: Final = 250


def tile(said: Part, name: str, query: str) -> Part:
    """Make a tile; `query` is what it says, with the fragments filled in.

    It has no time context ("set in query"), which would be met in addition, and on TimeGenerated: a query says by
    itself which time it is about.
    """
    content = {
        "version": "KqlItem/1.0",
        "query": query,
        "size": _SIZES[said.get("size", "medium")],
        "title": said["title"],
        "noDataMessage": said["noData"],
        "noDataMessageStyle": _GOOD_NEWS if said.get("good") else _NOTICE,
        "queryType": LOGS,
        "resourceType": WORKSPACE,
        "visualization": _SHOWS[said["show"]],
        **_SETTINGS[said["show"]](said),
    }
    if clicks := said.get("exports"):
        content["exportedParameters"] = [
            {"fieldName": column, "parameterName": parameter, "parameterType": _CLICKED}
            for parameter, column in clicks.items()
        ]
    item: Part = {"type": 3, "content": content, "name": name}
    if "width" in said:
        item["customWidth"] = str(said["width"])
    if visibility := _visibility(said):
        item["conditionalVisibility"] = visibility
    return item


def _visibility(said: Part) -> Part:
    if "shownFor" in said:
        # Without a value: not equal to nothing.
        return {"parameterName": said["shownFor"], "comparison": "isNotEqualTo"}
    for parameter, value in said.get("hiddenFor", {}).items():
        return {"parameterName": parameter, "comparison": "isNotEqualTo", "value": value}
    return {}


def _table(said: Part) -> Part:
    columns = {name: _column(about) for name, about in said.get("columns", {}).items()}
    formatters = [{"columnMatch": name, **how} for name, about in columns.items() if (how := _format(about))]
    labels = [{"columnId": name, "label": about["label"]} for name, about in columns.items() if "label" in about]
    settings: Part = {"rowLimit": _ROWS}
    if said.get("filter"):
        settings["filter"] = True
    if formatters:
        settings["formatters"] = formatters
    if labels:
        settings["labelSettings"] = labels
    return {"showExportToExcel": True, "gridSettings": settings}


def _column(about: str | Part) -> Part:
    return {"label": about} if isinstance(about, str) else about


def _format(about: Part) -> Part:
    """Tell how a column looks; nothing if it looks as usual."""
    options: Part = {"customColumnWidthSetting": about["width"]} if "width" in about else {}
    if about.get("hidden"):
        return {"formatter": _HIDDEN}
    if about.get("date"):
        return {"formatter": _DATE}
    if "bar" in about:
        return {"formatter": _BAR, "formatOptions": {"min": 0, "palette": about["bar"], **options}}
    if "heat" in about:
        return {"formatter": _HEAT, "formatOptions": {"min": 0, "palette": about["heat"], **options}}
    if "icons" in about:
        steps = [_step(value, icon) for value, icon in about["icons"].items()]
        other = {"operator": "Default", "representation": "Blank", "text": "{0}{1}"}
        grid = {"thresholdsOptions": "icons", "thresholdsGrid": [*steps, other]}
        return {"formatter": _THRESHOLDS, "formatOptions": {**grid, **options}}
    return {"formatter": _TEXT, "formatOptions": options} if options else {}


def _step(value: str, icon: str) -> Part:
    # {0} is the cell's own text.
    return {"operator": "==", "thresholdValue": value, "representation": icon, "text": "{0}{1}"}


def _chart(said: Part) -> Part:
    chart = said["chart"]
    settings = {
        "xAxis": chart["x"],
        "yAxis": [chart["y"]],
        "group": chart["by"],
        "createOtherGroup": 10,
        "showLegend": True,
    }
    if "colors" in chart:
        colors = chart["colors"].items()
        settings["seriesLabelSettings"] = [{"seriesName": series, "color": color} for series, color in colors]
    if chart.get("unit") == "seconds":
        settings["ySettings"] = {"numberFormatSettings": _number(_SECONDS)}
    return {"chartSettings": settings}


def _number(unit: int) -> Part:
    return {"unit": unit, "options": {"style": "decimal", "useGrouping": True, "maximumFractionDigits": 1}}


def _tiles(said: Part) -> Part:
    shown = said["tile"]
    return {
        "tileSettings": {
            "titleContent": {"columnMatch": shown["title"], "formatter": _TEXT},
            "leftContent": {
                "columnMatch": shown["number"],
                "formatter": _BIG_NUMBER,
                "formatOptions": {"palette": "none"},
                "numberFormat": _number(0),
            },
            "secondaryContent": {"columnMatch": shown["note"], "formatter": _TEXT},
            "showBorder": True,
            "sortCriteriaField": shown["order"],
            "sortOrderField": 1,
        }
    }


def _map(said: Part) -> Part:
    shown = said["map"]
    return {
        "mapSettings": {
            "locInfo": "LatLong",
            "latitude": shown["latitude"],
            "longitude": shown["longitude"],
            "sizeSettings": shown["size"],
            "sizeAggregation": "Sum",
            "labelSettings": shown["label"],
            "legendMetric": shown["size"],
            "legendAggregation": "Sum",
            "itemColorSettings": {
                "type": "heatmap",
                "nodeColorField": shown["color"],
                "colorAggregation": "Sum",
                "heatmapPalette": "greenRed",
            },
        }
    }


_SETTINGS: Final = {"table": _table, "tiles": _tiles, "bars": _chart, "lines": _chart, "map": _map}
