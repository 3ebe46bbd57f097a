"""The connector's page says "connected" when news arrive and at no other time, counts what it names, and leads on."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.content.connector_page import connector_page
from deploy.content.tables import schemas
from deploy.publication import Publication
from tests.content.connector_queries import connector_queries, samples, ui_config
from tests.content.kusto import ROOT, Bound, bind
from tests.content.planted import NOW, Planted, audit, days, health, heartbeat, minutes, planted, signin, usage
from tests.deploy.wizard_form import WIZARD, choices_of, elements

CONFIG: Final = ui_config()
QUERIES: Final = connector_queries()
STREAMS: Final = {"Sign-in attempts": "signinattempts", "Item usages": "itemusages", "Audit events": "auditevents"}
# What the portal puts behind a graph's query, as far as Microsoft says: a count over time.
OVER_TIME: Final = "\n| summarize Rows = count() by bin(TimeGenerated, 1d)"


@pytest.fixture(scope="module")
def bound() -> dict[str, Bound]:
    """What Microsoft's language service says of each query, and of each graph's as the portal goes on with it."""
    texts = QUERIES | {f"{name}, over time": text + OVER_TIME for name, text in QUERIES.items() if "graph" in name}
    return dict(zip(texts, bind(list(texts.values())), strict=True))


def asked(folder: Path, query: str, rows: Iterable[Planted]) -> list[dict[str, Any]]:
    """The answer of a query at NOW."""
    workspace = planted(folder / "workspace.duckdb", rows)
    try:
        columns, answer = workspace.query(query, at=NOW)
    finally:
        workspace.close()
    return [dict(zip(columns, row, strict=True)) for row in answer]


def test_every_query_binds(bound: dict[str, Bound]) -> None:
    """No table, function or column is misspelt, also in the samples that people copy."""
    assert {name: each.errors for name, each in bound.items() if each.errors} == {}
    assert len(QUERIES) == len(CONFIG["graphQueries"]) + len(CONFIG["dataTypes"]) + 1 + len(samples(CONFIG)) >= 10


@pytest.mark.parametrize(
    "rows",
    [
        [signin("mia", minutes(2))],
        [usage("mia", ago=minutes(2))],
        [audit("mia", "create", "vault", minutes(2))],
        [signin("mia", days(0.99))],
        # Item usages may be late: it is the arrival that counts.
        [usage("mia", ago=days(1.5), seen=minutes(5))],
        [heartbeat(minutes(2)), signin("mia", minutes(2)), signin("ben", minutes(3)).backfilled()],
    ],
)
def test_connected(rows: list[Planted], tmp_path: Path) -> None:
    """One event of whatever kind that arrived in the last day is enough."""
    assert asked(tmp_path, QUERIES["connected"], rows) == [{"IsConnected": True}]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [heartbeat(minutes(2)), heartbeat(minutes(7)), health("auditevents")],
        [signin("mia", days(2)), heartbeat(minutes(2))],
        [signin("mia", days(1.01))],
        # A backfill brings history; it says nothing of whether the polls work.
        [signin("mia", days(20), seen=minutes(2)).backfilled(), heartbeat(minutes(2))],
    ],
)
def test_not_connected(rows: list[Planted], tmp_path: Path) -> None:
    """Heartbeats, history and what is older are no news; the verdict is a plain no, and never missing."""
    assert asked(tmp_path, QUERIES["connected"], rows) == [{"IsConnected": False}]


def test_the_verdict_is_where_the_portal_looks(bound: dict[str, Bound]) -> None:
    """Microsoft's reference calls the column IsConnected, and wants a list of queries."""
    (criterion,) = CONFIG["connectivityCriteria"]
    assert (criterion["type"], len(criterion["value"])) == ("IsConnectedQuery", 1)
    assert bound["connected"].columns == {"IsConnected": "bool"}


@pytest.mark.parametrize("graph", CONFIG["graphQueries"], ids=lambda each: str(each["legend"]))
def test_a_graph_counts_its_stream(graph: dict[str, str], tmp_path: Path) -> None:
    """Each counts the rows of one stream, and no heartbeat; with the portal's summarize behind it, too."""
    of_stream = {
        "signinattempts": [signin("mia"), signin("ben")],
        "itemusages": [usage("mia"), usage("ben"), usage("zoe")],
        "auditevents": [audit("mia", "create", "vault")],
    }
    rows = [row for several in of_stream.values() for row in several]
    found = asked(tmp_path, graph["baseQuery"], [*rows, heartbeat(minutes(2)), health()])
    stream = STREAMS[graph["legend"]]
    assert ({row["log_source"] for row in found}, len(found)) == ({stream}, len(of_stream[stream]))
    (tmp_path / "again").mkdir()
    counted = asked(tmp_path / "again", graph["baseQuery"] + OVER_TIME, rows)
    assert [row["Rows"] for row in counted] == [len(of_stream[stream])]


def test_each_stream_has_a_graph() -> None:
    """None is missing, so one that has stopped can be seen to have stopped."""
    assert [each["legend"] for each in CONFIG["graphQueries"]] == list(STREAMS)


def test_the_last_row(tmp_path: Path) -> None:
    """Both tables are named; a heartbeat is no event, and an empty table gives no row."""
    assert {each["name"] for each in CONFIG["dataTypes"]} == set(schemas())
    events, polls = (f"last row of {table}" for table in ("OnePasswordEventLogs_CL", "OnePasswordConnectorHealth_CL"))
    rows = [signin("mia", minutes(30)), heartbeat(minutes(2)), health(ago=minutes(3))]
    assert asked(tmp_path, QUERIES[events], rows) == [{"Time": NOW - minutes(30)}]
    for name, query in {events: QUERIES[events], polls: QUERIES[polls]}.items():
        (tmp_path / name).mkdir()
        assert asked(tmp_path / name, query, [heartbeat(minutes(2))]) == []
    (tmp_path / "polls").mkdir()
    assert asked(tmp_path / "polls", QUERIES[polls], rows) == [{"Time": NOW - minutes(3)}]


@pytest.mark.parametrize("name", samples(CONFIG))
def test_a_sample_finds_what_it_is_for(name: str, tmp_path: Path) -> None:
    """Each gives rows over a workspace in which there is something to find, and can be copied whole."""
    rows = [
        signin("mia", category="credentials_failed", kind="password_secret_bad"),
        usage("mia", "reveal"),
        audit("mia", "create", "vault"),
        health(),
    ]
    assert asked(tmp_path, QUERIES[name], rows)
    # The portal puts values between braces.
    assert not re.search(r"\{\d*\}", QUERIES[name])


def test_the_page_leads_on() -> None:
    """The buttons open this version's wizard, the guide is this version's, and the answer to choose has its name."""
    text = "\n".join(step["description"] for step in CONFIG["instructionSteps"])
    publication = Publication.read(ROOT)
    for portal in ("https://portal.azure.com", "https://portal.azure.us"):
        assert f"]({publication.button(portal)})" in text
    assert publication.document("docs/operations.md") in text
    assert (ROOT / "docs" / "operations.md").exists()
    (tokens,) = (element for _, element in elements() if element["name"] == "tokenSource")
    (answer,) = (label for label, value in choices_of(tokens).items() if value == "keep")
    assert f"*{answer}*" in text
    assert "{{" not in str(CONFIG)


def test_the_functions_that_the_page_speaks_of_exist() -> None:
    """A function that is named in the text is one that the deployment brings."""
    text = "\n".join(step["description"] for step in CONFIG["instructionSteps"])
    named = set(re.findall(r"`(\w+)\(\)`", text))
    assert named
    assert {f"{name}.kql" for name in named} <= {file.name for file in (ROOT / "sentinel" / "functions").iterdir()}


def test_the_deployers_roles_are_the_same_everywhere() -> None:
    """Page, wizard, README and guide name the same ones."""
    roles = {
        "Owner", "Contributor", "Role Based Access Control Administrator",
        "Microsoft Sentinel Contributor", "Log Analytics Contributor",
    }  # fmt: skip
    texts = [
        str(CONFIG["permissions"]),
        WIZARD["parameters"]["config"]["basics"]["description"],
        *((ROOT / file).read_text(encoding="utf-8") for file in ("README.md", "docs/operations.md")),
    ]
    for text in texts:
        assert {role for role in roles if role not in " ".join(text.split())} == set()


def test_microsoft_sentinel_has_its_whole_name() -> None:
    """Microsoft's rule for its catalogue: no lone word Sentinel."""
    assert not re.search(r"(?<!Microsoft )\bSentinel\b", str(CONFIG))


def test_the_definition() -> None:
    """It is kept in the workspace under a name of its own, and is neither in preview nor hidden."""
    (page,) = connector_page()
    assert (page["kind"], page["name"]) == ("Customizable", CONFIG["id"])
    assert "workspaces" in page["scope"]
    assert CONFIG["availability"] == {"status": 1, "isPreview": False}
    # Those of Microsoft's own connectors for 1Password.
    assert page["name"] not in {"1Password", "1PasswordCCPDefinition"}
