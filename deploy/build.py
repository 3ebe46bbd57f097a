"""azuredeploy.json from its parts: parts/ says what Azure is to make, sentinel/ what Microsoft Sentinel is to hold."""

import json
import re
from pathlib import Path
from typing import Any, Final

from deploy.content.connector_page import connector_page
from deploy.content.functions import functions
from deploy.content.hunting import hunting_queries
from deploy.content.rules import missing_rules, replacing_rules
from deploy.content.sources import Resource
from deploy.content.tables import data_flows, streams, tables
from deploy.content.workbook import workbook
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
            _replaced_rules(),
        ],
        "outputs": _part("outputs"),
    }


def _tables() -> dict[str, Any]:
    deployment: dict[str, Any] = _part("tables")
    deployment["properties"]["template"]["resources"] = [*tables(), *functions()]
    return deployment


def _content() -> dict[str, Any]:
    deployment: dict[str, Any] = _part("content")
    deployment["properties"]["template"]["resources"] = _by_symbol(
        [*missing_rules(), *hunting_queries(), *connector_page(), *workbook()]
    )
    return deployment


def _replaced_rules() -> dict[str, Any]:
    deployment: dict[str, Any] = _part("replaced-rules")
    deployment["properties"]["template"]["resources"] = replacing_rules()
    return deployment


def _by_symbol(resources: list[Resource]) -> dict[str, Resource]:
    """Name each resource, as the language version 2.0 wants it, after its type and what people call it."""
    symbols = {_symbol(resource): resource for resource in resources}
    if len(symbols) < len(resources):
        raise ValueError("two resources of one type have the same display name")
    return symbols


def _symbol(resource: Resource) -> str:
    kind, called = resource["type"].rpartition("/")[2], resource["properties"].get("displayName", "")
    return re.sub(r"\W+", "_", f"{kind} {called}".strip())


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
