"""The connector's page in Microsoft Sentinel: sentinel/connector-page.yaml, with this version's addresses."""

from typing import Any, Final

import yaml

from deploy.content.sources import SENTINEL, Resource, read_text, unwrapped
from deploy.publication import Publication, buttons

# The page is found again by it: never to be changed.
NAME: Final = "OnePasswordEventsFunctionApp"


def connector_page() -> list[Resource]:
    """Make the page, in the workspace that the deployment's parameter names."""
    config: dict[str, Any] = _stripped(yaml.safe_load(_with_addresses(read_text("connector-page.yaml"))))
    config["descriptionMarkdown"] = unwrapped(config["descriptionMarkdown"])
    config["instructionSteps"] = [_step(**each) for each in config["instructionSteps"]]
    return [
        {
            "type": "Microsoft.SecurityInsights/dataConnectorDefinitions",
            "apiVersion": "2025-09-01",
            "scope": "[resourceId('Microsoft.OperationalInsights/workspaces', parameters('workspaceName'))]",
            "name": NAME,
            "kind": "Customizable",
            "properties": {"connectorUiConfig": {"id": NAME, **config}},
        }
    ]


def _with_addresses(text: str) -> str:
    publication = Publication.read(SENTINEL.parent)
    # A space keeps the buttons on one line, which is one paragraph of the page.
    return text.replace("{{buttons}}", " ".join(buttons(publication))).replace(
        "{{operations}}", publication.document("docs/operations.md")
    )


def _step(title: str, description: str, queries: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """Make a step of the page; a query is a field with a button that copies it."""
    fields = [
        {
            "type": "CopyableLabel",
            "parameters": {"label": each["label"], "value": each["query"], "rows": each["query"].count("\n") + 1},
        }
        for each in queries or ()
    ]
    return {"title": title, "description": unwrapped(description), **({"instructions": fields} if fields else {})}


def _stripped(part: Any) -> Any:
    """Leave out the line break that ends each of YAML's blocks."""
    if isinstance(part, dict):
        return {name: _stripped(each) for name, each in part.items()}
    if isinstance(part, list):
        return [_stripped(each) for each in part]
    return part.strip() if isinstance(part, str) else part
