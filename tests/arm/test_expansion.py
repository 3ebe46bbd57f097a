"""A template is expanded as Azure would deploy it, and what Azure would refuse is an error."""

import copy
from typing import Any

import pytest

from tests.arm.azure_place import Place
from tests.arm.expanded import Expansion
from tests.arm.expansion import expand
from tests.arm.sample_template import (
    GROUP,
    NESTED,
    PARAMETERS,
    ROLES,
    TABLES_ID,
    WORKSPACE,
    WORKSPACES,
    nested,
    resource,
    sample,
    symbolic,
    template,
)
from tests.arm.template_symbols import check_symbols

REFERENCE = "@Microsoft.KeyVault(VaultName=ours;SecretName=token)"
SITES = "Microsoft.Web/sites"
SITE_ID = f"{GROUP}/providers/{SITES}"


def expanded(**parameters: Any) -> Expansion:
    """The sample with other parameters."""
    return expand(sample(), PARAMETERS | parameters)


def output(value: Any, kind: str = "string", **sections: Any) -> Any:
    """The value of an output of a template with nothing else."""
    outputs = {"it": {"type": kind, "value": value}}
    return expand(template(outputs=outputs, **sections)).outputs["it"]


def test_ids() -> None:
    """Each resource has the id that it would have: of its own group, below its parent, or on its scope."""
    ids = [each.id for each in expanded().resources]
    storage = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stwj4rt2xth5loq"
    assert ids[0] == storage
    assert ids[1].startswith(f"{storage}/providers/{ROLES}/")
    assert ids[3] == f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-sample/secrets/token"
    assert ids[4] == f"{WORKSPACE}/tables/Events_CL"
    assert ids[5].startswith(f"{WORKSPACE}/providers/Microsoft.SecurityInsights/alertRules/")
    assert ids[6] == f"{SITE_ID}/app-wj4rt2xth5loq"


def test_bodies() -> None:
    """Expressions are gone, also from names of properties; nulls are too, and what only Azure knows is a string."""
    site = expanded().one(SITES)
    storage = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stwj4rt2xth5loq"
    assert site.body == {
        "type": SITES,
        "apiVersion": "2024-01-01",
        "name": "app-wj4rt2xth5loq",
        "location": "westeurope",
        "kind": "functionapp,linux",
        "properties": {
            "token": "@Microsoft.KeyVault(VaultName=kv-sample;SecretName=token)",
            "vault": f"<reference({GROUP}/providers/Microsoft.KeyVault/vaults/kv-sample).vaultUri>",
            "blobs": f"<reference({storage}, 2024-01-01).primaryEndpoints.blob>",
            "runtime": {"name": "python", "stwj4rt2xth5loq": ["stwj4rt2xth5loq"]},
        },
    }
    assert (site.type, site.name, site.api_version) == (site.body["type"], site.body["name"], "2024-01-01")
    assert "networkAcls" not in expanded().resources[0].body["properties"]


def test_a_false_condition_leaves_a_resource_out() -> None:
    """It may still be named in dependsOn, and what is in a deployment that is left out is left out too."""
    before, after = expanded(), expanded(token=REFERENCE)
    assert len(before.resources) - len(after.resources) == 2
    assert not after.of_type("Microsoft.KeyVault/vaults")
    assert len(before.one(SITES).depends_on) - len(after.one(SITES).depends_on) == 1
    assert after.one(SITES).body["properties"]["token"] == REFERENCE
    assert [each.name for each in after.deployments] == ["azuredeploy", "tables"]


def test_nested_deployments() -> None:
    """They have parameters and outputs of their own, and their own resource group."""
    tables = next(each for each in expanded().deployments if each.name == "tables")
    assert tables.id == TABLES_ID
    assert {name: each.value for name, each in tables.parameters.items()} == {"workspaceName": "soc", "days": 0}
    assert tables.outputs["group"].value == "rg-soc"
    assert expanded().outputs == {
        "plan": "Flex1",
        "group": f"<reference({TABLES_ID}).outputs.group.value>",
    }


def test_outer_scope() -> None:
    """Its expressions mean the parent's variables and group, and its resources go to its own group."""
    inside = template(
        resource(SITES, "[variables('name')]", properties={"group": "[resourceGroup().name]"}),
        outputs={"name": {"type": "string", "value": "[variables('name')]"}},
    )
    outer = nested("outer", inside, scope="outer", resourceGroup="rg-other")
    site = expand(template(outer, variables={"name": "app"})).one(SITES)
    assert site.id == SITE_ID.replace("rg-onepassword", "rg-other") + "/app"
    assert site.body["properties"] == {"group": "rg-onepassword"}


def test_the_region_of_another_group() -> None:
    """Only Azure knows it, but it does know it before the deployment."""
    inside = template(resource(SITES, "app", location="[resourceGroup().location]"))
    site = expand(template(nested("inner", inside, resourceGroup="rg-other"))).one(SITES)
    assert site.body["location"] == "<resourceGroup(rg-other).location>"
    assert expand(template(nested("inner", inside))).one(SITES).body["location"] == "westeurope"


def test_what_is_there_already() -> None:
    """A test can say what Azure answers, and then a condition can depend on it."""
    value = f"[if(greater(reference('{WORKSPACE}', '2025-07-01').retentionInDays, 30), 'long', 'short')]"
    outputs = {
        "it": {"type": "string", "value": value},
        "all": {"type": "object", "value": "[list('/x', '2024-01-01')]"},
    }
    answers = {WORKSPACE.upper(): {"properties": {"retentionInDays": 90}}, "/x": {"properties": {"a": "b"}}}
    assert expand(template(outputs=outputs), answers=answers).outputs == {
        "it": "long",
        "all": {"properties": {"a": "b"}},
    }
    with pytest.raises(ValueError, match="only Azure knows the condition"):
        expand(template(outputs=outputs))


def rule(**rest: Any) -> dict[str, Any]:
    """An analytics rule, which is made only if it does not exist."""
    return resource(
        "Microsoft.SecurityInsights/alertRules",
        "silent",
        scope=WORKSPACE,
        **{"@options": {"onlyIfNotExists": []}} | rest,
    )


def test_symbolic_names() -> None:
    """With the language version 2.0 resources are called by them, and nothing of it is left."""
    site = resource(SITES, "app", dependsOn=["newest", "Table"], properties={"rule": "[reference('newest').query]"})
    table = resource(f"{WORKSPACES}/tables", "soc/Events_CL")
    expansion = expand(symbolic({"newest": rule(), "Table": table, "app": site}))
    made = {each.type: each for each in expansion.resources}
    assert made[SITES].depends_on == {each.id for kind, each in made.items() if kind != SITES}
    asked = made["Microsoft.SecurityInsights/alertRules"]
    assert made[SITES].body["properties"]["rule"] == f"<reference({asked.id}).query>"
    assert asked.body.keys() == {"type", "apiVersion", "name", "scope"}


def test_what_is_made_only_if_it_does_not_exist() -> None:
    """It is made where it is missing; where it is there it stays as it is, and others do not wait for it."""
    waiting = resource(SITES, "app", dependsOn=["rule"])
    whole = template(nested("content", symbolic({"rule": rule(), "app": waiting})))
    identifier = f"{WORKSPACE}/providers/Microsoft.SecurityInsights/alertRules/silent"
    missing, there = expand(whole), expand(whole, answers={identifier.upper(): {}})
    assert ([each.id for each in missing.resources], missing.kept) == ([identifier, f"{SITE_ID}/app"], frozenset())
    assert ([each.id for each in there.resources], there.kept) == ([f"{SITE_ID}/app"], {identifier})
    assert there.one(SITES).depends_on == frozenset()


def test_what_is_left_out_is_not_kept() -> None:
    """A condition that is false comes first."""
    answers = {f"{WORKSPACE}/providers/Microsoft.SecurityInsights/alertRules/silent": {}}
    expansion = expand(symbolic({"rule": rule(condition=False)}), answers=answers)
    assert (expansion.resources, expansion.kept) == ((), frozenset())


def test_the_place() -> None:
    """Cloud, subscription, group and region are those that the test gives."""
    place = Place("22222222-2222-2222-2222-222222222222", "rg", "usgovvirginia", cloud="AzureUSGovernment")
    storage = expand(sample(), PARAMETERS, place).resources[0]
    assert storage.body["location"] == "usgovvirginia"
    assert storage.id.startswith("/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/rg/providers/")
    value = {"it": {"type": "string", "value": "[environment().suffixes.storage]"}}
    assert expand(template(outputs=value), place=place).outputs["it"] == "core.usgovcloudapi.net"


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, "no value for the parameter 'workspace'"),
        (PARAMETERS | {"other": 1}, r"a value for \['other'\]"),
        (PARAMETERS | {"plan": "Premium "}, "'plan' is none of its allowedValues"),
        (PARAMETERS | {"instances": 0}, "'instances' is against its minValue, 1"),
        (PARAMETERS | {"instances": 5}, "'instances' is against its maxValue, 4"),
        (PARAMETERS | {"instances": "1"}, "'instances' is of the type int, and its value a string"),
        (PARAMETERS | {"instances": True}, "'instances' is of the type int, and its value a bool"),
        (PARAMETERS | {"location": None}, "'location' is of the type string, and its value a null"),
        (PARAMETERS | {"token": "no"}, "'token' is against its minLength, 3: 2$"),
    ],
)
def test_parameters_that_do_not_fit(parameters: dict[str, Any], reason: str) -> None:
    """Each is an error that names the parameter, and of a secret says only how long it is."""
    with pytest.raises(ValueError, match=reason):
        expand(sample(), parameters)


def test_defaults_that_need_each_other() -> None:
    """Their order does not matter; one that needs itself or a variable is an error."""
    declared = {
        "a": {"type": "string", "defaultValue": "[concat(parameters('b'), 'a')]"},
        "b": {"type": "string", "defaultValue": "b"},
    }
    assert output("[parameters('A')]", parameters=declared) == "ba"
    for value, reason in (("[parameters('a')]", "needs itself"), ("[variables('v')]", "cannot use variables")):
        broken = copy.deepcopy(declared) | {"b": {"type": "string", "defaultValue": value}}
        with pytest.raises(ValueError, match=reason):
            output("[parameters('a')]", parameters=broken, variables={"v": "x"})


def test_secrets_can_be_traced() -> None:
    """A secret shows with its places; a deployment that is passed one says of which type it takes it."""
    assert expanded(token="secret-token").places("secret-token") == [
        f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-sample/secrets/token properties.value",
        f"{GROUP}/providers/{NESTED}/secret parameter value (securestring)",
    ]


def test_what_is_made_of_a_secret_can_be_traced() -> None:
    """Two secrets give two expansions, which differ wherever a secret went, in whatever form."""
    leaking = sample()
    leaking["outputs"]["hint"] = {"type": "string", "value": "[base64(take(parameters('token'), 4))]"}
    one, other = (expand(leaking, PARAMETERS | {"token": token}) for token in ("secret", "another"))
    (place,) = set(one.differences(other)) - set(one.places("secret"))
    assert place == f"{GROUP}/providers/{NESTED}/azuredeploy output hint (string)"
    assert not one.differences(one)


def test_the_flat_template() -> None:
    """It has every resource that is deployed, and nothing that would have to be evaluated."""
    flat = expanded().flat_template()
    assert [each["name"] for each in flat["resources"]] == [each.name for each in expanded().resources]
    assert not {"condition", "dependsOn", "copy"} & {key for each in flat["resources"] for key in each}
    assert flat["resources"][6]["properties"]["runtime"]["name"] == "python"
    flat["resources"][6]["properties"].clear()
    assert expanded().one(SITES).body["properties"]


def test_what_is_never_used() -> None:
    """Parameters and variables that no expression names are told, also those of nested deployments."""
    assert check_symbols(sample()) == []
    inside = template(parameters={"more": {"type": "int"}})
    unused = template(
        nested("n", inside), variables={"left": 1, "used": 2}, outputs={"o": {"value": "[variables('USED')]"}}
    )
    assert check_symbols(unused) == ["nested parameters('more')", "variables('left')"]
