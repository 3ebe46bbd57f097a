"""host.json as the Functions host reads it: the file, overridden by app settings."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.host.errors import HostError

_OVERRIDE = "azurefunctionsjobhost__"


def read_host_json(path: Path, settings: Mapping[str, str]) -> dict[str, Any]:
    """Return host.json with every ``AzureFunctionsJobHost__<path>`` setting in its place, as text.

    Args:
        path: The file.
        settings: The app settings. Their names are compared without regard to case, and ``:`` is the same as ``__``,
            as in .NET.

    Raises:
        HostError: The file is missing or not JSON.

    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HostError(f"{path.name} cannot be read: {error}") from error
    for spelled, value in settings.items():
        name = spelled.replace(":", "__")
        if name.lower().startswith(_OVERRIDE):
            _override(content, name[len(_OVERRIDE) :].split("__"), value)
    return content


def _override(section: dict[str, Any], path: list[str], value: str) -> None:
    for name in path[:-1]:
        inner = section.setdefault(_known(section, name), {})
        if not isinstance(inner, dict):
            return
        section = inner
    section[_known(section, path[-1])] = value


def _known(section: Mapping[str, Any], name: str) -> str:
    return next((known for known in section if known.lower() == name.lower()), name)
