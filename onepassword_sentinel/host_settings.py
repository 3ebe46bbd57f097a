"""The one setting of the Functions host without which no event is delivered, checked where it can be changed."""

import codecs
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

REORDER_WINDOW: Final = "entityMessageReorderWindowInMinutes"
_PATH: Final = ("extensions", "durableTask", REORDER_WINDOW)
# The app setting that takes precedence over host.json.
OVERRIDE: Final = "__".join(("AzureFunctionsJobHost", *_PATH))
_HARM: Final = (
    "the Durable extension drops every message from a run to a stream's cursor, so polls hang and no event is delivered"
)


def host_problems(host_json: bytes, variables: Mapping[str, str]) -> list[str]:
    """Check that nothing switches on the sorter of entity messages.

    Args:
        host_json: the content of host.json.
        variables: the environment; an app setting takes precedence over host.json.

    Returns:
        A sentence for each wrong value, with what to do; empty if the sorter is off.

    """
    overrides = {name: value for name, value in variables.items() if _is_override(name)}
    if overrides:
        return [
            f"The app setting {name} must be 0: otherwise {_HARM}. Delete the app setting, and restart the app"
            for name, value in overrides.items()
            if not _is_zero(value)
        ]
    try:
        found = list(_values(msgspec.json.decode(host_json.removeprefix(codecs.BOM_UTF8)), _PATH))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return [unreadable(error)]
    if found and all(_is_zero(value) for value in found):
        return []
    what = "has another value" if found else "is missing"
    advice = "Deploy the released package again, or set it to 0 and restart the app"
    return [f"{'.'.join(_PATH)} must be 0 in host.json, but it {what}: {_HARM}. {advice}"]


def unreadable(error: Exception) -> str:
    """Say that host.json cannot be read, and why."""
    return (
        f"host.json cannot be read ({' '.join(str(error).split())}): {'.'.join(_PATH)} must be 0 there. Deploy the "
        "released package again"
    )


def _is_override(name: str) -> bool:
    """Tell whether .NET reads this variable as the setting: case does not matter, and ":" is the same as "__"."""
    return name.replace(":", "__").lower() == OVERRIDE.lower()


def _values(section: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """Yield what stands under the path, in whatever case: the host reads names so."""
    if not path:
        yield section
    elif isinstance(section, dict):
        for name, inner in section.items():
            if name.lower() == path[0].lower():
                yield from _values(inner, path[1:])


def _is_zero(value: Any) -> bool:
    """Tell whether the host reads the whole number 0 from it: it takes text as well."""
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return bool(text) and set(text.removeprefix("-")) == {"0"}
