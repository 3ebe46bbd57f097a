"""Where rows go: the data collection rule, as the app settings name it.

It is read apart from the accounts, so that what is wrong with these can be told in the health table.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from onepassword_sentinel.secure_url import is_secure_url

ENDPOINT: Final = "LOGS_INGESTION_ENDPOINT"
RULE_ID: Final = "LOGS_INGESTION_RULE_ID"
SCOPE: Final = "LOGS_INGESTION_SCOPE"

# Input streams of the data collection rule (sentinel/tables).
EVENTS_STREAM: Final = "Custom-OnePasswordEvents"
HEALTH_STREAM: Final = "Custom-OnePasswordConnectorHealth"
# Azure public cloud; Azure Government and China have audiences of their own (Logs Ingestion API overview).
DEFAULT_SCOPE: Final = "https://monitor.azure.com/.default"


@dataclass(frozen=True, slots=True)
class Destination:
    """A data collection rule's endpoint and immutable id, and the scope of the tokens that it takes."""

    endpoint: str
    rule_id: str
    scope: str = DEFAULT_SCOPE

    @classmethod
    def parse(cls, values: Mapping[str, str], problems: list[str]) -> Self:
        """Read the settings; nothing can be delivered where that adds to `problems`."""
        return cls(_endpoint(values, problems), _rule_id(values, problems), _scope(values, problems))


def _endpoint(values: Mapping[str, str], problems: list[str]) -> str:
    endpoint = values.get(ENDPOINT, "").strip().rstrip("/")
    if not endpoint:
        problems.append(f"{ENDPOINT} is missing: take the data collection rule's logsIngestion endpoint")
    elif not is_secure_url(endpoint):
        problems.append(f"{ENDPOINT} must be an https:// address without path, as the data collection rule shows it")
    return endpoint


def _rule_id(values: Mapping[str, str], problems: list[str]) -> str:
    rule_id = values.get(RULE_ID, "").strip()
    if not rule_id:
        problems.append(f"{RULE_ID} is missing: take the data collection rule's immutable id (dcr-...)")
    elif not re.fullmatch(r"dcr-[0-9A-Za-z]+", rule_id):
        problems.append(
            f"{RULE_ID} must be the rule's immutable id, which looks like dcr-0123456789abcdef, not its name"
        )
    return rule_id


def _scope(values: Mapping[str, str], problems: list[str]) -> str:
    scope = values.get(SCOPE, "").strip() or DEFAULT_SCOPE
    if not (scope.startswith("https://") and scope.endswith("/.default")):
        problems.append(f"{SCOPE} must look like {DEFAULT_SCOPE}")
    return scope
