"""A small template such as the project's own: a Flex Consumption site, storage, a vault, nested deployments."""

import copy
from typing import Any, Final

SCHEMA: Final = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
SUBSCRIPTION: Final = "22222222-2222-2222-2222-222222222222"
GROUP: Final = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-onepassword"
WORKSPACE_GROUP: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-soc"
WORKSPACES: Final = "Microsoft.OperationalInsights/workspaces"
WORKSPACE: Final = f"{WORKSPACE_GROUP}/providers/{WORKSPACES}/soc"
NESTED: Final = "Microsoft.Resources/deployments"
TABLES_ID: Final = f"{WORKSPACE_GROUP}/providers/{NESTED}/tables"
ROLES: Final = "Microsoft.Authorization/roleAssignments"
OWNER: Final = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
PARAMETERS: Final = {"workspace": WORKSPACE, "token": "secret-token"}


def template(*resources: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """A template of these resources."""
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", **sections, "resources": list(resources)}


def symbolic(resources: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """A template of the language version 2.0, of these resources by their symbolic names."""
    return template(**sections) | {"languageVersion": "2.0", "resources": resources}


def resource(of_type: str, name: str, /, **rest: Any) -> dict[str, Any]:
    """A resource; `rest` is what else it declares."""
    return {"type": of_type, "apiVersion": "2024-01-01", "name": name, **rest}


def nested(
    name: str, inside: dict[str, Any], *, scope: str = "inner", passed: Any = None, **rest: Any
) -> dict[str, Any]:
    """A nested deployment of the template `inside`, to which the values `passed` are given."""
    properties: dict[str, Any] = {"mode": "Incremental", "expressionEvaluationOptions": {"scope": scope}}
    if passed is not None:
        properties["parameters"] = {key: {"value": value} for key, value in passed.items()}
    return resource(NESTED, name, properties=properties | {"template": inside}, **rest)


_TABLES = nested(
    "tables",
    template(
        resource(
            f"{WORKSPACES}/tables",
            "[concat(parameters('workspaceName'), '/Events_CL')]",
            properties={"retentionInDays": "[if(equals(parameters('days'), 0), -1, parameters('days'))]"},
        ),
        resource(
            "Microsoft.SecurityInsights/alertRules",
            "[guid(parameters('workspaceName'), 'silent')]",
            scope=f"[concat('{WORKSPACES}/', parameters('workspaceName'))]",
            kind="Scheduled",
            dependsOn=[
                f"[resourceId('{WORKSPACES}/tables', parameters('workspaceName'), 'Events_CL')]",
            ],
            properties={"query": "Events_CL | where x matches regex '[[a-z]'"},
        ),
        parameters={"workspaceName": {"type": "string"}, "days": {"type": "int", "defaultValue": 0}},
        outputs={"group": {"type": "string", "value": "[resourceGroup().name]"}},
    ),
    passed={"workspaceName": "[last(split(parameters('workspace'), '/'))]"},
    subscriptionId="[split(parameters('workspace'), '/')[2]]",
    resourceGroup="[split(parameters('workspace'), '/')[4]]",
)

_SECRET = nested(
    "secret",
    template(
        resource(
            "Microsoft.KeyVault/vaults/secrets",
            "[concat(parameters('vault'), '/token')]",
            properties={"value": "[parameters('value')]"},
        ),
        parameters={"vault": {"type": "string"}, "value": {"type": "securestring"}},
    ),
    passed={"vault": "[variables('vault')]", "value": "[parameters('token')]"},
    dependsOn=["[variables('vault')]"],
    condition="[variables('ownVault')]",
)

_TEMPLATE = template(
    resource(
        "Microsoft.Storage/storageAccounts",
        "[variables('storage')]",
        location="[parameters('location')]",
        sku={"name": "Standard_LRS"},
        kind="StorageV2",
        properties={"minimumTlsVersion": "TLS1_2", "supportsHttpsTrafficOnly": True, "networkAcls": None},
    ),
    resource(
        ROLES,
        f"[guid(variables('storageId'), '{OWNER}')]",
        scope="[concat('Microsoft.Storage/storageAccounts/', variables('storage'))]",
        dependsOn=["[variables('storageId')]"],
        properties={
            "roleDefinitionId": f"[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '{OWNER}')]",
        },
    ),
    resource(
        "Microsoft.KeyVault/vaults",
        "[variables('vault')]",
        condition="[variables('ownVault')]",
        location="[parameters('location')]",
        properties={"tenantId": "[subscription().tenantId]"},
    ),
    _SECRET,
    _TABLES,
    resource(
        "Microsoft.Web/sites",
        "[concat('app-', uniqueString(resourceGroup().id))]",
        location="[parameters('location')]",
        kind="functionapp,linux",
        dependsOn=[
            "[variables('storageId')]",
            f"[extensionResourceId(variables('storageId'), '{ROLES}', guid(variables('storageId'), '{OWNER}'))]",
            "[variables('vaultId')]",
            TABLES_ID,
        ],
        properties={
            "token": "[if(variables('ownVault'), variables('reference'), parameters('token'))]",
            "vault": "[if(variables('ownVault'), reference(variables('vaultId')).vaultUri, null())]",
            "blobs": "[reference(variables('storageId'), '2024-01-01').primaryEndpoints.blob]",
            "runtime": {"name": "python", "[variables('storage')]": "[createArray(variables('storage'))]"},
        },
    ),
    parameters={
        "workspace": {"type": "string"},
        "token": {"type": "securestring", "minLength": 3},
        "location": {"type": "string", "defaultValue": "[resourceGroup().location]"},
        "plan": {"type": "string", "defaultValue": "Flex", "allowedValues": ["Flex", "Premium"]},
        "instances": {"type": "int", "defaultValue": 1, "minValue": 1, "maxValue": 4},
    },
    variables={
        "storage": "[concat('st', uniqueString(resourceGroup().id))]",
        "storageId": "[resourceId('Microsoft.Storage/storageAccounts', variables('storage'))]",
        "vault": "kv-sample",
        "vaultId": "[resourceId('Microsoft.KeyVault/vaults', variables('vault'))]",
        "reference": "[format('@Microsoft.KeyVault(VaultName={0};SecretName=token)', variables('vault'))]",
        "ownVault": "[not(startsWith(parameters('token'), '@Microsoft.KeyVault('))]",
    },
    outputs={
        "plan": {"type": "string", "value": "[concat(parameters('plan'), parameters('instances'))]"},
        "group": {
            "type": "string",
            "value": f"[reference('{TABLES_ID}').outputs.group.value]",
        },
    },
)


def sample() -> dict[str, Any]:
    """The template, anew each time, so that a test can change it."""
    return copy.deepcopy(_TEMPLATE)
