"""The sample data are rows as the tables hold them: invented, of every shape, and a story that rules alert on."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from types import SimpleNamespace
from typing import Any, Final

import pytest

from deploy.content.sources import SENTINEL, read_documents
from deploy.content.tables import schemas
from local.alerts import arrivals, replay
from local.content import read_functions, read_rules
from local.ingestion import read_tables
from local.workspace import DUCKDB_TYPES, Workspace
from onepassword_sentinel.discovery import Stream
from onepassword_sentinel.errors import Failure
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.events_api import EventsApi
from onepassword_sentinel.events_token import EventsToken
from onepassword_sentinel.payloads import DrainRequest
from onepassword_sentinel.rate_limit import RequestQuota
from onepassword_sentinel.settings import Account
from orchestrators.stream_run import StreamRun
from tests.content.kql_texts import MEMBERS
from tests.content.planted import TEMPLATE
from tests.content.test_official_content import COLUMNS
from tests.core.conftest import jwt

EVENTS: Final = "OnePasswordEventLogs_CL"
HEALTH: Final = "OnePasswordConnectorHealth_CL"
# A file is called by its table, and one of the events by its log_source, too.
ROWS: Final = {
    file.stem: json.loads(file.read_text(encoding="utf-8"))
    for file in sorted((SENTINEL / "sample-data").glob("*.json"))
}
DOCUMENTATION: Final = [
    ip_network(each) for each in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]
DATETIME: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z"
KINDS: Final = ("signinattempts", "itemusages", "auditevents", "healthevents")
OF_TYPE: Final = {
    "string": lambda value: isinstance(value, str) and value != "",
    "dateTime": lambda value: isinstance(value, str) and re.fullmatch(DATETIME, value) is not None,
    "long": lambda value: type(value) is int and abs(value) < 2**63,
    "real": lambda value: type(value) in (int, float),
    "dynamic": lambda value: isinstance(value, dict) and value != {},
}

each_file = pytest.mark.parametrize("name", ROWS)


def table(name: str) -> str:
    return name.split(".", maxsplit=1)[0]


def kind(name: str) -> str:
    """The log_source of a file of events; empty for the health table's."""
    return name.partition(".")[2]


def values(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All values within objects and lists, each with the name that it stands under."""
    if isinstance(part, dict | list):
        for key, each in part.items() if isinstance(part, dict) else enumerate(part):
            yield from values(each, key if isinstance(part, dict) else path)
    else:
        yield path, part


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace that holds them."""
    workspace = Workspace(
        tmp_path_factory.mktemp("sample") / "workspace.duckdb", read_tables(TEMPLATE), read_functions(TEMPLATE)
    )
    for name in ROWS:
        columns = {each["name"]: DUCKDB_TYPES[each["type"].lower()] for each in schemas()[table(name)]["columns"]}
        # Log Analytics has no null strings.
        texts = [f'coalesce("{column}", \'\') AS "{column}"' for column, type_ in columns.items() if type_ == "VARCHAR"]
        file = SENTINEL / "sample-data" / f"{name}.json"
        select = f"SELECT * REPLACE ({', '.join(texts)}) FROM read_json(?, columns = {columns})"
        assert workspace.insert(table(name), select, [str(file)]) == len(ROWS[name])
    yield workspace
    workspace.close()


def test_there_is_a_file_for_each_kind_of_row() -> None:
    """The three kinds of events, the heartbeat among them, and the health table."""
    assert set(ROWS) == {HEALTH, *(f"{EVENTS}.{source}" for source in KINDS)}
    assert {name: {row["log_source"] for row in rows} for name, rows in ROWS.items() if kind(name)} == {
        f"{EVENTS}.{source}": {source} for source in KINDS
    }


@each_file
def test_rows_are_as_the_table_holds_them(name: str) -> None:
    """Each value stands in a column of the table and has its type; what a row lacks is left out."""
    types = {each["name"]: each["type"] for each in schemas()[table(name)]["columns"]}
    wrong = [
        (column, value)
        for row in ROWS[name]
        for column, value in row.items()
        if column not in types or not OF_TYPE[types[column]](value)
    ]
    assert wrong == []
    assert [row for row in ROWS[name] if "TimeGenerated" not in row] == []


@each_file
def test_objects_are_as_1password_makes_them(name: str) -> None:
    """Nothing is inside an object that the Events API does not put there."""
    wrong = [
        (column, member)
        for row in ROWS[name]
        for column, value in row.items()
        if isinstance(value, dict)
        for member in value.keys() - MEMBERS[column]
    ]
    assert wrong == []


@each_file
def test_every_column_is_filled(name: str) -> None:
    """Of all columns that rows of this kind can fill, some row does; and no other column is filled."""
    filled = {column for row in ROWS[name] for column in row}
    if kind(name):
        wanted = {column for column, (_, kinds) in COLUMNS.items() if kind(name) in kinds.split()}
        # A heartbeat is no event, and no backfill has one.
        assert filled == wanted | ({"backfill_id"} if kind(name) != "healthevents" else set())
    else:
        assert filled == {each["name"] for each in schemas()[HEALTH]["columns"]}


@pytest.mark.parametrize("source", ["signinattempts", "itemusages", "auditevents"])
def test_every_shape_is_there(source: str) -> None:
    """Events of version 1, which lack what 2 added; without a place; and countries by code and by name."""
    rows = ROWS[f"{EVENTS}.{source}"]
    first = [row for row in rows if "account_uuid" not in row]
    assert first
    assert [
        row for row in first if row.keys() & {"user_type", "user_account_uuid", "actor_type", "actor_details"}
    ] == []
    assert [row for row in rows if "location" not in row]
    lengths = {len(row["location"]["country"]) for row in rows if "location" in row}
    assert 2 in lengths
    assert max(lengths) > 2


def test_nobody_is_real() -> None:
    """E-mail addresses are of one domain that nobody owns, and IP addresses of networks that nobody uses."""
    found = list(values(list(ROWS.values())))
    mailboxes = {value for _, value in found if isinstance(value, str) and "@" in value}
    assert {mailbox.split("@")[1] for mailbox in mailboxes} == {"example.com"}
    addresses = {value for name, value in found if name in {"ip", "ip_address"}}
    assert [each for each in addresses if not any(ip_address(each) in network for network in DOCUMENTATION)] == []
    assert {ip_address(each).version for each in addresses} == {4, 6}


def test_no_event_is_there_twice() -> None:
    """Each row of events has an uuid of its own."""
    uuids = [row["uuid_s"] for name, rows in ROWS.items() if kind(name) for row in rows]
    assert len(set(uuids)) == len(uuids)


def test_nothing_arrives_before_it_happened() -> None:
    """The time of ingestion is after the event's own, also where an app told late."""
    for name, rows in ROWS.items():
        if kind(name):
            delays = [
                datetime.fromisoformat(row["TimeGenerated"]) - datetime.fromisoformat(row["timestamp"]) for row in rows
            ]
            assert min(delays).total_seconds() >= 0, name


@pytest.mark.parametrize(
    ("function", "sources"),
    [
        ("OnePasswordEvents", ("signinattempts", "itemusages", "auditevents")),
        ("OnePasswordSignins", ("signinattempts",)),
        ("OnePasswordItemUsage", ("itemusages",)),
        ("OnePasswordAudit", ("auditevents",)),
    ],
)
def test_the_functions_give_every_event(workspace: Workspace, function: str, sources: tuple[str, ...]) -> None:
    """Loaded into a workspace, each event is there once, with its time and somebody who did it."""
    columns, found = workspace.query(f"{function}() | project EventUuid, EventTime, Actor")
    assert columns == ["EventUuid", "EventTime", "Actor"]
    wanted = {row["uuid_s"]: row["timestamp"][:19] for source in sources for row in ROWS[f"{EVENTS}.{source}"]}
    assert {uuid: f"{time:%Y-%m-%dT%H:%M:%S}" for uuid, time, _ in found} == wanted
    assert [uuid for uuid, _, actor in found if not actor] == []


@pytest.mark.parametrize(
    ("stem", "column", "said"),
    [
        ("ImpossibleTravel", "Actor", "priya.nair@example.com"),
        ("VaultAccessSelfGranted", "Actor", "priya.nair@example.com"),
        ("ItemsTakenAfterVaultAccess", "Actor", "priya.nair@example.com"),
        ("VaultExported", "Actor", "priya.nair@example.com"),
        ("VaultExportedBeforeLeaving", "DepartureBy", "omar.haddad@example.com"),
        ("ConnectorStreamUnhealthy", "Stream", "all that is polled"),
    ],
)
def test_the_story_makes_rules_alert(workspace: Workspace, stem: str, column: str, said: str) -> None:
    """Run as often as Microsoft Sentinel would have run them, they alert once, on whom they should."""
    rule = read_rules(TEMPLATE)[read_documents("rules")[stem]["name"]]
    replayed = replay(rule, workspace, arrivals(workspace))
    assert replayed.left_out == 0
    assert [alert.values[column] for _, alert in replayed.alerts] == [said]


def test_the_connector_fails_in_its_own_words() -> None:
    """What the health rows say is, to the letter, what this version says of a revoked token and of a kept event."""
    account = Account("", EventsToken.parse(jwt()), "https://events.1password.com")
    # No request is made: what matters is what is said of an answer.
    api = EventsApi(None, account, RequestQuota())  # type: ignore[arg-type]
    answer: Any = SimpleNamespace(status=401, headers={})
    refused: Any = api._refusal(answer, b'{"Error":{"Message":"Unauthorized"}}')
    run = StreamRun(DrainRequest(Stream("", "ACCOUNT", EventType.ITEM_USAGES), "ACCOUNT-itemusages", None))
    run.tally.dead_letters = 1
    sentences = {
        Failure.of(refused, who=account.label("introspection")).message,
        run.summary("poll", datetime(2026, 11, 24, tzinfo=UTC))["error"],
    }
    assert {row["error"] for row in ROWS[HEALTH] if "error" in row} == sentences


def test_the_connector_is_well_then_fails_then_is_well_again() -> None:
    """In the order of time, polls end well before and after the ones that failed."""
    outcomes = [row["outcome"] for row in ROWS[HEALTH] if "backfill_id" not in row]
    assert re.fullmatch(r"(ok )+(failed )+(ok )+", "".join(f"{each} " for each in outcomes))
    failed = [row["TimeGenerated"] for row in ROWS[HEALTH] if row["outcome"] == "failed"]
    beats = [row["TimeGenerated"] for row in ROWS[f"{EVENTS}.healthevents"]]
    assert min(beats) < min(failed) < max(failed) < max(beats)
    assert [each for each in beats if min(failed) <= each <= max(failed)] == []
