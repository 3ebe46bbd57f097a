"""Which of the environment's variables are app settings, and what stands in for those that are missing."""

from collections.abc import Mapping
from typing import Final

# Every app setting found in the environment is passed on, and what the identity library reads in Azure.
_PREFIXES: Final = (
    "ONEPASSWORD_",
    "LOGS_INGESTION_",
    "AzureWebJobs",
    "AZURE_",
    "IDENTITY_",
    "PYTHON_",
    "AzureFunctionsJobHost__",
)
_NAMES: Final = frozenset(
    {
        "POLL_SCHEDULE",
        "FIRST_RUN_LOOKBACK_DAYS",
        "HISTORY_RETENTION_DAYS",
        "MONITOR_URL",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NO_PROXY",
    }
)

DEFAULTS: Final = {
    "FIRST_RUN_LOOKBACK_DAYS": "7",
    # Without it the SDK builds objects from any payload that asks for it.
    "AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1",
}


def passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """Pick the app settings out of an environment; one that is empty is one that is not set."""
    return {
        name: value
        for name, value in environment.items()
        if value.strip() and (name in _NAMES or name.startswith(_PREFIXES))
    }


def looks_back(settings: Mapping[str, str], days: float) -> bool:
    """Tell whether a stream without a cursor starts at least so long ago."""
    text = settings["FIRST_RUN_LOOKBACK_DAYS"]
    return text.isdecimal() and int(text) >= days


def has_own_source(settings: Mapping[str, str]) -> bool:
    """Tell whether the settings name an account of the real 1Password."""
    return any(name == "ONEPASSWORD_TOKEN" or name.startswith("ONEPASSWORD_TOKEN_") for name in settings)


def has_own_destination(settings: Mapping[str, str]) -> bool:
    """Tell whether the settings name a data collection rule to deliver to."""
    return "LOGS_INGESTION_ENDPOINT" in settings or "LOGS_INGESTION_RULE_ID" in settings
