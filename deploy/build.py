"""azuredeploy.json from its parts: parts/ says what Azure is to make, sentinel/ what Microsoft Sentinel is to hold."""

import json
from pathlib import Path
from typing import Any, Final

from deploy.content.functions import functions
from deploy.content.hunting import hunting_queries
from deploy.content.rules import rules
from deploy.content.tables import data_flows, streams, tables
from deploy.role_assignments import ids_for_app, role_assignments

PARTS: Final = Path(__file__).resolve().parent / "parts"
_SITE: Final = "Microsoft.Web/sites"


def build(package_uri: str) -> dict[str, Any]:
    """Put the template together; `package_uri` is the package that it deploys unless another is given."""
    parameters = _part("parameters")
    parameters["packageUri"]["defaultValue"] = package_uri
    roles = _part("roles")
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "metadata": {
            "description": "1Password events in Microsoft Sentinel. Made by `make build` from deploy/ and sentinel/."
        },
        "parameters": parameters,
        "variables": _part("variables"),
        "resources": [
            *_part("foundation"),
            *role_assignments(roles),
            _tables(),
            _rule(),
            *_app(ids_for_app(roles)),
            _content(),
        ],
        "outputs": _part("outputs"),
    }


def _tables() -> dict[str, Any]:
    deployment: dict[str, Any] = _part("tables")
    deployment["properties"]["template"]["resources"] = [*tables(), *functions()]
    return deployment


def _content() -> dict[str, Any]:
    deployment: dict[str, Any] = _part("content")
    deployment["properties"]["template"]["resources"] = [*rules(), *hunting_queries()]
    return deployment


def _rule() -> dict[str, Any]:
    deployment: dict[str, Any] = _part("rule")
    rule = deployment["properties"]["template"]["resources"][0]["properties"]
    rule["streamDeclarations"] = streams()
    rule["dataFlows"] = data_flows(rule["destinations"]["logAnalytics"][0]["name"])
    return deployment


def _app(roles: list[str]) -> list[dict[str, Any]]:
    """Let the app wait for its roles: a host that starts without them caches the refusal."""
    resources: list[dict[str, Any]] = _part("app")
    (site,) = (resource for resource in resources if resource["type"] == _SITE)
    site["dependsOn"] += roles
    return resources


def _part(name: str) -> Any:
    return json.loads((PARTS / f"{name}.json").read_text(encoding="utf-8"))
