"""The files of sentinel/, read."""

import re
from pathlib import Path
from typing import Any, Final

import yaml

SENTINEL: Final = Path(__file__).resolve().parents[2] / "sentinel"

type Resource = dict[str, Any]

# A line that goes on: no blank line and no item of a list follows.
_GOES_ON: Final = re.compile(r"(?<!\n)\n(?!\n|\s*(?:-|\d+\.) )\s*")


def read_text(*path: str) -> str:
    """Read a file of sentinel/."""
    return SENTINEL.joinpath(*path).read_text(encoding="utf-8")


def read_documents(folder: str) -> dict[str, dict[str, Any]]:
    """Read all YAML files of a folder of sentinel/: the file's stem to its content, in the order of the stems."""
    files = sorted((SENTINEL / folder).glob("*.yaml"))
    return {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}


def unwrapped(text: str) -> str:
    """Put each paragraph and each item of a list on one line: what shows it breaks lines by itself."""
    return _GOES_ON.sub(" ", text.strip())


def workspace_resource(kind: str, name: str) -> str:
    """Write the expression for the id of a resource in the workspace; `name` is a literal."""
    return f"[resourceId('Microsoft.OperationalInsights/workspaces/{kind}', parameters('workspaceName'), '{name}')]"
