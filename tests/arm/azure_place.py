"""Where a template is deployed to: a resource group of a subscription in one of Azure's clouds."""

from dataclasses import dataclass, replace
from typing import Any

from tests.arm.azure_only import AzureOnly
from tests.arm.resource_ids import group_id

# Azure CLI, "az cloud list": portal, resource manager, login, suffixes of storage and of Key Vault. The keys are
# those of Azure Resource Manager docs, "Deployment functions", environment(); what no template here reads is missing.
_CLOUDS = {
    "AzureCloud": (
        "https://portal.azure.com",
        "https://management.azure.com/",
        "https://login.microsoftonline.com/",
        "core.windows.net",
        ".vault.azure.net",
    ),
    "AzureUSGovernment": (
        "https://portal.azure.us",
        "https://management.usgovcloudapi.net/",
        "https://login.microsoftonline.us/",
        "core.usgovcloudapi.net",
        ".vault.usgovcloudapi.net",
    ),
    "AzureChinaCloud": (
        "https://portal.azure.cn",
        "https://management.chinacloudapi.cn/",
        "https://login.chinacloudapi.cn/",
        "core.chinacloudapi.cn",
        ".vault.azure.cn",
    ),
}


@dataclass(frozen=True)
class Place:
    """A resource group; ``location`` is None where only Azure knows it."""

    subscription: str = "11111111-1111-1111-1111-111111111111"
    resource_group: str = "rg-onepassword"
    location: str | None = "westeurope"
    tenant: str = "99999999-9999-9999-9999-999999999999"
    cloud: str = "AzureCloud"

    @property
    def group_id(self) -> str:
        """The resource group's id."""
        return group_id(self.subscription, self.resource_group)

    def elsewhere(self, subscription: str, resource_group: str) -> "Place":
        """Another resource group of the same tenant; its region is known only if it is the same group."""
        other = replace(self, subscription=subscription, resource_group=resource_group)
        return other if other.group_id.lower() == self.group_id.lower() else replace(other, location=None)

    def environment(self) -> dict[str, Any]:
        """The answer of ``environment()``."""
        portal, manager, login, storage, vault = _CLOUDS[self.cloud]
        return {
            "name": self.cloud,
            "portal": portal,
            "resourceManager": manager,
            "authentication": {"loginEndpoint": login, "tenant": "common", "identityProvider": "AAD"},
            "suffixes": {"storage": storage, "keyvaultDns": vault},
        }

    def group(self) -> dict[str, Any]:
        """The answer of ``resourceGroup()``."""
        return {
            "id": self.group_id,
            "name": self.resource_group,
            "type": "Microsoft.Resources/resourceGroups",
            "location": self.location or AzureOnly(f"<resourceGroup({self.resource_group}).location>"),
            "tags": AzureOnly(f"<resourceGroup({self.resource_group}).tags>"),
            "properties": {"provisioningState": "Succeeded"},
        }

    def subscription_object(self) -> dict[str, Any]:
        """The answer of ``subscription()``."""
        return {
            "id": f"/subscriptions/{self.subscription}",
            "subscriptionId": self.subscription,
            "tenantId": self.tenant,
            "displayName": AzureOnly(f"<subscription({self.subscription}).displayName>"),
        }
