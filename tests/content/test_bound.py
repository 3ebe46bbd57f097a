"""Microsoft's Kusto language service finds nothing wrong with any text, and would find it if there were."""

from typing import Final

import pytest

from deploy.content.sources import read_documents
from tests.content.kql_texts import MEMBERS, members, queries, source_of, transforms
from tests.content.kusto import Bound, bind, tables

QUERIES: Final = queries()
RULES: Final = read_documents("rules")


@pytest.fixture(scope="module")
def bound() -> dict[str, Bound]:
    """What the service says of each text; asked once, because it takes a second to start."""
    return dict(zip(QUERIES, bind(list(QUERIES.values())), strict=True))


@pytest.mark.parametrize("name", QUERIES)
def test_no_text_has_an_error(bound: dict[str, Bound], name: str) -> None:
    """Every column, table and function that it names is there, with the type that is needed."""
    assert bound[name].errors == []
    assert bound[name].columns
    assert "unknown" not in bound[name].columns.values()


@pytest.mark.parametrize("table", transforms())
def test_a_transformation_gives_the_table_its_columns(table: str) -> None:
    """Over the columns of the stream it has no error, and what it gives is what the table takes."""
    (transformed,) = bind([transforms()[table]], functions=[], known={"source": source_of(table)})
    assert transformed.errors == []
    wanted = tables()[table]
    assert {name: kind for name, kind in transformed.columns.items() if wanted.get(name) != kind} == {}
    assert "TimeGenerated" in transformed.columns


@pytest.mark.parametrize(
    "wrong",
    [
        "OnePasswordEventLogs_CL | where log_sorce == 'auditevents'",
        "OnePasswordEventLogs_CL | where Log_source == 'auditevents'",
        "OnePasswordEventLogs_CL | where log_source = 'auditevents'",
        "OnePasswordEventLogs | count",
        "OnePasswordAudits() | count",
        "OnePasswordAudit() | where ActorEMail == ''",
        "OnePasswordAudit() | summarize count() by Actor | where EventAction == 'export'",
        "OnePasswordEvents() | where isempy(backfill_id)",
        "OnePasswordEvents() | extend a = strlen(Actor, 1)",
    ],
)
def test_the_service_finds_mistakes(wrong: str) -> None:
    """A misspelt name, a wrong case, a column that is gone, an unknown function and a wrong call are errors."""
    assert bind([wrong])[0].errors != []


def test_a_mistake_within_a_function_is_found() -> None:
    """Also in a text that only functions of functions use."""
    text = QUERIES["function OnePasswordEvents"]
    assert bind([text.replace("arg_min(Precedence", "arg_min(Precedense")])[0].errors != []


@pytest.mark.parametrize("name", [*QUERIES, *transforms()])
def test_members_of_objects_exist(name: str) -> None:
    """1Password's events have what a text reads inside an object."""
    text = QUERIES.get(name) or transforms()[name]
    assert {(column, member) for column, member in members(text) if member not in MEMBERS[column]} == set()


def test_wrong_members_are_found() -> None:
    """The names that Microsoft's content gets wrong are seen, however written; texts and comments are not code."""
    assert members("T | extend a = session.ip_address, b = tostring(location['state'])") == {
        ("session", "ip_address"),
        ("location", "state"),
    }
    assert members('T | where x == "a session.ip_address" // session.state\n| extend my_session.ip') == set()
    assert members(QUERIES["function OnePasswordEvents"]) >= {("session", "ip"), ("location", "latitude")}


@pytest.mark.parametrize("stem", RULES)
def test_a_rule_names_columns_of_its_answer(bound: dict[str, Bound], stem: str) -> None:
    """Entities are made of strings; details, titles and grouping name columns that are there."""
    rule, columns = RULES[stem], bound[f"rule {stem}"].columns
    for entity in rule["entityMappings"]:
        for mapping in entity["fieldMappings"]:
            assert columns.get(mapping["columnName"]) == "string", mapping
    assert [name for name in rule["customDetails"].values() if name not in columns] == []
    for text in rule["alertDetailsOverride"].values():
        named = [part.partition("}}")[0] for part in text.split("{{")[1:]]
        assert [name for name in named if name not in columns] == []
        assert len(named) <= 3
    grouping = rule["incidentConfiguration"]["groupingConfiguration"]
    assert set(grouping.get("groupByEntities", [])) <= {entity["entityType"] for entity in rule["entityMappings"]}
    assert set(grouping.get("groupByCustomDetails", [])) <= set(rule["customDetails"])
