"""The files of sentinel/, read."""

from pathlib import Path
from typing import Any, Final

import yaml

SENTINEL: Final = Path(__file__).resolve().parents[2] / "sentinel"

type Resource = dict[str, Any]


def read_text(*path: str) -> str:
    """Read a file of sentinel/."""
    return SENTINEL.joinpath(*path).read_text(encoding="utf-8")


def read_documents(folder: str) -> dict[str, dict[str, Any]]:
    """Read all YAML files of a folder of sentinel/: the file's stem to its content, in the order of the stems."""
    files = sorted((SENTINEL / folder).glob("*.yaml"))
    return {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}


def workspace_resource(kind: str, name: str) -> str:
    """Write the expression for the id of a resource in the workspace; `name` is a literal."""
    return f"[resourceId('Microsoft.OperationalInsights/workspaces/{kind}', parameters('workspaceName'), '{name}')]"
