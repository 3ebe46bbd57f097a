"""What the environment sets is used, and an empty variable sets nothing."""

import pytest

from local.app_settings import has_own_destination, has_own_source, looks_back, passed_on


def test_app_settings_are_passed_on_and_nothing_else() -> None:
    """Whatever else is in the environment is not the app's business."""
    settings = {
        "ONEPASSWORD_TOKEN_ACME": "t",
        "LOGS_INGESTION_SCOPE": "s",
        "POLL_SCHEDULE": "p",
        "MONITOR_URL": "m",
        "AZURE_CLIENT_ID": "c",
        "AzureFunctionsJobHost__functionTimeout": "00:10:00",
    }
    assert passed_on({**settings, "EDITOR": "vi", "POLL": "1"}) == settings


@pytest.mark.parametrize(
    ("environment", "source", "destination"),
    [
        ({}, False, False),
        ({"ONEPASSWORD_TOKEN": "t"}, True, False),
        ({"ONEPASSWORD_TOKEN_ACME": "t"}, True, False),
        ({"ONEPASSWORD_TOKEN": " ", "LOGS_INGESTION_ENDPOINT": ""}, False, False),
        ({"ONEPASSWORD_EVENTS_URL": "u"}, False, False),
        ({"LOGS_INGESTION_RULE_ID": "r"}, False, True),
        ({"LOGS_INGESTION_ENDPOINT": "e"}, False, True),
        ({"LOGS_INGESTION_SCOPE": "s"}, False, False),
    ],
)
def test_only_what_is_not_overridden_is_simulated(
    environment: dict[str, str], *, source: bool, destination: bool
) -> None:
    """A token means the real 1Password, an endpoint or a rule the real delivery."""
    settings = passed_on(environment)
    assert (has_own_source(settings), has_own_destination(settings)) == (source, destination)


@pytest.mark.parametrize(("days", "far"), [("7", True), ("120", True), ("6", False), ("x", False)])
def test_a_short_look_back_is_known(days: str, *, far: bool) -> None:
    """Then not all of the backlog has to be asked for."""
    assert looks_back({"FIRST_RUN_LOOKBACK_DAYS": days}, 6.9) is far
