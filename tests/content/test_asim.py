"""The ASIM parsers give what the schemas ask for, whatever 1Password sends."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

import pytest

from deploy.content.functions import QueryFunction
from local.onepassword.vocabulary import AUDIT_PAIRS, SIGNIN_TYPES
from tests.content.asim import (
    ALIASES,
    ALLOWED,
    FIELDS,
    FUNCTIONS,
    MANDATORY,
    PARAMETERLESS,
    PARAMETERS,
    PARSERS,
    ask,
    parameters,
)
from tests.content.kusto import bind, body_with_parameters
from tests.content.planted import NOW, audit, minutes, person, planted, signin, usage

each_schema = pytest.mark.parametrize("schema", PARSERS)
each_parser = pytest.mark.parametrize(
    ("schema", "name"), [(schema, name) for schema, names in PARSERS.items() for name in names]
)

SIGNINS: Final = [
    signin("mia", category=category, kind=kind) for category, kinds in SIGNIN_TYPES.items() for kind in kinds.split()
]
AUDITS: Final = [
    audit("mia", pair.action, pair.object_type, subject="tom" if pair.aux in ("user", "role") else "", info="A")
    for pair in AUDIT_PAIRS
]
# What 1Password may leave out (everything of version 1, and more), and what it may add later.
STRANGE: Final = [
    signin("mia", target_user={"uuid": "MIA"}, client=None, location=None, country=None, account_uuid=None),
    signin("mia", target_user={"uuid": "MIA", "name": "Mia"}, category="new_failed", kind="new_bad", session_uuid=None),
    signin("mia", category="firewall_failed", kind="planet_blocked", target_user={**person("mia"), "user_type": "new"}),
    audit("mia", "new", "new", actor_details=None, actor_type=None, session=None, location=None, account_uuid=None),
    audit("mia", "suspend", "user", object_uuid=person("tom")["uuid"], actor_details={"uuid": "MIA", "name": "Mia"}),
    audit("mia", "create", "", object_uuid=None, actor_uuid=None, actor_details=None, actor_type="new"),
]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """What the filtering parsers make of an event of each kind; item usages belong to neither schema."""
    workspace = planted(tmp_path_factory.mktemp("asim") / "w.duckdb", [*SIGNINS, *AUDITS, *STRANGE, usage("mia")])
    yield {schema: ask(workspace, f"{names[0]}()") for schema, names in PARSERS.items()}
    workspace.close()


@each_schema
def test_the_parameters_are_those_of_the_schema(schema: str) -> None:
    """Microsoft's unifying parsers hand over these, by name and of these types; and so do people, by position."""
    filtering, parameterless = PARSERS[schema]
    assert parameters(FUNCTIONS[filtering]) == PARAMETERS[schema]
    assert parameters(FUNCTIONS[parameterless]) == PARAMETERLESS


@each_parser
def test_each_field_has_its_type(schema: str, name: str) -> None:
    """The language service finds no mistake, and the answer is the schema's fields and nothing else."""
    (bound,) = bind([body_with_parameters(FUNCTIONS[name])])
    assert bound.errors == []
    assert dict(sorted(bound.columns.items())) == FIELDS[schema]
    assert len({column.casefold() for column in bound.columns}) == len(bound.columns)


@each_schema
def test_microsofts_unifying_parser_can_call_it(schema: str) -> None:
    """What an operator writes into Im_...Custom and ASim_...Custom binds, with all arguments by name."""
    filtering, parameterless = PARSERS[schema]
    for name, wanted in ((filtering, PARAMETERS[schema]), (parameterless, PARAMETERLESS)):
        arguments = ", ".join(f"{parameter}={parameter}" for parameter, _, _ in wanted)
        header = ", ".join(f"{parameter}:{kind}={default}" for parameter, kind, default in wanted)
        custom = QueryFunction("Custom", header, f"union isfuzzy=true\n{name}({arguments})")
        (bound,) = bind([body_with_parameters(custom)])
        assert bound.errors == []
        assert len(bound.columns) == len(FIELDS[schema])


@each_schema
def test_every_event_is_there(everything: dict[str, list[dict[str, Any]]], schema: str) -> None:
    """Each sign-in attempt and each audit event is one row, and nothing else is."""
    source = {"Authentication": "signinattempts", "AuditEvent": "auditevents"}[schema]
    wanted = [row.uuid for row in [*SIGNINS, *AUDITS, *STRANGE] if row.source == source]
    assert sorted(row["EventOriginalUid"] for row in everything[schema]) == sorted(wanted)


@each_schema
def test_mandatory_fields_are_filled(everything: dict[str, list[dict[str, Any]]], schema: str) -> None:
    """Also where 1Password says next to nothing."""
    for row in everything[schema]:
        assert [name for name in MANDATORY[schema] if row[name] in ("", None)] == []
        assert (row["EventVendor"], row["EventProduct"], row["Dvc"]) == ("1Password",) * 3
        assert (row["EventSchema"], row["EventSchemaVersion"], row["EventCount"]) == (schema, "1.0.0", 1)
        assert row["EventStartTime"] == row["EventEndTime"] == NOW - minutes(2)


@each_schema
def test_enumerated_fields_have_allowed_values(everything: dict[str, list[dict[str, Any]]], schema: str) -> None:
    """Over all categories, types, actions and object types, known and unknown."""
    for name, allowed in ALLOWED[schema].items():
        assert {row[name] for row in everything[schema]} <= allowed, name


@each_schema
def test_a_value_and_its_type_go_together(everything: dict[str, list[dict[str, Any]]], schema: str) -> None:
    """A field that tells the type of another is filled where that is, and only there."""
    typed = {name.removesuffix("Type"): name for name in FIELDS[schema] if name.endswith(("IdType", "nameType"))}
    typed["ActingAppName" if schema == "Authentication" else "NewValue"] = (
        "ActingAppType" if schema == "Authentication" else "ValueType"
    )
    for row in everything[schema]:
        assert [name for name, kind in typed.items() if (row[name] == "") != (row[kind] == "")] == []


@each_schema
def test_aliases_repeat_what_they_stand_for(everything: dict[str, list[dict[str, Any]]], schema: str) -> None:
    """An alias is the first filled one of the fields that it may stand for."""
    for row in everything[schema]:
        for alias, fields in ALIASES[schema].items():
            assert row[alias] == next((row[field] for field in fields if row[field]), ""), alias


DETAILS: Final = {
    "": "credentials_ok mfa_ok federated",
    "Incorrect password": "password_secret_bad",
    "Incorrect key": "platform_secret_bad code_bad duo_bad duo_native_bad totp_bad u2f_bad",
    "Session expired": "code_timeout duo_timeout totp_timeout u2f_timeout",
    "Logon violates policy": (
        "platform_secret_disabled code_disabled duo_disabled totp_disabled u2f_disabled mfa_missing non_sso_user "
        f"service_account_sso_denied {SIGNIN_TYPES['modern_version_failed']} {SIGNIN_TYPES['firewall_failed']} "
        "planet_blocked"
    ),
    "Other": "platform_secret_proxy sso_user_mismatch new_bad",
}
METHODS: Final = {
    "Username & Password": "credentials_ok password_secret_bad",
    "Multi factor authentication": f"mfa_ok {SIGNIN_TYPES['mfa_failed']}",
    "Other": (
        f"federated platform_secret_bad platform_secret_disabled platform_secret_proxy {SIGNIN_TYPES['sso_failed']}"
    ),
}


def test_each_type_of_sign_in_has_its_meaning(everything: dict[str, list[dict[str, Any]]]) -> None:
    """Result, reason, method and what the firewall did follow from 1Password's category and type."""
    details = {kind: value for value, kinds in DETAILS.items() for kind in kinds.split()}
    methods = {kind: value for value, kinds in METHODS.items() for kind in kinds.split()}
    for row in everything["Authentication"]:
        category, kind = row["EventOriginalType"], row["EventOriginalResultDetails"]
        success = category in ("success", "firewall_reported_success")
        assert row["EventResult"] == ("Success" if success else "Failure")
        assert row["EventSeverity"] == ("Informational" if success else "Low")
        assert row["EventResultDetails"] == ("" if success else details[kind]), kind
        assert row["LogonMethod"] == methods.get(kind, ""), kind
        firewall = {"firewall_failed": "Blocked", "firewall_reported_success": "Allowed"}
        assert row["DvcAction"] == firewall.get(category, "")
        assert row["EventSubType"] == ("RemoteService" if kind == "service_account_sso_denied" else "Remote")


TYPES: Final = {
    "Create": "create provsn",
    "Delete": "delete purge uisas",
    "Read": "export view",
    "Enable": "activate enblduo enblmfa enblsso reactive reauth sdvcsso tdvcsso trvlaway",
    "Disable": "dealldev deolddev disblduo disblmfa disblsso expire suspend trevoke trvlback",
    "Execute": "dlgsess launchi prsndall resendts sendpkg sendts ssotknv tverify verify",
    "Start": "begin beginr propose",
    "Stop": "cancel cancelr muserdec",
    "Other": "new unknown",
}


def test_each_action_has_its_type(everything: dict[str, list[dict[str, Any]]]) -> None:
    """All other actions change what is there; only what 1Password itself calls unknown, or adds later, is Other."""
    types = {action: value for value, actions in TYPES.items() for action in actions.split()}
    for row in everything["AuditEvent"]:
        assert row["EventType"] == types.get(row["Operation"], "Set"), row["Operation"]
        assert row["EventSeverity"] == ("Low" if row["EventType"] in ("Delete", "Disable") else "Informational")
        assert row["EventResult"] == "Success"
        assert row["EventSubType"]


OBJECTS: Final = {
    "Policy Rule": "gva uva",
    "Configuration Atom": "account sso ssotkn template",
    "Directory Service Object": "famchild gm group invite miguser mngdacc sa user",
    "Cloud Resource": "file item itemhist items vault vaultkey",
    "Service": "slackapp",
}
POLICIES: Final = {"account": "disblduo disblmfa enblduo enblmfa updatduo updatfw updatmfa", "sso": "chngpsso"}


def test_each_object_has_its_type(everything: dict[str, list[dict[str, Any]]]) -> None:
    """An account's security settings and who may see a vault are policy; what ASIM has no word for is Other."""
    types = {code: value for value, codes in OBJECTS.items() for code in codes.split()}
    by_code = sorted(everything["AuditEvent"], key=lambda row: row["OriginalObjectType"])
    for code, rows in groupby(by_code, key=lambda row: row["OriginalObjectType"]):
        for row in rows:
            policy = row["Operation"] in POLICIES.get(code, "").split()
            assert row["ObjectType"] == ("Policy Rule" if policy else types.get(code, "Other")), code
