"""The host's storage settings are read as the host reads them."""

import pytest

from onepassword_sentinel.storage_account import StorageAccount

URI = "https://acct.blob.core.usgovcloudapi.net/"


@pytest.mark.parametrize(
    ("values", "account"),
    [
        ({}, None),
        ({"AzureWebJobsStorage": " "}, None),
        ({"AzureWebJobsStorage__blobServiceUri": URI}, StorageAccount("https://acct.blob.core.usgovcloudapi.net")),
        (
            {"AzureWebJobsStorage__blobServiceUri": URI, "AzureWebJobsStorage__clientId": "id"},
            StorageAccount("https://acct.blob.core.usgovcloudapi.net", "id"),
        ),
        ({"AzureWebJobsStorage__accountName": "acct"}, StorageAccount("https://acct.blob.core.windows.net")),
        ({"AzureWebJobsStorage": "AccountName=a;AccountKey=k"}, StorageAccount("", "", "AccountName=a;AccountKey=k")),
    ],
    ids=["none", "blank", "uri", "client id", "name", "connection string"],
)
def test_every_form_is_read(values: dict[str, str], account: StorageAccount | None) -> None:
    """The service's address works in every cloud, the account's name only in the public one."""
    problems: list[str] = []
    assert StorageAccount.parse(values, problems) == account
    assert problems == []


@pytest.mark.parametrize(
    "uri", ["http://acct.blob.core.windows.net", "acct", "https://acct/?sv=2024&sig=secret", "https://[secret"]
)
def test_an_address_that_would_send_a_token_in_the_clear_is_a_problem(uri: str) -> None:
    """It is named without being repeated: it may have a signature in it."""
    problems: list[str] = []
    StorageAccount.parse({"AzureWebJobsStorage__blobServiceUri": uri}, problems)
    (problem,) = problems
    assert "AzureWebJobsStorage__blobServiceUri must be an https:// address" in problem
    assert "secret" not in problem


def test_a_key_is_not_shown() -> None:
    """Not in a log, not in a traceback."""
    assert "topsecret" not in repr(StorageAccount(connection_string="AccountKey=topsecret"))
