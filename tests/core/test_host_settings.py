"""The setting without which no event is delivered is checked in host.json and in the app settings."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from onepassword_sentinel.host_settings import host_problems

ROOT = Path(__file__).resolve().parents[2]
NAME = "entityMessageReorderWindowInMinutes"
SETTING = f"AzureFunctionsJobHost__extensions__durableTask__{NAME}"


def host_json(durable_task: Any) -> bytes:
    return json.dumps({"version": "2.0", "extensions": {"durableTask": durable_task}}).encode()


RIGHT = host_json({NAME: 0})


def test_the_deployed_host_json_switches_the_sorter_off() -> None:
    """With any other value the Durable extension drops all messages to entities, and no event is delivered."""
    content = (ROOT / "host.json").read_bytes()
    assert json.loads(content)["extensions"]["durableTask"][NAME] == 0
    assert host_problems(content, {}) == []


def test_the_deployed_host_json_limits_the_stall_after_a_lost_instance() -> None:
    """Queue messages of a lost instance, hidden side by side, show up again and are fetched within 130 seconds.

    Measured on the Durable extension 3.19.0 with Azurite, three streams at work: 310 s of silence with both timeouts at
    their default of 5 minutes; 60 to 95 s with work items at 1:30, and a page of a stream doubled; 29 to 77 s with
    work items at 0:30, but up to 8,942 rows doubled, because activities start again before their commits are applied.
    The partitions of a lost instance are free after 30 to 40 s, which host.json cannot change.
    """
    provider = json.loads((ROOT / "host.json").read_bytes())["extensions"]["durableTask"]["storageProvider"]
    control, work_items, polling = (
        timedelta(**dict(zip(("hours", "minutes", "seconds"), map(int, provider[name].split(":")), strict=True)))
        for name in ("controlQueueVisibilityTimeout", "workItemQueueVisibilityTimeout", "maxQueuePollingInterval")
    )
    # The extension does not start with less.
    assert control >= timedelta(minutes=1)
    # A message is fetched one polling interval later, and so is the answer to it.
    assert max(control, work_items) + 2 * polling <= timedelta(seconds=130)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (host_json({}), "but it is missing"),
        (b"{}", "but it is missing"),
        (b"[]", "but it is missing"),
        (host_json([]), "but it is missing"),
        (host_json({NAME: 30}), "but it has another value"),
        (host_json({NAME: None}), "but it has another value"),
        (host_json({NAME: False}), "but it has another value"),
        (host_json({NAME: "0x"}), "but it has another value"),
        (host_json({NAME: ""}), "but it has another value"),
        (host_json({NAME: 0, NAME.upper(): 1}), "but it has another value"),
        (b"", "host.json cannot be read"),
        (b"{\xff", "host.json cannot be read"),
    ],
)
def test_a_host_json_without_the_setting_is_named(content: bytes, says: str) -> None:
    """One sentence says what is wrong and what to do."""
    (problem,) = host_problems(content, {})
    assert says in problem
    assert f"extensions.durableTask.{NAME}" in problem
    assert "Deploy the released package again" in problem


@pytest.mark.parametrize(
    "content",
    [
        RIGHT,
        host_json({NAME: "0"}),
        host_json({NAME.lower(): 0}),
        b"\xef\xbb\xbf" + RIGHT,
        b'{"Extensions": {"DURABLETASK": {"EntityMessageReorderWindowInMinutes": 0}}}',
    ],
)
def test_what_the_host_reads_as_zero_is_right(content: bytes) -> None:
    """The host takes text for a number, and names in any case."""
    assert host_problems(content, {"AzureFunctionsJobHost__functionTimeout": "00:10:00"}) == []


@pytest.mark.parametrize("name", [SETTING, SETTING.upper(), SETTING.lower(), SETTING.replace("__", ":")])
@pytest.mark.parametrize("value", ["30", "", "00:00:00", "zero"])
def test_an_app_setting_that_overrides_it_is_named(name: str, value: str) -> None:
    """It wins over host.json, however it is spelled."""
    (problem,) = host_problems(RIGHT, {name: value, "AzureWebJobsStorage": "x"})
    assert problem.startswith(f"The app setting {name} must be 0")
    assert problem.endswith("Delete the app setting, and restart the app")


def test_an_app_setting_can_put_it_right() -> None:
    """It is the value in effect that counts."""
    assert host_problems(host_json({NAME: 30}), {SETTING: " 0 "}) == []
