"""Puts the results where people read them: into a picture, and between marks of the README and docs/performance.md."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.capacity import capacity_rows
from benchmarks.chart import chart
from benchmarks.layout import Row, markdown
from benchmarks.scaling import scale_out
from benchmarks.server_process import ROOT
from benchmarks.tables import import_rows, start_up_rows, target_rows, transfer_rows, whole_way_rows

RESULTS: Final = ROOT / "benchmarks" / "results.json"
CHART: Final = ROOT / "docs" / "images" / "performance.svg"
DOCUMENTS: Final = (ROOT / "README.md", ROOT / "docs" / "performance.md")
# Those that the README shows; docs/performance.md has them all.
_SHORT: Final = (0, 1, 3, 4, 5, 6, 7)


def blocks(results: Mapping[str, Any]) -> dict[str, str]:
    """Render what documents may show, by the name in their marks."""
    transfer = transfer_rows(results)
    return {
        "measured": _measured(results),
        "short": _table([[row[column] for column in _SHORT] for row in transfer]),
        "transfer": _table(transfer),
        "targets": _table(target_rows(results)),
        "whole-way": _table(whole_way_rows(results)),
        "start-up": _table(start_up_rows(results)),
        "imports": _table(import_rows(results)),
        "capacity": _table(capacity_rows(results)),
        "scale-out": scale_out.markdown(results["scale_out"]),
    }


def _table(rows: Sequence[Row]) -> str:
    return markdown(rows[0], rows[1:])


def _measured(results: Mapping[str, Any]) -> str:
    when, where, rounds = results["measured_on"], results["machine"], results["rounds"]
    return f"Measured on {when}, {where}; medians of {rounds} rounds."


def filled(text: str, found: Mapping[str, str]) -> str:
    """Put each block between its marks."""
    for name, block in found.items():
        begin, end = f"<!-- bench:{name} -->\n", "<!-- /bench -->"
        before, found_mark, rest = text.partition(begin)
        if found_mark:
            text = before + begin + block + "\n" + end + rest.partition(end)[2]
    return text


def write(results: Mapping[str, Any]) -> list[Path]:
    """Write the results, the picture and the documents; tell which files."""
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    CHART.write_text(chart(results["transfer"]), encoding="utf-8")
    found = blocks(results)
    for document in DOCUMENTS:
        document.write_text(filled(document.read_text(encoding="utf-8"), found), encoding="utf-8")
    return [RESULTS, CHART, *DOCUMENTS]
