"""The Functions host's storage account, which the app keeps its dead letters in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from onepassword_sentinel.secure_url import split_url

# The host's own settings (Azure Functions, identity-based connections for the host's storage).
CONNECTION: Final = "AzureWebJobsStorage"
SERVICE_URI: Final = "AzureWebJobsStorage__blobServiceUri"
ACCOUNT_NAME: Final = "AzureWebJobsStorage__accountName"
CLIENT_ID: Final = "AzureWebJobsStorage__clientId"


@dataclass(frozen=True, slots=True)
class StorageAccount:
    """How to reach its blobs: with the app's identity at `url`, or with a connection string that has a key in it."""

    url: str = ""
    client_id: str = ""
    connection_string: str = field(default="", repr=False)

    @classmethod
    def parse(cls, values: Mapping[str, str], problems: list[str]) -> Self | None:
        """Read the host's settings; None where they name no account, as the host of a test may do without one."""
        client_id = values.get(CLIENT_ID, "").strip()
        if uri := values.get(SERVICE_URI, "").strip().rstrip("/"):
            parts = split_url(uri)
            if parts is None or parts.scheme != "https" or parts.query:
                problems.append(f"{SERVICE_URI} must be an https:// address, as the storage account shows it")
            return cls(uri, client_id)
        if name := values.get(ACCOUNT_NAME, "").strip():
            return cls(f"https://{name}.blob.core.windows.net", client_id)
        if connection_string := values.get(CONNECTION, "").strip():
            return cls(connection_string=connection_string)
        return None
