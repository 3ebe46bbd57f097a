"""Each parameter of the ASIM parsers leaves out what it should, and nothing by default."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from local.workspace import Workspace
from tests.content.asim import AUDIT, AUTHENTICATION, PARAMETERS, PARSERS, ask, call
from tests.content.planted import NOW, Planted, audit, days, minutes, plant, planted, signin

SOURCES: Final = {AUTHENTICATION: signin("mia"), AUDIT: audit("mia", "suspend", "user", subject="tom")}
EVENTS: Final = {name: SOURCES[names[0]] for names in PARSERS.values() for name in names}

# What finds the one event, and what does not.
FILTERS: Final = {
    "Authentication": {
        "starttime": ("ago(3m)", "ago(1m)"),
        "endtime": ("ago(1m)", "ago(3m)"),
        "username_has_any": ("dynamic(['nobody', 'mia'])", "dynamic(['mi', 'tom'])"),
        "targetappname_has_any": ("dynamic(['1Password'])", "dynamic(['Salesforce'])"),
        "srcipaddr_has_any_prefix": ("dynamic(['10.', '192.0.2.'])", "dynamic(['192.0.3.'])"),
        "srchostname_has_any": (None, "dynamic(['laptop'])"),
        "eventtype_in": ("dynamic(['Logoff', 'logon'])", "dynamic(['Logoff'])"),
        "eventresultdetails_in": ("dynamic(['Incorrect password', 'Other'])", "dynamic(['Incorrect'])"),
        "eventresult": ("'Failure'", "'Success'"),
        "disabled": ("false", "true"),
    },
    "AuditEvent": {
        "starttime": ("ago(3m)", "ago(1m)"),
        "endtime": ("ago(1m)", "ago(3m)"),
        "srcipaddr_has_any_prefix": ("dynamic(['10.', '192.0.2.'])", "dynamic(['192.0.3.'])"),
        "actorusername_has_any": ("dynamic(['nobody', 'mia'])", "dynamic(['tom'])"),
        "operation_has_any": ("dynamic(['delete', 'join'])", "dynamic(['leave', 'joi'])"),
        "eventtype_in": ("dynamic(['Delete', 'set'])", "dynamic(['Delete'])"),
        "eventresult": ("'Success'", "'Failure'"),
        "object_has_any": ("dynamic(['vault', 'adminsgggggggggggggggggggg'])", "dynamic(['vault', 'tom'])"),
        "newvalue_has_any": ("dynamic(['manager'])", "dynamic(['member'])"),
        "disabled": ("false", "true"),
    },
}
FILTERED: Final = [
    signin("mia", category="credentials_failed", kind="password_secret_bad"),
    audit("mia", "join", "gm", subject="tom", group="admins", info="A"),
]
# As has_any_ipv4_prefix() has it: an address, or its first numbers up to a dot. And an IPv6 address as it is.
ADDRESSES: Final = ("192.0.2.10", "192.0.20.1", "2001:db8::7", "")
PREFIXES: Final = [
    (["192.0."], {"192.0.2.10", "192.0.20.1"}),
    (["203.0.113.", "192.0.2."], {"192.0.2.10"}),
    (["192.", "2001:db8::7"], {"192.0.2.10", "192.0.20.1", "2001:db8::7"}),
    (["192.0.20.1"], {"192.0.20.1"}),
    (["192.0.2.1", "192.0.2", "2.", "0.2.", "92.0.2.", "1", "2001.", "2001:", "", ".", ".."], set()),
]
each_parser = pytest.mark.parametrize("name", EVENTS)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    workspace = planted(tmp_path / "workspace.duckdb", [])
    yield workspace
    workspace.close()


@pytest.fixture(scope="module")
def filtered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """One event for each schema."""
    workspace = planted(tmp_path_factory.mktemp("filtered") / "workspace.duckdb", FILTERED)
    yield workspace
    workspace.close()


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """One event for each schema and address."""
    rows = [row for ip in ADDRESSES for row in (signin("mia", ip=ip), audit("mia", "view", "item", ip=ip))]
    workspace = planted(tmp_path_factory.mktemp("addresses") / "workspace.duckdb", rows)
    yield workspace
    workspace.close()


def test_every_parameter_is_tried() -> None:
    """But for `pack`, which chooses columns and not rows."""
    assert {schema: [*filters, "pack"] for schema, filters in FILTERS.items()} == {
        schema: [name for name, _, _ in parameters] for schema, parameters in PARAMETERS.items()
    }


@pytest.mark.parametrize("schema", PARSERS)
def test_a_default_does_not_filter(filtered: Workspace, schema: str) -> None:
    """The event is there where no parameter is given, and where each is given as its default."""
    name = PARSERS[schema][0]
    assert len(ask(filtered, f"{name}()")) == len(ask(filtered, call(name))) == 1


@pytest.mark.parametrize(
    ("schema", "parameter"), [(schema, parameter) for schema, filters in FILTERS.items() for parameter in filters]
)
def test_a_parameter_filters(filtered: Workspace, schema: str, parameter: str) -> None:
    """The event is there with what fits, and not with what does not."""
    name = PARSERS[schema][0]
    fitting, other = FILTERS[schema][parameter]
    if fitting:
        assert len(ask(filtered, call(name, **{parameter: fitting}))) == 1
    assert ask(filtered, call(name, **{parameter: other})) == []


@pytest.mark.parametrize(("prefixes", "found"), PREFIXES)
@pytest.mark.parametrize("schema", PARSERS)
def test_prefixes_are_of_whole_numbers(addresses: Workspace, schema: str, prefixes: list[str], found: set[str]) -> None:
    """An address has a prefix where its numbers begin with it, not where its text does or where it has it inside."""
    rows = ask(addresses, call(PARSERS[schema][0], srcipaddr_has_any_prefix=f"dynamic({prefixes})"))
    assert {row["SrcIpAddr"] for row in rows} == found


def test_a_matching_name_is_reported(filtered: Workspace) -> None:
    """Which field matched is in the answer, as the schema has it."""
    (row,) = ask(filtered, call(AUTHENTICATION, username_has_any="dynamic(['mia@example.com'])"))
    assert (row["TargetUsername"], row["ASimMatchingUsername"]) == ("mia@example.com", "TargetUsername")
    assert ask(filtered, f"{AUTHENTICATION}()")[0]["ASimMatchingUsername"] == "-"


@each_parser
def test_a_disabled_parser_gives_nothing(filtered: Workspace, name: str) -> None:
    """The switch by which Microsoft's unifying parsers leave a source out."""
    assert len(ask(filtered, call(name, disabled="false"))) == 1
    assert ask(filtered, call(name, disabled="true")) == []


@each_parser
def test_a_repeated_event_is_one(workspace: Workspace, name: str) -> None:
    """Also where the first delivery is before the window: then it is the second that counts."""
    event: Planted = EVENTS[name]
    plant(workspace, [event.again(days(3)), event.again(minutes(30)), event.again(minutes(20))])
    assert [row["TimeGenerated"] for row in ask(workspace, f"{name}()")] == [NOW - days(3)]
    if name in (AUTHENTICATION, AUDIT):
        found = ask(workspace, call(name, starttime="ago(1d)"))
        assert [row["TimeGenerated"] for row in found] == [NOW - minutes(30)]


@each_parser
def test_history_is_there(workspace: Workspace, name: str) -> None:
    """A backfilled event is an event: who hunts for an address wants it. TimeGenerated minus EventStartTime tells."""
    event: Planted = EVENTS[name]
    plant(workspace, [event.backfilled()])
    (row,) = ask(workspace, call(name, pack="true"))
    assert json.loads(row["AdditionalFields"])["BackfillId"] == "november"


@each_parser
def test_additional_fields_are_packed_on_request(filtered: Workspace, name: str) -> None:
    """What has no field of its own costs nothing where nobody asks for it."""
    assert json.loads(ask(filtered, f"{name}()")[0]["AdditionalFields"]) == {}
    packed = json.loads(ask(filtered, call(name, pack="true"))[0]["AdditionalFields"])
    assert {"AppVersion", "FirewallMatch"} < set(packed) or {"AuxInfo", "VaultUuid", "GroupUuid"} < set(packed)


def test_a_window_is_cut_before_events_are_compared(workspace: Workspace) -> None:
    """The functions beneath look at no row outside of it, nor of another kind, which is what makes the parsers fast."""
    plant(workspace, [row.again(days(3)) for row in SOURCES.values()])
    plant(workspace, [row.again(minutes(5)) for row in SOURCES.values()])
    times = {}
    for asked in (
        "OnePasswordEvents()", "OnePasswordEvents(ago(1d))", "OnePasswordEvents(datetime(null), ago(4d))",
        "OnePasswordEvents(datetime(null), datetime(null), 'auditevents')", "OnePasswordSignins(ago(1d))",
        "OnePasswordAudit(datetime(null), ago(1d))",
    ):  # fmt: skip
        times[asked] = sorted((NOW - row["TimeGenerated"]) / minutes(1) for row in ask(workspace, asked))
    assert list(times.values()) == [[4320, 4320], [5, 5], [], [4320], [5], [4320]]
