"""The query functions give each event once, whole, and in one schema with words for 1Password's codes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.content.sources import read_text
from local.onepassword.vocabulary import AUDIT_PAIRS, ITEM_USAGE_ACTIONS, SIGNIN_TYPES
from local.workspace import Workspace
from tests.content.kusto import bind, tables
from tests.content.planted import (
    ACCOUNT,
    NOW,
    Planted,
    audit,
    days,
    heartbeat,
    minutes,
    person,
    plant,
    planted,
    signin,
    usage,
)

TABLE: Final = "OnePasswordEventLogs_CL"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    workspace = planted(tmp_path / "workspace.duckdb", [])
    yield workspace
    workspace.close()


def ask(workspace: Workspace, kql: str) -> list[dict[str, Any]]:
    columns, rows = workspace.query(kql, at=NOW)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def one(workspace: Workspace, function: str, row: Planted) -> dict[str, Any]:
    plant(workspace, [row])
    (found,) = ask(workspace, f"{function}()")
    return found


def test_each_event_is_there_once(workspace: Workspace) -> None:
    """The first of several rows of an event stays, and what the connector says of itself is left out."""
    event = audit("mia", "export", "vault", minutes(50))
    plant(workspace, [event, event.again(minutes(45)), event.again(minutes(40)).backfilled(), heartbeat(minutes(50))])
    plant(workspace, [usage("mia", ago=minutes(50))])
    found = ask(workspace, "OnePasswordEvents() | order by EventType asc")
    assert [(row["EventType"], row["TimeGenerated"]) for row in found] == [
        ("auditevents", NOW - minutes(50)),
        ("itemusages", NOW - minutes(50)),
    ]


def test_a_live_row_goes_before_a_backfilled_one(workspace: Workspace) -> None:
    """Rules leave out what was backfilled, so an event that a backfill brought first must not be lost to them."""
    event = signin("mia", days(2), seen=minutes(30))
    plant(workspace, [event.again(minutes(40)).backfilled(), event, event.again(minutes(20))])
    (found,) = ask(workspace, "OnePasswordSignins()")
    assert (found["backfill_id"], found["TimeGenerated"]) == ("", NOW - minutes(30))


def test_whole_rows_are_kept() -> None:
    """Each function gives all columns of the table, with their types, beside its own."""
    functions = ["OnePasswordEvents", "OnePasswordSignins", "OnePasswordItemUsage", "OnePasswordAudit"]
    found, *others = bind([f"{name}()" for name in functions])
    kept = {name: kind for name, kind in tables()[TABLE].items() if found.columns.get(name) != kind}
    assert kept == {}
    for other in others:
        assert {name: kind for name, kind in found.columns.items() if other.columns.get(name) != kind} == {}


def test_no_two_columns_differ_only_in_case() -> None:
    """People read names without case, and so do many tools."""
    for answer in bind(["OnePasswordEvents()", "OnePasswordSignins()", "OnePasswordItemUsage()", "OnePasswordAudit()"]):
        assert len({name.casefold() for name in answer.columns}) == len(answer.columns) > 50


COMMON: Final = {
    "EventTime": NOW - minutes(2),
    "AccountUuid": ACCOUNT,
    "ActorUuid": person("mia")["uuid"],
    "ActorName": "Mia",
    "ActorEmail": "mia@example.com",
    "ActorType": "user",
    "ActorAccountUuid": ACCOUNT,
    "Actor": "mia@example.com",
    "ActorUpnName": "mia",
    "ActorUpnSuffix": "example.com",
    "SrcIpAddr": "192.0.2.10",
    "SrcGeoCity": "Berlin",
    "SrcGeoLatitude": 52.52,
    "SrcGeoLongitude": 13.405,
}


@pytest.mark.parametrize(
    ("row", "own"),
    [
        (
            signin("mia"),
            {"EventType": "signinattempts", "EventAction": "credentials_ok", "EventResult": "Success",
             "SrcGeoCountry": "DE", "AppName": "1Password for Mac", "OsName": "MacOSX", "ObjectType": ""},
        ),
        (
            usage("mia", "reveal"),
            {"EventType": "itemusages", "EventAction": "reveal", "EventResult": "Success", "SrcGeoCountry": "Germany",
             "AppName": "1Password for Mac", "ObjectType": "item", "ObjectUuid": "item".ljust(26, "i"),
             "VaultUuid": "vault".ljust(26, "v")},
        ),
        (
            audit("mia", "grant", "uva", vault="vault", subject="tom"),
            {"EventType": "auditevents", "EventAction": "grant", "EventResult": "Success", "SrcGeoCountry": "Germany",
             "AppName": "", "ObjectType": "uva", "VaultUuid": "vault".ljust(26, "v")},
        ),
    ],
    ids=["signinattempts", "itemusages", "auditevents"],
)  # fmt: skip
def test_one_schema_for_the_three_kinds(workspace: Workspace, row: Planted, own: dict[str, Any]) -> None:
    """Who, when and where from stand in the same columns, whatever the event is; values are no longer JSON."""
    found = one(workspace, "OnePasswordEvents", row)
    expected = COMMON | {"EventUuid": row.uuid} | own
    assert {name: found[name] for name in expected if name != "EventTime"} == {
        name: value for name, value in expected.items() if name != "EventTime"
    }
    assert abs(found["EventTime"] - expected["EventTime"]) < minutes(0.001)


@pytest.mark.parametrize(
    "row",
    [
        signin("mia", target_user=None, client=None, location=None, country=None, account_uuid=None),
        usage("mia", user=None, client=None, location=None, action=None, account_uuid=None),
        audit("mia", "create", "card", actor_details=None, session=None, location=None, actor_type=None),
    ],
    ids=["signinattempts", "itemusages", "auditevents"],
)
def test_missing_details_are_empty(workspace: Workspace, row: Planted) -> None:
    """An event without them is there all the same, and no text is null."""
    found = one(workspace, "OnePasswordEvents", row)
    kinds = bind(["OnePasswordEvents()"])[0].columns
    assert [name for name, value in found.items() if kinds[name] == "string" and value is None] == []
    assert found["SrcGeoLatitude"] is None
    assert found["Actor"] == (person("mia")["uuid"] if row.source == "auditevents" else "")


def test_an_event_without_a_time_has_that_of_its_ingestion(workspace: Workspace) -> None:
    """Nothing falls out of a chart for want of a timestamp."""
    found = one(workspace, "OnePasswordEvents", signin("mia", minutes(3), timestamp="yesterday"))
    assert found["EventTime"] == NOW - minutes(3)


@pytest.mark.parametrize(
    ("category", "result", "reported"),
    [
        ("success", "Success", False),
        ("firewall_reported_success", "Success", True),
        ("credentials_failed", "Failure", False),
        ("firewall_failed", "Failure", False),
        ("something_new", "Failure", False),
    ],
)
def test_result_of_a_signin(workspace: Workspace, category: str, result: str, reported: bool) -> None:  # noqa: FBT001
    """A sign-in that the firewall only reported went through; a category that is not known yet is no success."""
    found = one(workspace, "OnePasswordSignins", signin("mia", category=category, details={"value": "DE"}))
    assert (found["EventResult"], found["ReportedByFirewall"]) == (result, reported)
    assert found["FirewallMatch"] == "DE"


@pytest.mark.parametrize(
    ("row", "subject", "vault", "group"),
    [
        (audit("mia", "suspend", "user", subject="tom"), "tom@example.com", "", ""),
        (audit("mia", "grant", "uva", vault="v1", subject="tom"), "tom@example.com", "v1", ""),
        (audit("mia", "grant", "gva", vault="v1", group="g1"), "", "v1", "g1"),
        (audit("mia", "join", "gm", group="g1", subject="tom", info="A"), "tom@example.com", "", "g1"),
        (audit("mia", "export", "vault", vault="v1"), "", "v1", ""),
        (audit("mia", "create", "device", subject="tom"), "tom@example.com", "", ""),
        (audit("mia", "delete", "user", object_uuid="GONE"), "GONE", "", ""),
    ],
    ids=["user", "uva", "gva", "gm", "vault", "device", "user without details"],
)
def test_whom_and_what_an_audit_event_is_about(
    workspace: Workspace, row: Planted, subject: str, vault: str, group: str
) -> None:
    """The person, the vault and the group are found where 1Password puts them for that kind of object."""
    found = one(workspace, "OnePasswordAudit", row)
    assert (found["Subject"], found["VaultUuid"], found["GroupUuid"]) == (
        subject, vault and vault.ljust(26, "v"), group and group.ljust(26, "g"),
    )  # fmt: skip
    assert (found["SubjectUpnName"], found["SubjectUpnSuffix"]) == (
        ("tom", "example.com") if "@" in subject else (subject and "", "")
    )


def words(function: str, column: str) -> dict[str, str]:
    """The lookup of a function: code to words."""
    table = read_text("functions", f"{function}.kql").split(f"({column}: string")[1].split("];")[0]
    pairs = re.findall(r'^ +"([^"]+)", "([^"]+)",?$', table, re.MULTILINE)
    assert len(pairs) == len(dict(pairs)) == table.count("\n") - 2
    return dict(pairs)


def test_every_code_has_words() -> None:
    """All that 1Password documents, and nothing else, is in the lookups."""
    actions = {pair.action for pair in AUDIT_PAIRS}
    assert set(words("OnePasswordAudit", "EventAction")) == actions
    assert len(actions) == 79
    assert set(words("OnePasswordAudit", "ObjectType")) == {pair.object_type for pair in AUDIT_PAIRS}
    assert set(words("OnePasswordItemUsage", "EventAction")) == set(ITEM_USAGE_ACTIONS.split())
    reasons = {kind for kinds in SIGNIN_TYPES.values() for kind in kinds.split()}
    # Version 1.2.0 of the API's description spells it so.
    assert set(words("OnePasswordSignins", "EventAction")) == reasons | {"u2f_timout"}


def test_words_and_codes_that_are_new(workspace: Workspace) -> None:
    """Known codes read as words; what 1Password adds later stands under its own name instead of being lost."""
    plant(workspace, [audit("mia", "updatfw", "account"), audit("mia", "teleport", "wormhole"), usage("mia", "sniff")])
    plant(workspace, [signin("mia", kind="dna_bad")])
    found = ask(workspace, "OnePasswordAudit() | order by EventAction desc")
    assert [(row["ActionName"], row["ObjectTypeName"]) for row in found] == [
        ("changed the firewall rules of", "account"),
        ("teleport", "wormhole"),
    ]
    assert [row["ActionName"] for row in ask(workspace, "OnePasswordItemUsage()")] == ["sniff"]
    assert [row["Reason"] for row in ask(workspace, "OnePasswordSignins()")] == ["dna_bad"]
