"""What azuredeploy.json makes: identities only, in the right order, where it belongs, and the same a second time."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.content.sources import SENTINEL
from deploy.content.tables import one_line, schemas, stream_columns
from deploy.package import SCHEDULER
from deploy.publication import PACKAGES, Publication
from local.ingestion import read_rule, read_tables
from tests.arm.azure_place import Place
from tests.arm.expanded import Expansion, Resource
from tests.arm.expansion import expand
from tests.arm.template_symbols import check_symbols
from tests.deploy.switches import GROUP, REFERENCE, TOKEN, WORKSPACE, combinations

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE: Final[dict[str, Any]] = json.loads((ROOT / "azuredeploy.json").read_text(encoding="utf-8"))

ASSIGNMENTS: Final = "Microsoft.Authorization/roleAssignments"
SETTINGS: Final = "Microsoft.Web/sites/config"
RULE: Final = "Microsoft.Insights/dataCollectionRules"
SITE: Final = "Microsoft.Web/sites"
TABLES: Final = "Microsoft.OperationalInsights/workspaces/tables"
WORKBOOK: Final = "Microsoft.Insights/workbooks"

# Azure's documentation, "Azure built-in roles".
ROLES: Final = {
    "0ad04412-c4d5-4796-b79c-f76d14c8d402": "Durable Task Data Contributor",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
}
# Azure Functions docs, "Flex Consumption plan", deprecated settings: the platform refuses or ignores them.
NOT_ON_FLEX: Final = {
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_RUNTIME",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTSHARE",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "ENABLE_ORYX_BUILD",
}
EVERY: Final = list(combinations())
everywhere = pytest.mark.parametrize("values", [values for _, values in EVERY], ids=[name for name, _ in EVERY])


def deployed(
    place: Place | None = None, current: Mapping[str, str] | None = None, there: Iterable[str] = (), **values: Any
) -> Expansion:
    """The template with a workspace and a token, and `values`, over an app that has the settings `current`.

    `there` are ids of what is there already.
    """
    place, given = place or Place(), {"workspaceResourceId": WORKSPACE, "onePasswordToken": TOKEN, **values}
    answers: dict[str, Any] = {each: {} for each in there}
    answers[WORKSPACE] = {"location": "northeurope", "properties": {"retentionInDays": 120}}
    if current is not None:
        given["appName"] = "app"
        answers[f"{place.group_id}/providers/{SITE}/app/config/appsettings"] = {"properties": dict(current)}
    return expand(TEMPLATE, given, place, answers)


def settings(expansion: Expansion) -> dict[str, str]:
    """The app settings that the template writes."""
    (nested,) = (each for each in expansion.deployments if each.name.startswith("onepassword-settings-"))
    parts = [nested.parameters[name].value for name in ("always", "ifGiven", "ofHosting", "ofScheduler")]
    return {"ONEPASSWORD_TOKEN": nested.parameters["tokenReference"].value} | {
        name: value for part in parts for name, value in part.items()
    }


def merged(**values: Any) -> dict[str, str]:
    """The app settings after a deployment to an app that has `current` ones."""
    found: dict[str, str] = deployed(**values).one(SETTINGS).body["properties"]
    return found


def assignments(expansion: Expansion) -> Iterator[tuple[str, str, Resource]]:
    """Each role assignment: the type of what it is on, the role, and itself."""
    for each in expansion.of_type(ASSIGNMENTS):
        scope = each.id.split(f"/providers/{ASSIGNMENTS}")[0]
        role = each.body["properties"]["roleDefinitionId"].rpartition("/")[2]
        yield "/".join(scope.split("/providers/")[-1].split("/")[:2]), ROLES[role], each


@everywhere
def test_no_key_and_no_secret_anywhere(values: dict[str, Any]) -> None:
    """No key is read, written or allowed, and a token is in no place but the vault's secret."""
    expansion = deployed(**values)
    text = json.dumps(TEMPLATE)
    assert not re.search(r"listKeys|listSecrets|listAccountSas|AccountKey|SharedAccessKey|connectionStrings", text)
    assert expansion.one("Microsoft.Storage/storageAccounts").body["properties"]["allowSharedKeyAccess"] is False
    assert expansion.one("Microsoft.Insights/components").body["properties"]["DisableLocalAuth"] is True
    places = expansion.places(TOKEN)
    stored = values["onePasswordToken"] == TOKEN
    assert [place.rpartition("/providers/")[2].split("/")[0] for place in places] == ["Microsoft.KeyVault"] * stored
    assert all("/secrets/" in place and place.endswith(" properties.value") for place in places)


def test_nothing_is_made_of_the_token() -> None:
    """No hash, part or encoding of it is anywhere either: another token changes the secret and nothing else."""
    (place,) = deployed().differences(deployed(onePasswordToken=TOKEN[::-1]))
    assert "/secrets/onepassword-token " in place


def test_every_name_is_used_and_declared() -> None:
    """No parameter or variable is left over, in the template and in the nested ones."""
    assert check_symbols(TEMPLATE) == []


def test_existing_settings_are_read_as_a_secret() -> None:
    """Settings that are there may hold anything, so they stay out of the history of deployments."""
    (nested,) = (each for each in deployed().deployments if each.name.startswith("onepassword-settings-"))
    assert nested.parameters["current"].secure


@everywhere
def test_no_two_roles_have_one_name(values: dict[str, Any]) -> None:
    """Each assignment is found again by the next deployment, and is no other's."""
    names = [each.name for _, _, each in assignments(deployed(**values))]
    assert len(names) == len(set(names)) >= 5


def test_each_role_is_named_by_scope_identity_and_role() -> None:
    """What the name is made of is what the assignment is about, so two apps never fight for one."""
    declared = [each for each in declared_resources() if each["type"] == ASSIGNMENTS]
    assert len(declared) == 11
    principals = r"variables\('identityId'\)|parameters\('identityId'\)|parameters\('monitorPrincipalId'\)"
    for each in declared:
        scope = re.escape(each["scope"].strip("[]"))
        role = re.escape(each["properties"]["roleDefinitionId"].partition(", ")[2].removesuffix(")]"))
        assert re.fullmatch(rf"\[guid\({scope}, ({principals}), {role}\)\]", each["name"]), each["name"]


def declared_resources(template: Mapping[str, Any] = TEMPLATE) -> Iterator[dict[str, Any]]:
    """The resources as the template has them, also those in nested deployments, and these themselves."""
    resources = template["resources"]
    for each in resources.values() if isinstance(resources, dict) else resources:
        yield each
        if each["type"] == "Microsoft.Resources/deployments":
            yield from declared_resources(each["properties"]["template"])


def test_who_may_do_what() -> None:
    """The app's identity has these roles and no other, each on one resource."""
    assert {(scope, role) for scope, role, _ in assignments(deployed())} == {
        ("Microsoft.Storage/storageAccounts", "Storage Blob Data Owner"),
        ("Microsoft.Storage/storageAccounts", "Storage Queue Data Contributor"),
        ("Microsoft.Storage/storageAccounts", "Storage Table Data Contributor"),
        ("Microsoft.Insights/components", "Monitoring Metrics Publisher"),
        ("Microsoft.KeyVault/vaults", "Key Vault Secrets User"),
        (RULE, "Monitoring Metrics Publisher"),
    }


def test_who_monitors() -> None:
    """Whoever is named may look at runs and restart them: roles on the storage account, and on the scheduler if any."""
    nobody = deployed()
    assert all(GROUP not in str(each.body) for _, _, each in assignments(nobody))
    somebody = deployed(monitorPrincipalId=GROUP, monitorPrincipalType="User", durableBackend="DurableTaskScheduler")
    theirs = [
        (scope, role, each.body["properties"]["principalType"])
        for scope, role, each in assignments(somebody)
        if each.body["properties"]["principalId"] == GROUP
    ]
    assert theirs == [
        ("Microsoft.Storage/storageAccounts", "Storage Blob Data Owner", "User"),
        ("Microsoft.Storage/storageAccounts", "Storage Queue Data Contributor", "User"),
        ("Microsoft.Storage/storageAccounts", "Storage Table Data Contributor", "User"),
        ("Microsoft.DurableTask/schedulers", "Durable Task Data Contributor", "User"),
    ]


@everywhere
def test_roles_come_before_the_app(values: dict[str, Any]) -> None:
    """A host that starts without its roles caches the refusal; the package needs them too."""
    expansion = deployed(**values)
    of_the_app = {each.id for _, _, each in assignments(expansion) if each.body["properties"]["principalId"] != GROUP}
    assert of_the_app <= expansion.before(expansion.one(SITE).id)
    if values.get("hostingPlan") != "ElasticPremium":
        onedeploy = expansion.one("Microsoft.Web/sites/extensions")
        assert {expansion.one(SETTINGS).id, *of_the_app} <= expansion.before(onedeploy.id)
    secrets = {each.id for each in expansion.of_type("Microsoft.KeyVault/vaults/secrets")}
    assert secrets <= expansion.before(expansion.one(SETTINGS).id)


def is_where_the_workspace_is(identifier: str) -> bool:
    return identifier.startswith(WORKSPACE.partition("/providers/")[0] + "/")


def test_the_workspace_may_be_elsewhere() -> None:
    """Tables and content go where the workspace is, all else to the app's group; the rule into its region."""
    expansion = deployed(Place(subscription="00000000-0000-0000-0000-000000000001", resource_group="rg-app"))
    for each in expansion.resources:
        in_workspace = each.type.startswith(("Microsoft.OperationalInsights/", "Microsoft.SecurityInsights/"))
        assert each.id.startswith(f"{WORKSPACE}/") == in_workspace, each.id
        assert is_where_the_workspace_is(each.id) == (in_workspace or each.type == WORKBOOK), each.id
        assert "/resourceGroups/rg-app/" in each.id or is_where_the_workspace_is(each.id)
    assert expansion.one(RULE).body["location"] == "northeurope"
    tables = {each.id for each in expansion.of_type(TABLES)}
    assert tables <= expansion.before(expansion.one(RULE).id)


def test_the_same_again_changes_nothing() -> None:
    """A second deployment names the same resources; another app in the group shares what is in the workspace alone."""
    first, second, other = deployed(), deployed(pollSchedule="0 */10 * * * *"), deployed(appName="another")
    assert [each.id for each in first.resources] == [each.id for each in second.resources]
    shared = {each.id for each in first.resources} & {each.id for each in other.resources}
    assert shared == {each.id for each in first.resources if is_where_the_workspace_is(each.id)}
    names = [{each.name for each in expansion.deployments[1:]} for expansion in (first, other)]
    assert not names[0] & names[1]


def test_settings_that_somebody_added_stay() -> None:
    """A second deployment sets what the template says, and leaves all else as it is."""
    current = {
        **settings(deployed(current={})),
        "ONEPASSWORD_TOKEN_EU": "@Microsoft.KeyVault(VaultName=ours;SecretName=eu)",
        "MONITOR_URL": "https://dfm.example/OnePasswordEvents",
        "POLL_SCHEDULE": "0 */7 * * * *",
    }
    assert merged(current=current) == {**current, "POLL_SCHEDULE": "0 */5 * * * *"}


@pytest.mark.parametrize(
    ("token", "before", "after"),
    [
        (TOKEN, None, "vault"),
        (TOKEN, REFERENCE, "vault"),
        (REFERENCE, None, REFERENCE),
        (f" {REFERENCE} ", "vault", REFERENCE),
        ("", None, "vault"),
        ("", REFERENCE, REFERENCE),
    ],
)
def test_where_the_token_is(token: str, before: str | None, after: str) -> None:
    """A token is referred to in its new vault, a reference is passed on, and without either what is there stays."""
    own = settings(deployed(current={}))["ONEPASSWORD_TOKEN"]
    assert re.fullmatch(r"@Microsoft\.KeyVault\(SecretUri=<.*\.vaultUri>secrets/onepassword-token\)", own)
    current = {} if before is None else {"ONEPASSWORD_TOKEN": own if before == "vault" else before}
    found = merged(current=current, onePasswordToken=token)["ONEPASSWORD_TOKEN"]
    assert found == (own if after == "vault" else after)
    secrets = deployed(onePasswordToken=token).of_type("Microsoft.KeyVault/vaults/secrets")
    assert len(secrets) == (token == TOKEN)


def test_the_app_on_flex_consumption() -> None:
    """Python 3.13 with 2,048 MB, none waiting unless asked for, and no setting that this plan refuses."""
    expansion = deployed()
    config = expansion.one(SITE).body["properties"]["functionAppConfig"]
    assert config["runtime"] == {"name": "python", "version": "3.13"}
    assert config["scaleAndConcurrency"]["instanceMemoryMB"] == 2048
    assert config["scaleAndConcurrency"]["alwaysReady"] == []
    assert not NOT_ON_FLEX & settings(expansion).keys()
    # Newer regions refuse much of what a site's configuration may have elsewhere, ftpsState too: error 51021 (the tests
    # of Azure Verified Modules list what).
    assert expansion.one(SITE).body["properties"]["siteConfig"] == {"minTlsVersion": "1.2"}
    assert expansion.one("Microsoft.Web/serverfarms").body["sku"]["name"] == "FC1"
    ready = deployed(alwaysReadyInstances=2).one(SITE).body["properties"]["functionAppConfig"]["scaleAndConcurrency"]
    assert ready["alwaysReady"] == [{"name": "durable", "instanceCount": 2}]
    assert expansion.one("Microsoft.Web/sites/extensions").body["properties"] == {
        "packageUri": package("AzureStorage"),
        "remoteBuild": False,
    }


def test_the_app_on_elastic_premium() -> None:
    """It runs from the package's address, without a share that would need a key."""
    expansion = deployed(hostingPlan="ElasticPremium", durableBackend="DurableTaskScheduler")
    assert expansion.of_type("Microsoft.Web/sites/extensions") == []
    assert "functionAppConfig" not in expansion.one(SITE).body["properties"]
    assert expansion.one(SITE).body["properties"]["siteConfig"]["linuxFxVersion"] == "Python|3.13"
    found = settings(expansion)
    assert found["WEBSITE_RUN_FROM_PACKAGE"] == package("DurableTaskScheduler")
    assert not {name for name in found if name.startswith("WEBSITE_CONTENT")}


def package(backend: str) -> str:
    publication = Publication.read(ROOT)
    return f"{publication.repository}/releases/download/v{publication.version}/{PACKAGES[backend]}"


def test_the_scheduler() -> None:
    """It has the hub of host.json, and the app finds it under the setting that its package names."""
    expansion = deployed(durableBackend="DurableTaskScheduler")
    hub = json.loads((ROOT / "host.json").read_text())["extensions"]["durableTask"]["hubName"]
    assert expansion.one("Microsoft.DurableTask/schedulers/taskHubs").name.endswith(f"/{hub}")
    connection = settings(expansion)[SCHEDULER["connectionStringName"]]
    assert f";TaskHub={hub};Authentication=ManagedIdentity;ClientID=<reference(" in connection
    assert expansion.one("Microsoft.Web/sites/extensions").body["properties"]["packageUri"] == (
        package("DurableTaskScheduler")
    )


@pytest.mark.parametrize(
    ("cloud", "audience"),
    [
        ("AzureCloud", "https://monitor.azure.com"),
        ("AzureUSGovernment", "https://monitor.azure.us"),
        ("AzureChinaCloud", "https://monitor.azure.cn"),
    ],
)
def test_other_clouds(cloud: str, audience: str) -> None:
    """Each cloud has its own audience for delivery, and no address of another one is anywhere."""
    expansion = deployed(Place(cloud=cloud))
    assert settings(expansion)["LOGS_INGESTION_SCOPE"] == f"{audience}/.default"
    if cloud != "AzureCloud":
        assert expansion.places("core.windows.net") == expansion.places("monitor.azure.com") == []


@pytest.mark.parametrize(
    ("retention", "total", "expected"),
    [
        (0, 0, (120, 120)),
        (0, 365, (120, 365)),
        (90, 0, (90, 90)),
        (90, 730, (90, 730)),
        (180, 90, (180, 180)),
    ],
)
def test_retention(retention: int, total: int, expected: tuple[int, int]) -> None:
    """Rows are kept as long as it says, never shorter than they can be queried; 0 is what the workspace has."""
    for table in deployed(retentionDays=retention, totalRetentionDays=total).of_type(TABLES):
        properties = table.body["properties"]
        assert (properties["retentionInDays"], properties["totalRetentionInDays"]) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("firstRunLookbackDays", 121),
        ("firstRunLookbackDays", -1),
        ("historyRetentionDays", 0),
        ("retentionDays", 731),
        ("totalRetentionDays", 4384),
        ("alwaysReadyInstances", 11),
        ("hostingPlan", "Consumption"),
        ("durableBackend", "MSSQL"),
        ("monitorPrincipalType", "Person"),
        ("appName", "x" * 41),
        ("pollSchedule", "daily"),
    ],
)
def test_bad_input_is_refused(name: str, value: Any) -> None:
    """What Azure can check, it checks before it makes anything."""
    with pytest.raises(ValueError, match=name):
        deployed(**{name: value})


def test_outputs() -> None:
    """They say where to go on, and have no key in them."""
    outputs = deployed().outputs
    assert outputs.keys() == {"appName", "identityPrincipalId", "statusUrl", "ruleId"}
    assert outputs["statusUrl"].startswith("https://")
    assert outputs["statusUrl"].endswith("/api/status")
    assert outputs["ruleId"].startswith("<reference(")


def test_the_simulator_enforces_this_very_rule() -> None:
    """Streams, transformations and tables of the local environment are the template's, which are those of sentinel/."""
    rule, expanded = read_rule(ROOT / "azuredeploy.json"), deployed().one(RULE).body["properties"]
    assert {flow["streams"][0]: flow["transformKql"] for flow in expanded["dataFlows"]} == {
        name: flow.transform_kql for name, flow in rule.flows.items()
    }
    for name, columns in read_tables(ROOT / "azuredeploy.json").items():
        source = schemas()[name]
        assert {each["name"]: each["type"].lower() for each in source["columns"]} == columns
        kql = one_line((SENTINEL / "transforms" / f"{name}.kql").read_text())
        assert kql == rule.flows[source["stream"]].transform_kql
        assert {each["name"]: each["type"] for each in stream_columns(source)} == rule.streams[source["stream"]]
