"""The app settings have the same names everywhere: what the code reads, the template writes, and documents explain."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from onepassword_sentinel.errors import SettingsError
from onepassword_sentinel.settings import Settings
from onepassword_sentinel.storage_account import StorageAccount
from tests.deploy.switches import TOKEN
from tests.deploy.test_template import deployed, settings

ROOT: Final = Path(__file__).resolve().parents[2]
# Read by the libraries and the host, not by this code.
OF_THE_IDENTITY: Final = {"AZURE_CLIENT_ID"}
OF_THE_SDK: Final = {"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING"}
OF_THE_HOST: Final = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__queueServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
    "DURABLE_TASK_SCHEDULER_CONNECTION_STRING",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_RUNTIME",
    "WEBSITE_RUN_FROM_PACKAGE",
}
# Other ways to name the storage account than the template's.
OTHER_STORAGE: Final = {"AzureWebJobsStorage", "AzureWebJobsStorage__accountName"}
FURTHER_ACCOUNTS: Final = {"ONEPASSWORD_TOKEN_<NAME>", "ONEPASSWORD_EVENTS_URL_<NAME>"}


class Recorder(Mapping[str, str]):
    """An environment that remembers which names it was asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.asked: set[str] = set()
        self._values = values

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@pytest.fixture(scope="module")
def read() -> set[str]:
    """Provide the names that the code reads."""
    recorder = Recorder({"ONEPASSWORD_TOKEN": TOKEN})
    with pytest.raises(SettingsError):
        Settings.parse(recorder, now=datetime.now(UTC))
    for storage in ({}, {"AzureWebJobsStorage__blobServiceUri": "https://x"}):
        also = Recorder(storage)
        StorageAccount.parse(also, [])
        recorder.asked |= also.asked
    return recorder.asked


@pytest.fixture(scope="module")
def written() -> set[str]:
    """Provide the names that the template writes, with all switches in all positions."""
    values: dict[str, Any] = {"monitorUrl": "https://dfm.example/Hub", "onePasswordEventsUrl": "https://events.example"}
    other: dict[str, Any] = {"hostingPlan": "ElasticPremium", "durableBackend": "DurableTaskScheduler"}
    return settings(deployed(**values)).keys() | settings(deployed(**values, **other)).keys()


def test_the_template_writes_what_the_code_reads(read: set[str], written: set[str]) -> None:
    """Nothing that the code reads is left to its default by accident, and nothing is written that nobody reads."""
    assert written == (read - OTHER_STORAGE) | OF_THE_IDENTITY | OF_THE_SDK | OF_THE_HOST


def test_the_readme_explains_them_all(read: set[str], written: set[str]) -> None:
    """Its table names every setting that is read or written, and no other."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme[readme.index("\n## Settings\n") :].partition("\n\nSettings are")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([A-Za-z_<>]+)`", row)}
    assert named == read | written | FURTHER_ACCOUNTS


def test_the_example_for_core_tools_names_them_all(read: set[str]) -> None:
    """Whoever runs `func start` finds every setting that the code reads."""
    values = json.loads((ROOT / "local.settings.example.json").read_text(encoding="utf-8"))["Values"]
    storage = {name for name in read if name.startswith("AzureWebJobsStorage__")}
    assert values.keys() == (read - storage) | OF_THE_IDENTITY | OF_THE_SDK | {"FUNCTIONS_WORKER_RUNTIME"}
