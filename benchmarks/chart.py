"""The transfer results as a picture: a bar for each, CPU seconds for a million events."""

from collections.abc import Mapping
from html import escape
from typing import Any, Final

_WIDTH: Final = 760
_LEFT: Final = 250
_BAR: Final = 22
_STEP: Final = 34
_TOP: Final = 58
_FONT: Final = "font-family='system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif'"
# Readable on a white page and on a dark one.
_INK: Final = "#57606a"
_OWN: Final = "#1a7f64"
_OTHERS: Final = "#8c959f"
_BOUND: Final = "#c6cbd1"


def chart(transfer: Mapping[str, Any]) -> str:
    """Draw an SVG; the whisker of a bar is the least and the most of all rounds."""
    entries = list(transfer.values())
    widest = max(entry["cpu"]["max"] for entry in entries)
    scale = (_WIDTH - _LEFT - 110) / widest
    height = _TOP + _STEP * len(entries) + 34
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {height}' role='img' {_FONT} font-size='13'>",
        "<title>CPU seconds for a million events, by collector</title>",
        f"<text x='0' y='20' fill='{_INK}' font-size='15' font-weight='600'>CPU seconds for a million events</text>",
        f"<text x='0' y='40' fill='{_INK}'>less is better; the line on a bar is the spread of the rounds</text>",
    ]
    for number, (name, entry) in enumerate(transfer.items()):
        y = _TOP + _STEP * number
        cpu = entry["cpu"]
        fill = _OWN if name == "connector" else _BOUND if name.startswith("floor") else _OTHERS
        weight = " font-weight='600'" if name == "connector" else ""
        title = entry["title"] + ("" if entry["uploads"] else " *")
        middle = y + _BAR / 2
        low, high = _LEFT + cpu["min"] * scale, _LEFT + cpu["max"] * scale
        end = max(high, _LEFT + cpu["median"] * scale) + 8
        base = f"{middle + 5:.0f}"
        ink = f"fill='{_INK}'{weight}"
        parts += [
            f"<text x='{_LEFT - 10}' y='{base}' text-anchor='end' {ink}>{escape(title)}</text>",
            f"<rect x='{_LEFT}' y='{y}' width='{cpu['median'] * scale:.1f}' height='{_BAR}' rx='3' fill='{fill}'/>",
            f"<line x1='{low:.1f}' x2='{high:.1f}' y1='{middle}' y2='{middle}' stroke='{_INK}' stroke-width='2'/>",
            f"<text x='{end:.1f}' y='{base}' {ink}>{cpu['median']:.1f} s</text>",
        ]
    note = "* writes what it fetched to files; uploads nothing"
    parts += [f"<text x='0' y='{height - 8}' fill='{_INK}' font-size='12'>{note}</text>", "</svg>"]
    return "\n".join(parts) + "\n"
