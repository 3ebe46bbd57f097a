"""Which records the Functions host writes: the levels of host.json, read as .NET reads them."""

import json
from pathlib import Path
from typing import Final

LEVELS: Final = ("Trace", "Debug", "Information", "Warning", "Error", "Critical", "None")
DEFAULT: Final = "default"
_HOST_JSON: Final = Path(__file__).resolve().parents[1] / "host.json"


def levels() -> dict[str, str]:
    """Read the least level of each category that host.json names."""
    found: dict[str, str] = json.loads(_HOST_JSON.read_text(encoding="utf-8"))["logging"]["logLevel"]
    return found


def deciding(category: str) -> str:
    """Find the name in host.json that decides on a category: the longest that it begins with."""
    found = [name for name in levels() if category.lower().startswith(name.lower())]
    return max(found, key=len, default=DEFAULT)


def is_written(category: str, level: str) -> bool:
    """Tell whether a record of this level is written."""
    return LEVELS.index(level) >= LEVELS.index(levels()[deciding(category)])
