"""JSON as a person reads it: what fits on a line stays on it."""

import json
from typing import Any, Final

_WIDTH: Final = 120


def laid_out(value: Any) -> str:
    """Write JSON with two spaces to a level, and each object or array on one line where it fits there."""
    return _lines(value, 0, 0) + "\n"


def _lines(value: Any, level: int, taken: int) -> str:
    short = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or (_is_flat(value) and taken + len(short) <= _WIDTH):
        return short
    inner, outer = "  " * (level + 1), "  " * level
    if isinstance(value, dict):
        keys = {key: json.dumps(key, ensure_ascii=False) + ": " for key in value}
        parts = [keys[key] + _lines(entry, level + 1, len(inner) + len(keys[key]) + 1) for key, entry in value.items()]
        return "{\n" + ",\n".join(inner + part for part in parts) + f"\n{outer}}}"
    parts = [_lines(entry, level + 1, len(inner) + 1) for entry in value]
    return "[\n" + ",\n".join(inner + part for part in parts) + f"\n{outer}]"


def _is_flat(value: Any) -> bool:
    entries = value.values() if isinstance(value, dict) else value
    return all(not isinstance(entry, dict | list) or not entry for entry in entries)
