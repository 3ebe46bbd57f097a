"""The data collection rule of azuredeploy.json: what its transformation makes of 1Password's events."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.ingestion import CompiledFlow, compile_flow, read_rows, read_rule, read_tables
from local.onepassword import OnePasswordSimulator
from local.onepassword.events import EVENT_TYPES
from local.onepassword.log import Window
from local.workspace import Workspace

TEMPLATE = Path(__file__).parents[2] / "azuredeploy.json"
EVENTS_STREAM, EVENTS_TABLE = "Custom-OnePasswordEvents", "OnePasswordEventLogs_CL"
HEALTH_STREAM, HEALTH_TABLE = "Custom-OnePasswordConnectorHealth", "OnePasswordConnectorHealth_CL"

# Microsoft Learn, "Supported KQL features in Azure Monitor transformations" (2026-01-20). Anything else is refused
# at deployment.
ALLOWED_FUNCTIONS = {
    "ago", "array_concat", "array_length", "base64_decodestring", "base64_encodestring", "bin", "case",
    "ceiling", "columnifexists", "countof", "datetime_add", "datetime_diff", "datetime_part",
    "dayofmonth", "dayofweek", "dayofyear", "endofday", "endofmonth", "endofweek", "endofyear", "exp",
    "exp10", "exp2", "extract", "extract_all", "floor", "geo_location", "getmonth", "gettype", "getyear",
    "hash_sha256", "hourofday", "iif", "indexof", "isempty", "isnotempty", "isnotnull", "isnull", "log",
    "log10", "log2", "loggamma", "make_datetime", "make_timespan", "max_of", "min_of", "now", "pack",
    "pack_array", "parse_cef_dictionary", "parse_json", "parse_xml", "pow", "round", "sign", "isfinite",
    "isinf", "isnan", "split", "startofday", "startofmonth", "startofweek", "startofyear", "strcat",
    "strcat_delim", "strlen", "substring", "tobool", "todatetime", "todouble", "toguid", "toint",
    "tolong", "tolower", "toreal", "tostring", "totimespan", "toupper", "weekofyear", "zip",
}  # fmt: skip
ALLOWED_OPERATORS = {"extend", "project", "project-away", "project-rename", "where", "parse"}

type Land = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def flows() -> dict[str, CompiledFlow]:
    rule, tables = read_rule(TEMPLATE), read_tables(TEMPLATE)
    return {stream: compile_flow(rule, stream, tables) for stream in rule.flows}


@pytest.fixture
def land(tmp_path: Path, flows: dict[str, CompiledFlow]) -> Iterator[Land]:
    """Send rows through a stream's data flow and give back what its table then holds."""
    tables = read_tables(TEMPLATE)
    workspace = Workspace(tmp_path / "workspace.duckdb", tables)

    def send(*rows: dict[str, Any], stream: str = EVENTS_STREAM) -> list[dict[str, Any]]:
        flow = flows[stream]
        workspace.insert(flow.table, flow.select, [read_rows(json.dumps(rows).encode())])
        names, found = workspace.query(flow.table)
        return [dict(zip(names, row, strict=True)) for row in found]

    yield send
    workspace.close()


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2024-09-06T14:16:35.017784891Z", datetime(2024, 9, 6, 14, 16, 35, 17784, tzinfo=UTC)),
        ("2024-12-02T11:54:21.24645983Z", datetime(2024, 12, 2, 11, 54, 21, 246459, tzinfo=UTC)),
        ("2024-12-31T23:59:59.999999999Z", datetime(2024, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2021-08-11T14:28:03.5Z", datetime(2021, 8, 11, 14, 28, 3, 500000, tzinfo=UTC)),
        ("2021-08-11T14:28:03Z", datetime(2021, 8, 11, 14, 28, 3, tzinfo=UTC)),
        ("2020-06-11T16:32:50-03:00", datetime(2020, 6, 11, 19, 32, 50, tzinfo=UTC)),
        ("2020-06-11T00:10:00.123456789+05:30", datetime(2020, 6, 10, 18, 40, 0, 123456, tzinfo=UTC)),
    ],
)
def test_timestamp_is_cut(land: Land, sent: str, kept: datetime) -> None:
    """Zero to nine fractional digits and any offset give the event's time in UTC, cut and never rounded up."""
    (row,) = land({"uuid": "A", "timestamp": sent})
    assert row["timestamp"] == kept.replace(tzinfo=None)


def test_timestamp_that_is_none(land: Land) -> None:
    """A timestamp that is missing, null or no timestamp leaves the column empty and keeps the row."""
    rows = land({"uuid": "A"}, {"uuid": "B", "timestamp": None}, {"uuid": "C", "timestamp": "yesterday"})
    assert [(row["uuid_s"], row["timestamp"]) for row in rows] == [("A", None), ("B", None), ("C", None)]


def test_time_generated_is_now(land: Land) -> None:
    """TimeGenerated is the time of ingestion: Microsoft's rules look back from it."""
    (row,) = land({"uuid": "A", "timestamp": "2020-06-11T16:32:50Z", "TimeGenerated": "2020-06-11T16:32:50Z"})
    assert abs(datetime.now(UTC).replace(tzinfo=None) - row["TimeGenerated"]) < timedelta(minutes=5)


@pytest.mark.parametrize("source", EVENT_TYPES)
def test_each_column_of_each_shape(land: Land, source: str) -> None:
    """Whatever of its fields an event has, lacks or has as null: each column holds that field's value, or is empty."""
    log = OnePasswordSimulator(events=400).logs[source]
    items, _, _ = log.read(Window(0), 0, 400)
    events = [json.loads(item) for item in items]
    kinds, stored = read_tables(TEMPLATE)[EVENTS_TABLE], {}
    for row in land(*(event | {"log_source": source, "backfill_id": ""} for event in events)):
        del row["TimeGenerated"]
        stored[row["uuid_s"]] = {
            name: json.loads(value) if value and kinds[name] == "dynamic" else value for name, value in row.items()
        }
    for event in events:
        assert stored[event["uuid"]] == held(event, source, kinds)
    shapes = {frozenset((name, value is None) for name, value in event.items()) for event in events}
    assert len(shapes) > 5


def held(event: dict[str, Any], source: str, kinds: Mapping[str, str]) -> dict[str, Any]:
    """What the table must hold of an event, told without the transformation."""
    row: dict[str, Any] = {name: "" if kind == "string" else None for name, kind in kinds.items()}
    row |= {name: value for name, value in event.items() if value is not None} | {"log_source": source}
    row["uuid_s"], row["action_type"] = row.pop("uuid"), row.pop("type", "")
    who = event.get("target_user") or event.get("user") or {}
    row |= {name: who.get(name) or "" for name in ("user_type", "user_account_uuid")}
    row["timestamp"] = datetime.fromisoformat(event["timestamp"]).astimezone(UTC).replace(tzinfo=None)
    del row["TimeGenerated"]
    return row


def test_renamed_columns(land: Land) -> None:
    """Uuid and type stand in the columns that Microsoft's content knows."""
    (row,) = land({"uuid": "ABC", "type": "credentials_ok", "log_source": "signinattempts"})
    assert (row["uuid_s"], row["action_type"], row["log_source"]) == ("ABC", "credentials_ok", "signinattempts")


@pytest.mark.parametrize("aux_id", [0, 7, 2**31, 9_007_199_254_740_993, 2**63 - 1])
def test_aux_id_is_wide(land: Land, aux_id: int) -> None:
    """An aux_id of 64 bits is stored exactly, and so is the widest used_version."""
    (row,) = land({"aux_id": aux_id, "used_version": 2**32 - 1})
    assert (row["aux_id"], row["used_version"]) == (aux_id, 2**32 - 1)


@pytest.mark.parametrize("place", ["target_user", "user"])
def test_user_type_from_both_places(land: Land, place: str) -> None:
    """User type and account are found in a sign-in's target_user and in an item usage's user."""
    (row,) = land({place: {"uuid": "U", "user_type": "external_user", "user_account_uuid": "ACC"}})
    assert (row["user_type"], row["user_account_uuid"]) == ("external_user", "ACC")


def test_user_type_is_absent(land: Land) -> None:
    """Without a user type the column is empty, and no string column is ever null."""
    (row,) = land({"uuid": "A", "target_user": {"uuid": "U", "user_type": None}, "country": None})
    strings = {name for name, kind in read_tables(TEMPLATE)[EVENTS_TABLE].items() if kind == "string"}
    assert {name for name in strings if row[name] != ""} == {"uuid_s"}


def test_healthevents_row(land: Land) -> None:
    """A row that says that a poll was healthy needs only its few fields."""
    (row,) = land({"log_source": "healthevents", "timestamp": "2026-11-22T12:45:00Z"})
    filled = {name for name, value in row.items() if value not in ("", None)}
    assert filled == {"TimeGenerated", "timestamp", "log_source"}


def test_details(land: Land) -> None:
    """Details are kept as an object, and null details as nothing."""
    rows = land({"details": None}, {"details": {"value": "Europe"}})
    assert [row["details"] for row in rows] == [None, '{"value":"Europe"}']


def test_unicode_and_odd_keys(land: Land) -> None:
    """Names in any script, and keys inside an object, arrive as they were sent."""
    user = {"name": "Zoë Ünlü 山田 Иван محمد 🔑", "__class__": "Evil", "a.b": "'; DROP TABLE x"}
    (row,) = land({"target_user": user})
    assert json.loads(row["target_user"]) == user


def test_unknown_keys_are_dropped(land: Land) -> None:
    """A key that the stream does not declare is dropped, however it is spelled, and the row is kept."""
    (row,) = land({"uuid": "A", "__class__": "x", "new_field": 1, "UUID": "B", "uuid_s": "C", "": 1})
    assert row["uuid_s"] == "A"
    assert set(row) == set(read_tables(TEMPLATE)[EVENTS_TABLE])


def test_wrong_types_are_empty(land: Land) -> None:
    """A value of another type than declared leaves its column empty."""
    (row,) = land({"uuid": 5, "aux_id": "5", "used_version": 1.5, "action": {"a": 1}, "country": True})
    assert (row["uuid_s"], row["aux_id"], row["used_version"], row["action"], row["country"]) == (
        "", None, None, "", "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kept"), [("x" * 65_536, 65_536), ("x" * 65_537, 65_536), ("é" * 40_000, 65_536), ("€" * 40_000, 65_535)]
)
def test_long_strings_are_cut(land: Land, text: str, kept: int) -> None:
    """A string over 64 KB is cut between characters, and its row is kept."""
    (row,) = land({"aux_info": text})
    assert len(row["aux_info"].encode()) == kept
    assert text.startswith(row["aux_info"])


def test_long_objects_are_cut(land: Land) -> None:
    """An object whose JSON is over 64 KB is cut to a string of its first 64 KB."""
    (row,) = land({"details": {"value": "x" * 70_000}})
    assert len(json.loads(row["details"])) == 65_536


def test_every_field_of_the_health_row(land: Land) -> None:
    """A health row keeps every field that the connector reports."""
    sent: dict[str, Any] = {
        "account": "EU", "account_uuid": "ACC", "event_type": "auditevents", "outcome": "ok", "events": 10_000,
        "pages": 10, "chunks": 11, "bytes": 9_876_543_210, "requests": 12, "seconds": 1.5, "lag_seconds": 3,
        "dead_letters": 0, "drift": "", "error": "", "connector_version": "1.0.0", "instance_id": "poll-1",
        "backfill_id": "",
    }  # fmt: skip
    (row,) = land(sent, stream=HEALTH_STREAM)
    del row["TimeGenerated"]
    assert row == sent


def test_streams_fill_their_tables() -> None:
    """Every column of each table is given by its stream or made by the transformation, with none left over."""
    rule, tables = read_rule(TEMPLATE), read_tables(TEMPLATE)
    assert {name: flow.table for name, flow in rule.flows.items()} == {
        EVENTS_STREAM: EVENTS_TABLE,
        HEALTH_STREAM: HEALTH_TABLE,
    }
    made = {"TimeGenerated", "uuid_s", "action_type", "user_type", "user_account_uuid", "SourceSystem"}
    assert set(rule.streams[EVENTS_STREAM]) - {"uuid", "type"} | made == set(tables[EVENTS_TABLE])
    assert set(rule.streams[HEALTH_STREAM]) | {"TimeGenerated"} == set(tables[HEALTH_TABLE])


@pytest.mark.parametrize("stream", [EVENTS_STREAM, HEALTH_STREAM])
def test_transformation_is_allowed(stream: str) -> None:
    """The transformation uses only the functions and operators that a data collection rule may use."""
    kql = read_rule(TEMPLATE).flows[stream].transform_kql
    code = re.sub(r"'[^']*'", "''", kql)
    source, *steps = [step.strip() for step in code.split("|")]
    assert source == "source"
    assert {step.split()[0] for step in steps} <= ALLOWED_OPERATORS
    functions = set(re.findall(r"\b([A-Za-z_0-9]+)\s*\(", code))
    assert functions
    assert functions <= ALLOWED_FUNCTIONS
