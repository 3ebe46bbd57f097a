"""What sentinel/ holds, as resources of a template: tables, the data collection rule's streams, query functions."""

import json
from pathlib import Path
from typing import Any, Final

SENTINEL: Final = Path(__file__).resolve().parents[1] / "sentinel"

type Resource = dict[str, Any]


def tables() -> list[Resource]:
    """Make the tables, in the workspace that the deployment's parameter names."""
    return [
        {
            "type": "Microsoft.OperationalInsights/workspaces/tables",
            "apiVersion": "2025-07-01",
            "name": f"[concat(parameters('workspaceName'), '/{name}')]",
            "properties": {
                "plan": "Analytics",
                "retentionInDays": "[variables('retention')]",
                "totalRetentionInDays": "[variables('totalRetention')]",
                "schema": {"name": name, "description": schema["description"], "columns": schema["columns"]},
            },
        }
        for name, schema in _schemas().items()
    ]


def streams() -> dict[str, Any]:
    """Declare what the rule takes."""
    return {schema["stream"]: {"columns": schema["streamColumns"]} for schema in _schemas().values()}


def data_flows(destination: str) -> list[dict[str, Any]]:
    """Lead each stream through its transformation into its table."""
    return [
        {
            "streams": [schema["stream"]],
            "destinations": [destination],
            "transformKql": one_line((SENTINEL / "transforms" / f"{name}.kql").read_text(encoding="utf-8")),
            "outputStream": f"Custom-{name}",
        }
        for name, schema in _schemas().items()
    ]


def functions() -> list[Resource]:
    """Make the query functions; a file's name is the name that queries call it by."""
    return [
        {
            "condition": "[parameters('installSentinelContent')]",
            "type": "Microsoft.OperationalInsights/workspaces/savedSearches",
            "apiVersion": "2025-07-01",
            "name": f"[concat(parameters('workspaceName'), '/{file.stem}')]",
            # Without it a second deployment is refused: the search is there already.
            "etag": "*",
            "properties": {
                "category": "1Password",
                "displayName": file.stem,
                "functionAlias": file.stem,
                "query": file.read_text(encoding="utf-8"),
                "version": 2,
            },
            "dependsOn": [
                "[resourceId('Microsoft.OperationalInsights/workspaces/tables', "
                f"parameters('workspaceName'), '{name}')]"
                for name in _schemas()
            ],
        }
        for file in sorted((SENTINEL / "functions").glob("*.kql"))
    ]


def one_line(kql: str) -> str:
    """Write a query without its comments on one line, as a rule's transformation wants it."""
    lines = (line.strip() for line in kql.splitlines())
    return " ".join(line for line in lines if line and not line.startswith("//"))


def _schemas() -> dict[str, dict[str, Any]]:
    files = sorted((SENTINEL / "tables").glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}
