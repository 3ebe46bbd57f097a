"""Query functions: a file's name is the name that queries call it by."""

import re
from typing import Final, NamedTuple

from deploy.content.sources import SENTINEL, Resource, workspace_resource
from deploy.content.tables import schemas

# As Log Analytics writes a function's parameters; a function without the line has none.
_PARAMETERS: Final = re.compile(r"^// Parameters: (.+)$", re.MULTILINE)


class QueryFunction(NamedTuple):
    """A function of the workspace; `parameters` is a list such as ``disabled:bool=false``, or empty."""

    name: str
    parameters: str
    query: str


def query_functions() -> list[QueryFunction]:
    """Read the functions of sentinel/."""
    files = sorted((SENTINEL / "functions").glob("*.kql"))
    return [QueryFunction(file.stem, *_read(file.read_text(encoding="utf-8"))) for file in files]


def functions() -> list[Resource]:
    """Make the functions, in the workspace that the deployment's parameter names."""
    return [
        {
            "condition": "[parameters('installSentinelContent')]",
            "type": "Microsoft.OperationalInsights/workspaces/savedSearches",
            "apiVersion": "2025-07-01",
            "name": f"[concat(parameters('workspaceName'), '/{each.name}')]",
            # Without it a second deployment is refused: the search is there already.
            "etag": "*",
            "properties": {
                "category": "1Password",
                "displayName": each.name,
                "functionAlias": each.name,
                **({"functionParameters": each.parameters} if each.parameters else {}),
                "query": each.query,
                "version": 2,
            },
            "dependsOn": [workspace_resource("tables", name) for name in schemas()],
        }
        for each in query_functions()
    ]


def _read(text: str) -> tuple[str, str]:
    parameters = _PARAMETERS.search(text)
    return (parameters[1].strip() if parameters else "", text)
