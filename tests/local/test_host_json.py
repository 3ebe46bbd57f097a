"""host.json is read as the Functions host reads it."""

import json
from pathlib import Path

import pytest

from local.host import HostError
from local.host.functions import HostConfiguration

WINDOW = "extensions__durableTask__entityMessageReorderWindowInMinutes"


@pytest.mark.parametrize(
    ("section", "settings", "expected"),
    [
        ({}, {}, True),
        ({"entityMessageReorderWindowInMinutes": 0}, {}, False),
        ({"entityMessageReorderWindowInMinutes": 30}, {}, True),
        ({"entityMessageReorderWindowInMinutes": 0}, {f"AzureFunctionsJobHost__{WINDOW}": "30"}, True),
        ({}, {f"AzureFunctionsJobHost__{WINDOW}": "0"}, False),
        ({"entityMessageReorderWindowInMinutes": 30}, {f"AZUREFUNCTIONSJOBHOST__{WINDOW.upper()}": "0"}, False),
        (
            {"entityMessageReorderWindowInMinutes": 0},
            {f"AzureFunctionsJobHost:{WINDOW.replace('__', ':')}": "30"},
            True,
        ),
    ],
    ids=["default", "off", "on", "switched on", "switched off", "any case", "colons"],
)
def test_the_message_sorter(tmp_path: Path, section: dict, settings: dict, *, expected: bool) -> None:
    """The message sorter is on unless host.json, or an app setting that overrides it, sets its window to 0."""
    path = tmp_path / "host.json"
    path.write_text(json.dumps({"version": "2.0", "extensions": {"durableTask": section}}))
    assert HostConfiguration.read(path, settings).sorts_entity_messages is expected


@pytest.mark.parametrize(
    ("content", "settings", "seconds"),
    [
        ({}, {}, 1800),
        ({"functionTimeout": "00:20:00"}, {}, 1200),
        ({"functionTimeout": "1.02:03:04"}, {}, 93784),
        ({"functionTimeout": "-1"}, {}, None),
        ({"functionTimeout": -1}, {}, None),
        ({"functionTimeout": "00:20:00"}, {"AzureFunctionsJobHost__functionTimeout": "00:00:05"}, 5),
    ],
    ids=["default", "minutes", "days", "endless", "endless number", "setting"],
)
def test_the_function_timeout(tmp_path: Path, content: dict, settings: dict, seconds: float | None) -> None:
    """An invocation may take as long as host.json, or an app setting that overrides it, allows."""
    path = tmp_path / "host.json"
    path.write_text(json.dumps({"version": "2.0", **content}))
    assert HostConfiguration.read(path, settings).function_timeout == seconds


def test_an_invalid_function_timeout(tmp_path: Path) -> None:
    """What is no time span is named."""
    path = tmp_path / "host.json"
    path.write_text('{"functionTimeout": "20 minutes"}')
    with pytest.raises(HostError, match=r"functionTimeout in host\.json is invalid: '20 minutes'"):
        HostConfiguration.read(path, {})
