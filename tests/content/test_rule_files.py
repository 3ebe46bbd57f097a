"""The files of rules and hunting queries are what Microsoft Sentinel and its users expect of them."""

import re
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from deploy.content.sources import read_documents
from local.content import ScheduledRule, read_rules
from tests.content.planted import TEMPLATE

RULES: Final = read_documents("rules")
HUNTING: Final = read_documents("hunting")
SCHEDULED: Final = read_rules(TEMPLATE)

KEYS: Final = {
    "id", "name", "description", "meaning", "response", "needs", "severity", "tactics", "relevantTechniques",
    "queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold", "query", "entityMappings", "customDetails",
    "alertDetailsOverride", "eventGroupingSettings", "incidentConfiguration",
}  # fmt: skip
HUNTING_KEYS: Final = {"id", "name", "description", "needs", "tactics", "relevantTechniques", "query"}

# MITRE ATT&CK Enterprise: the techniques in use, and the tactics that each belongs to.
TECHNIQUES: Final = {
    "T1078": {"DefenseEvasion", "InitialAccess", "Persistence", "PrivilegeEscalation"},
    "T1098": {"Persistence", "PrivilegeEscalation"},
    "T1110": {"CredentialAccess"},
    "T1136": {"Persistence"},
    "T1199": {"InitialAccess"},
    "T1213": {"Collection"},
    "T1484": {"DefenseEvasion", "PrivilegeEscalation"},
    "T1539": {"CredentialAccess"},
    "T1550": {"DefenseEvasion", "LateralMovement"},
    "T1555": {"CredentialAccess"},
    "T1556": {"CredentialAccess", "DefenseEvasion", "Persistence"},
    "T1562": {"DefenseEvasion"},
    "T1567": {"Exfiltration"},
    "T1621": {"CredentialAccess"},
}

# What an entity is told by: Microsoft Learn, "Microsoft Sentinel entity types reference".
IDENTIFIERS: Final = {
    "Account": {"Name", "UPNSuffix", "FullName", "DisplayName", "ObjectGuid"},
    "IP": {"Address"},
    "CloudApplication": {"Name", "AppId", "InstanceName"},
    "Host": {"HostName"},
}
# Each function, and the stream that it reads; OnePasswordEvents() reads all.
STREAMS: Final = {
    "OnePasswordSignins": {"signinattempts"},
    "OnePasswordItemUsage": {"itemusages"},
    "OnePasswordAudit": {"auditevents"},
    "OnePasswordConnectorHealth_CL": {"health"},
}

each_rule = pytest.mark.parametrize("stem", RULES)
each_file = pytest.mark.parametrize("document", [*RULES.values(), *HUNTING.values()], ids=[*RULES, *HUNTING])


@each_rule
def test_a_rule_has_all_it_needs(stem: str) -> None:
    """No key is missing or misspelt, and the file is called in the way of all others."""
    assert set(RULES[stem]) == KEYS
    assert re.fullmatch(r"([A-Z][a-z0-9]*)+", stem)


@pytest.mark.parametrize("stem", HUNTING)
def test_a_hunting_query_has_all_it_needs(stem: str) -> None:
    """No key is missing or misspelt, and the file is called in the way of all others."""
    assert set(HUNTING[stem]) == HUNTING_KEYS
    assert re.fullmatch(r"([A-Z][a-z0-9]*)+", stem)


def test_ids_and_names_are_unique() -> None:
    """By its id a rule is found again by the next deployment; by its name by people."""
    documents = [*RULES.values(), *HUNTING.values()]
    for key in ("id", "name"):
        values = [document[key] for document in documents]
        assert len(set(values)) == len(values)
    assert all(str(UUID(document["id"])) == document["id"] for document in documents)


@each_file
def test_names_and_descriptions_follow_the_guide(document: dict[str, Any]) -> None:
    """As Microsoft's guide to the style of queries asks: a short name, and a description that says what is found."""
    assert re.fullmatch(r"1Password - [^A-Z ].*[^.]", document["name"])
    assert len(document["name"]) <= 60
    description = document["description"].strip()
    assert description.startswith(("Identifies ", "This query searches for "))
    assert description.endswith(".")
    assert len(description) <= 255


@each_file
def test_tactics_fit_the_techniques(document: dict[str, Any]) -> None:
    """Each technique belongs to a tactic that is named, and each tactic has one of its techniques."""
    tactics = set(document["tactics"])
    assert tactics
    for technique in document["relevantTechniques"]:
        assert TECHNIQUES[technique] & tactics, technique
    assert tactics <= set().union(*(TECHNIQUES[technique] for technique in document["relevantTechniques"]))


@each_file
def test_needs_are_what_the_query_reads(document: dict[str, Any]) -> None:
    """Whoever's token lacks a stream can tell which rules are blind."""
    used = set().union(*(streams for name, streams in STREAMS.items() if re.search(rf"\b{name}\b", document["query"])))
    named = set(re.findall(r"\"(signinattempts|itemusages|auditevents)\"", document["query"]))
    wide = re.search(r"\bOnePasswordEvents\b", document["query"])
    heartbeat = {"health"} if '"healthevents"' in document["query"] else set()
    assert used | heartbeat <= set(document["needs"])
    if not wide:
        assert used | heartbeat == set(document["needs"])
    elif named:
        assert used | named == set(document["needs"])


@each_rule
def test_a_rule_runs_when_microsoft_sentinel_allows_it(stem: str) -> None:
    """Every 5 minutes to 14 days over at most 14 days; what looks back 2 days and more runs once an hour at most."""
    rule = SCHEDULED[RULES[stem]["name"]]
    assert timedelta(minutes=5) <= rule.frequency <= rule.period <= timedelta(days=14)
    assert rule.period < timedelta(days=2) or rule.frequency >= timedelta(hours=1)


def in_kql(span: timedelta) -> str:
    """A time span as these queries write it: 5m, 1h, 1d."""
    minutes = int(span.total_seconds()) // 60
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"


@each_rule
def test_a_rule_looks_for_news(stem: str) -> None:
    """What triggers is what arrived since the run before: neither twice nor never; and no history from a backfill."""
    rule: ScheduledRule = SCHEDULED[RULES[stem]["name"]]
    assert f"ago({in_kql(rule.frequency)})" in rule.query
    assert "isempty(backfill_id)" in rule.query
    assert rule.period > rule.frequency


@each_rule
def test_joins_are_bounded(stem: str) -> None:
    """No join has the default kind, which drops all but one row of each key."""
    query = RULES[stem]["query"]
    assert len(re.findall(r"\|\s*join\b", query)) == len(re.findall(r"\|\s*join\s+kind=(?!innerunique)\w+", query))


@each_rule
def test_entities_are_told_by_what_they_have(stem: str) -> None:
    """Each entity has identifiers of its kind, at most three, and an account both halves of its name."""
    for entity in RULES[stem]["entityMappings"]:
        identifiers = {mapping["identifier"] for mapping in entity["fieldMappings"]}
        assert identifiers <= IDENTIFIERS[entity["entityType"]]
        assert len(identifiers) == len(entity["fieldMappings"]) <= 3
        assert ("Name" in identifiers) == ("UPNSuffix" in identifiers) or entity["entityType"] != "Account"
    assert len(RULES[stem]["entityMappings"]) <= 10
    assert len(RULES[stem]["customDetails"]) <= 20
