"""What Azure would refuse, or do in the wrong order, is an error; and so is what the expansion does not know."""

import re
from typing import Any

import pytest

from tests.arm.expansion import expand
from tests.arm.sample_template import GROUP, NESTED, PARAMETERS, ROLES, nested, resource, sample, symbolic, template

SITES = "Microsoft.Web/sites"
VAULTS = "Microsoft.KeyVault/vaults"
SITE = f"{GROUP}/providers/{SITES}/app"


def site(**rest: Any) -> dict[str, Any]:
    return resource(SITES, "app", **rest)


def vault(**rest: Any) -> dict[str, Any]:
    return resource(VAULTS, "kv", **rest)


def asking(question: str, **rest: Any) -> dict[str, Any]:
    """A vault with one property that asks Azure."""
    return vault(properties={"x": f"[{question}]"}, **rest)


LOCAL = {"it": {"type": "string", "value": "[reference('n').outputs.gone.value]"}}
ONCE = {"@options": {"onlyIfNotExists": []}}
INNER = template(outputs={"there": {"type": "string", "value": "x"}})


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        ({"resources": []}, "missing or not known here: ['$schema', 'contentVersion']"),
        (template(functions=[]), "missing or not known here: ['functions']"),
        (template({"type": SITES, "name": "app"}), "without type, apiVersion and name"),
        (template(site(copy={"name": "c", "count": 2})), "with ['copy']: not known here"),
        (template(site(resources=[])), "with ['resources']: not known here"),
        (template(site() | {"apiVersion": "latest"}), "the API version"),
        (template(resource(SITES, "app/web")), "needs 1 names"),
        (template(resource(f"{SITES}/config", "app")), "needs 2 names"),
        (template(site(condition="true")), "neither true nor false"),
        (template(site(), site()), "deployed twice"),
        (template(site(), resource(SITES, "APP")), "deployed twice"),
        (template(site(), nested("n", template(site()))), "deployed twice"),
        (template(resource(ROLES, "r", scope="kv")), "no Provider/type/name"),
        (template(resource(ROLES, "r", scope=f"{VAULTS}/kv/secrets")), "no Provider/type/name"),
        (template(nested("a b", template())), "no name for a deployment"),
        (template(nested("n" * 65, template())), "no name for a deployment"),
        (template(nested("n", template(), subscriptionId="s")), "not to a resource group"),
        (template(nested("n", template(), passed={"x": 1})), "which the template does not declare"),
        (template(nested("n", template(parameters={"x": {"type": "int"}}))), "no value for the parameter 'x'"),
        (template(nested("n", template(variables={"x": 1}), scope="outer")), "has outer scope"),
        (template(resource(NESTED, "n", properties={"mode": "Incremental"})), "needs a template of its own"),
        (template(resource(NESTED, "n", properties={"mode": "Complete", "template": INNER})), "the mode Incremental"),
        (template(parameters={"x": {"type": "text", "defaultValue": 1}}), "has the type 'text'"),
        (template(parameters={"x": {"type": "int", "defaultValue": 1, "max": 2}}), "declares ['max']"),
        (template(outputs={"x": {"type": "int", "value": "1"}}), "is of the type int, and its value a string"),
        (template(nested("n", INNER), outputs=LOCAL), "has no output for <reference("),
        (template(site()) | {"languageVersion": "2.0"}, "resources are a list, or an object"),
        (symbolic({"a": site()}) | {"languageVersion": "1.9"}, "resources are a list, or an object"),
        (template() | {"resources": {"a": site()}}, "resources are a list, or an object"),
        (symbolic({"a": site(existing=True)}), "with ['existing']: not known here"),
        (symbolic({"a": site(dependsOn=["b"])}), "has the symbolic name 'b'"),
        (symbolic({"a": site(), "b": vault(dependsOn=["app"])}), "has the symbolic name 'app'"),
        (symbolic({"a": site(), "b": vault(dependsOn=[SITE])}), f"has the symbolic name '{SITE}'"),
        (symbolic({"a": site(**ONCE), "b": site()} | {"c": site()}), "deployed twice"),
        (template(site(**ONCE)), "template language version must be specified"),
        (symbolic({"a": site(**{"@options": {"retryOn": []}})}), "with the options {'retryOn': []}: not known here"),
        (symbolic({"a": nested("n", INNER, **ONCE)}), "with the options {'onlyIfNotExists': []}: not known here"),
    ],
)  # fmt: skip
def test_templates(refused: dict[str, Any], reason: str) -> None:
    """Each is an error that says why."""
    with pytest.raises(ValueError, match=re.escape(reason)):
        expand(refused)


@pytest.mark.parametrize(
    "part",
    [
        site(properties={"x": "[conact('a')]"}, condition=False),
        site(properties={"x": "[if(true(), 1, parameters('misspelt'))]"}),
        site(properties={"[variables('misspelt')]": 1}, condition=False),
        site(properties={"x": "[variables(concat('o', 'uter'))]"}),
        site(properties={"x": "[concat('a']"}, condition=False),
        site(properties={"x": "[toLower('a', 'b')]"}, condition=False),
        nested("n", template(site(tags={"x": "[variables('outer')]"})), condition=False),
    ],
)
def test_names_that_are_never_evaluated(part: dict[str, Any]) -> None:
    """A misspelt name is an error also in a branch that is not taken and in a resource that is left out."""
    with pytest.raises(
        ValueError, match=r"takes a name, not|no (function|parameter|variable)|ends too early|where|does not take"
    ):
        expand(template(part, variables={"outer": 1}))


@pytest.mark.parametrize("part", ["name", "location", "condition", "tags", "dependsOn", "scope"])
def test_asking_azure_too_early(part: str) -> None:
    """Before the deployment nobody can answer: only properties and outputs may ask."""
    asked = f"[reference('{SITE}', '2024-01-01').x]"
    declared = site() | {part: [asked] if part == "dependsOn" else asked}
    with pytest.raises(ValueError, match=r"reference\(\) is allowed only in"):
        expand(template(declared))


def test_asking_azure_in_a_variable() -> None:
    """A variable is evaluated before the deployment too, whoever uses it; a nested deployment's parameter is not."""
    asked = f"[reference('{SITE}', '2024-01-01', 'Full').location]"
    with pytest.raises(ValueError, match=r"reference\(\) is allowed only in"):
        expand(template(vault(properties="[variables('x')]"), variables={"x": asked}))
    inside = template(vault(location="[parameters('x')]"), parameters={"x": {"type": "string"}})
    assert expand(template(nested("n", inside, passed={"x": asked}))).one(VAULTS).body[
        "location"
    ] == f"<{asked[1:-1]}>".replace("'", "")


@pytest.mark.parametrize("part", ["name", "scope", "condition", "dependsOn", "properties"])
def test_what_only_azure_knows_as_a_name(part: str) -> None:
    """It may be passed to a nested deployment, but nothing can be expanded under a name that is not known."""
    name = "[parameters('x')]"
    declared = site() | {part: {"dependsOn": [name], "properties": {name: 1}}.get(part, name)}
    inside = template(declared, parameters={"x": {"type": "string"}})
    with pytest.raises(ValueError, match=r"known before|neither true nor false"):
        expand(template(nested("n", inside, passed={"x": f"[reference('{SITE}', '2024-01-01').x]"})))


def test_a_parameter_by_reference() -> None:
    """A secret that Azure would fetch from a vault is not known here."""
    inside = template(parameters={"x": {"type": "securestring"}})
    deployment = nested("n", inside, passed={"x": 1})
    deployment["properties"]["parameters"]["x"] = {"reference": {"keyVault": {"id": "/x"}, "secretName": "s"}}
    with pytest.raises(ValueError, match=re.escape("only values can be passed here, not ['x']")):
        expand(template(deployment))


@pytest.mark.parametrize(
    "wanted", ["app", f"{SITES}/app", SITE, SITE.upper(), "[resourceId('Microsoft.Web/sites', 'app')]"]
)
def test_depends_on_names_a_resource(wanted: str) -> None:
    """By name, by type and name, or by id, in any case; also one that is left out, which is not waited for."""
    assert expand(template(site(), vault(dependsOn=[wanted]))).one(VAULTS).depends_on == {SITE}
    assert expand(template(site(condition=False), vault(dependsOn=[wanted]))).one(VAULTS).depends_on == frozenset()


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        ([vault(dependsOn=["other"])], "no resource of this template is 'other'"),
        ([vault(dependsOn=[SITE])], "no resource of this template is"),
        ([vault(dependsOn=["kv"])], "each of these waits for the next"),
        ([vault(dependsOn=["app"]), site(dependsOn=["kv"])], "each of these waits for the next"),
        ([site(), vault(dependsOn=["app"]), resource("Microsoft.X/y", "app")], "2 resources have the name 'app'"),
        ([nested("n", template(site())), vault(dependsOn=["app"])], "no resource of this template is 'app'"),
        (
            [nested("n", template(), resourceGroup="rg-other"), vault(dependsOn=[f"{GROUP}/providers/{NESTED}/n"])],
            "no resource of this template is",
        ),
    ],
)
def test_depends_on_that_names_none(resources: list[dict[str, Any]], reason: str) -> None:
    """A name that is none, that is ambiguous or of another template, and a circle, are errors."""
    with pytest.raises(ValueError, match=re.escape(reason)):
        expand(template(*resources))


BY_ID = f"reference('{SITE}', '2024-01-01').x"


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        ([site(), asking(BY_ID)], "does not wait for it"),
        ([site(), asking(f"listKeys('{SITE}/config/app', '2024-01-01').x")], "does not wait for it"),
        ([site(), resource(f"{SITES}/config", "app/web")], "does not wait for it"),
        ([vault(), resource(ROLES, "r", scope=f"{VAULTS}/kv")], "does not wait for it"),
        ([site(), nested("n", template(asking(BY_ID)))], "does not wait for it"),
        ([nested("n", template(site())), asking(BY_ID)], "does not wait for it"),
        ([asking("reference('other').x")], "no resource of this template is 'other'"),
        ([asking(f"reference('{SITE}').x")], "no resource of this template is"),
        ([site(condition=False), asking(BY_ID, dependsOn=["app"])], "which is left out"),
        ([site(condition=False), asking(BY_ID, condition=False)], "which is left out"),
        ([site(condition=False), resource(f"{SITES}/config", "app/web", dependsOn=["app"])], "which is left out"),
    ],
)
def test_what_may_not_be_there_yet(resources: list[dict[str, Any]], reason: str) -> None:
    """A resource that does not wait for its parent, its scope or what it asks for is an error."""
    with pytest.raises(ValueError, match=re.escape(reason)):
        expand(template(*resources))


@pytest.mark.parametrize(
    "resources",
    [
        [site(), asking(BY_ID, dependsOn=["app"])],
        [site(), asking("reference('app').x")],
        [site(), resource("Microsoft.X/y", "z", dependsOn=["app"]), asking(BY_ID, dependsOn=["z"])],
        [site(), nested("n", template(asking(BY_ID)), dependsOn=["app"])],
        [nested("n", template(site())), asking(BY_ID, dependsOn=["n"])],
        [asking(BY_ID)],
        [asking("if(false(), reference('app').x, 1)"), site(condition=False)],
        [site(), site(condition=False), asking(BY_ID, dependsOn=["app"])],
        [
            site(),
            nested(
                "settings",
                template(resource(f"{SITES}/config", "app/web"), parameters={"old": {"type": "object"}}),
                passed={"old": f"[list('{SITE}/config/web', '2024-01-01')]"},
                dependsOn=["app"],
            ),
        ],
    ],
)
def test_what_is_there_in_time(resources: list[dict[str, Any]]) -> None:
    """Waiting for it, by way of another or of the deployment that makes it, or not asking, is no error."""
    assert expand(template(*resources)).resources


def test_an_output_that_asks_for_what_is_left_out() -> None:
    """It would fail at the very end of the deployment."""
    outputs = {"it": {"type": "string", "value": f"[{BY_ID}]"}}
    assert expand(template(site(), outputs=outputs)).outputs["it"] == f"<{BY_ID}>".replace("'", "")
    with pytest.raises(ValueError, match="which is left out"):
        expand(template(site(condition=False), outputs=outputs))


def test_what_comes_before() -> None:
    """A deployment is finished when all in it is, and what is in one waits for what the deployment waits for."""
    expansion = expand(sample(), PARAMETERS)
    before = expansion.before(expansion.one(SITES).id)
    assert expansion.one("Microsoft.OperationalInsights/workspaces/tables").id in before
    assert expansion.one(f"{VAULTS}/secrets").id not in before
    assert expansion.before(expansion.one(f"{VAULTS}/secrets").id) == {expansion.one(VAULTS).id}
