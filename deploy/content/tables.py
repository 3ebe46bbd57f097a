"""Tables and the ways into them: one schema file for each table, one transformation beside it."""

import json
from typing import Any

from deploy.content.sources import SENTINEL, Resource, read_text


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
                "schema": {"name": name, "description": schema["description"], "columns": _columns(schema)},
            },
        }
        for name, schema in schemas().items()
    ]


def streams() -> dict[str, Any]:
    """Declare what the rule takes."""
    return {schema["stream"]: {"columns": stream_columns(schema)} for schema in schemas().values()}


def data_flows(destination: str) -> list[dict[str, Any]]:
    """Lead each stream through its transformation into its table."""
    return [
        {
            "streams": [schema["stream"]],
            "destinations": [destination],
            "transformKql": one_line(read_text("transforms", f"{name}.kql")),
            "outputStream": f"Custom-{name}",
        }
        for name, schema in schemas().items()
    ]


def schemas() -> dict[str, dict[str, Any]]:
    """Read the schema files: table name to its description, its columns, and the stream that they come from.

    A column is in the stream under the same name and type, unless its `stream` says otherwise; with ``false`` it is not
    there, and the transformation makes it.
    """
    files = sorted((SENTINEL / "tables").glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def stream_columns(schema: dict[str, Any]) -> list[dict[str, str]]:
    """Tell what a row consists of as the connector sends it."""
    return [
        {"name": column["name"], "type": column["type"], **column.get("stream", {})}
        for column in schema["columns"]
        if column.get("stream") is not False
    ]


def _columns(schema: dict[str, Any]) -> list[dict[str, str]]:
    return [{name: column[name] for name in ("name", "type", "description")} for column in schema["columns"]]


def one_line(kql: str) -> str:
    """Write a query without its comments on one line, as a rule's transformation wants it."""
    lines = (line.strip() for line in kql.splitlines())
    return " ".join(line for line in lines if line and not line.startswith("//"))
