"""What the simulator reads from a template, and what it refuses as Azure would."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.ingestion import compile_flow, read_rule, read_tables
from local.template import TemplateError

TEMPLATE = Path(__file__).parents[2] / "azuredeploy.json"
STREAM = "Custom-OnePasswordEvents"

type Change = Callable[[dict[str, Any]], object]


def changed(tmp_path: Path, change: Change) -> Path:
    template = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    change(template)
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(template), encoding="utf-8")
    return path


def nested(template: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Resources of the nested deployment whose name says `name`."""
    (deployment,) = (resource for resource in template["resources"] if name in resource["name"])
    resources: list[dict[str, Any]] = deployment["properties"]["template"]["resources"]
    return resources


def rule(template: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = nested(template, "ruleDeployment")[0]["properties"]
    return properties


def flow(template: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = (flow for flow in rule(template)["dataFlows"] if flow["streams"] == [STREAM])
    return found


def columns(template: dict[str, Any]) -> list[dict[str, str]]:
    declared: list[dict[str, str]] = rule(template)["streamDeclarations"][STREAM]["columns"]
    return declared


def transform(kql: str) -> Change:
    return lambda template: flow(template).update(transformKql=kql)


def test_the_id_is_stable() -> None:
    """The rule's immutable id has Azure's form and is the same each time."""
    first, second = read_rule(TEMPLATE).immutable_id, read_rule(TEMPLATE).immutable_id
    assert first == second
    assert first.startswith("dcr-")
    assert len(bytes.fromhex(first.removeprefix("dcr-"))) == 16


def test_nested_deployments(tmp_path: Path) -> None:
    """Tables and rules are found in deployments within deployments, without any, and under symbolic names."""

    def unnest(template: dict[str, Any]) -> None:
        resources = [*nested(template, "tablesDeployment"), *nested(template, "ruleDeployment")]
        template["resources"] = {f"symbol{number}": resource for number, resource in enumerate(resources)}

    def nest(template: dict[str, Any]) -> None:
        inner = {"resources": copy.deepcopy(template["resources"])}
        outer = {"type": "Microsoft.Resources/deployments", "properties": {"template": inner}}
        template["resources"] = {"inner": outer}

    path = changed(tmp_path, unnest)
    assert read_tables(path) == read_tables(TEMPLATE)
    assert read_rule(path) == read_rule(TEMPLATE)
    path = changed(tmp_path, nest)
    assert read_tables(path) == read_tables(TEMPLATE)
    assert read_rule(path) == read_rule(TEMPLATE)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (transform("source"), "does not give TimeGenerated"),
        (transform("source | project TimeGenerated = now(), aux_id = tostring(aux_id)"), "aux_id"),
        (transform("source | extend TimeGenerated = now()"), "timestamp"),
        (transform("source | extend TimeGenerated = now(), x = nothing"), "nothing"),
        (transform("source | extend TimeGenerated = geo_location(country)"), "cannot run locally"),
        (transform("source | extnd"), "cannot run locally"),
        (lambda t: flow(t).update(outputStream="Custom-Other_CL"), "Other_CL"),
        (lambda t: flow(t).update(streams=["Custom-Undeclared"]), "not declared"),
        (lambda t: flow(t).update(streams=["Custom-A", "Custom-B"]), "one stream"),
        (lambda t: nested(t, "ruleDeployment").pop(0), "0 data collection rules"),
        (
            lambda t: nested(t, "tablesDeployment")[0]["properties"]["schema"]["columns"].pop(0),
            "no column TimeGenerated",
        ),
        (lambda t: columns(t).append({"name": "_x", "type": "string"}), "column names"),
        (lambda t: columns(t).append({"name": "x", "type": "guid"}), "column names or types"),
        (lambda t: columns(t).append({"name": "UUID", "type": "string"}), "column names"),
    ],
)
def test_what_would_not_deploy(tmp_path: Path, change: Change, sentence: str) -> None:
    """A template that Azure would refuse, or that cannot be imitated, is refused with the reason."""
    path = changed(tmp_path, change)
    with pytest.raises(TemplateError, match=sentence):
        compile_flow(read_rule(path), STREAM, read_tables(path))


def test_what_is_no_template(tmp_path: Path) -> None:
    """A file that is missing or no JSON is refused by name."""
    with pytest.raises(TemplateError, match=r"missing\.json"):
        read_rule(tmp_path / "missing.json")
