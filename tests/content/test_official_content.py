"""Microsoft's 18 rules and its workbook find in our table what they read: columns, types, and values that fill them.

What they read was taken from Microsoft's 1Password solution 3.0.4.
"""

import re
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from local.workspace import Workspace
from tests.content.kusto import STANDARD_COLUMNS, tables
from tests.content.planted import NOW, Planted, audit, heartbeat, minutes, plant, planted, signin, usage

TABLE: Final = "OnePasswordEventLogs_CL"
FACTS: Final = Path(__file__).resolve().parents[3] / "shared" / "facts" / "sentinel-columns.md"

# Microsoft's column, its type, and the kinds of rows that fill it.
COLUMNS: Final = {
    "SourceSystem": ("string", ""),  # never filled by anybody
    "TimeGenerated": ("datetime", "signinattempts itemusages auditevents healthevents"),
    "uuid_s": ("string", "signinattempts itemusages auditevents healthevents"),
    "session_uuid": ("string", "signinattempts"),
    "timestamp": ("datetime", "signinattempts itemusages auditevents healthevents"),
    "country": ("string", "signinattempts"),
    "category": ("string", "signinattempts"),
    "action_type": ("string", "signinattempts"),
    "details": ("dynamic", "signinattempts"),
    "target_user": ("dynamic", "signinattempts"),
    "client": ("dynamic", "signinattempts itemusages"),
    "location": ("dynamic", "signinattempts itemusages auditevents"),
    "actor_uuid": ("string", "auditevents"),
    "actor_details": ("dynamic", "auditevents"),
    "action": ("string", "itemusages auditevents"),
    "object_type": ("string", "auditevents"),
    "object_uuid": ("string", "auditevents"),
    "object_details": ("dynamic", "auditevents"),
    "aux_id": ("int", "auditevents"),
    "aux_uuid": ("string", "auditevents"),
    "aux_details": ("dynamic", "auditevents"),
    "aux_info": ("string", "auditevents"),
    "session": ("dynamic", "auditevents"),
    "used_version": ("int", "itemusages"),
    "vault_uuid": ("string", "itemusages"),
    "item_uuid": ("string", "itemusages"),
    "user": ("dynamic", "itemusages"),
    "log_source": ("string", "signinattempts itemusages auditevents healthevents"),
    "account_uuid": ("string", "signinattempts itemusages auditevents"),
    "actor_type": ("string", "auditevents"),
    "actor_account_uuid": ("string", "auditevents"),
    "user_type": ("string", "signinattempts itemusages"),
    "user_account_uuid": ("string", "signinattempts itemusages"),
}
# Microsoft has 32 bits for what 1Password counts in 64 and in 32 without a sign.
WIDER: Final = {"aux_id": "long", "used_version": "long"}

FULL: Final = {
    "signinattempts": signin("mia", details={"value": "DE"}),
    "itemusages": usage("mia", used_version=2**32 - 1),
    "auditevents": audit(
        "mia", "suspend", "user", subject="tom", info="why",
        aux_id=2**40, aux_uuid="AUX", aux_details={"uuid": "AUX", "name": "A", "email": "a@example.com"},
    ),
    "healthevents": heartbeat(minutes(2)),
}  # fmt: skip


class Read(NamedTuple):
    """What a rule of Microsoft's reads of an event, apart from the stream that it filters by."""

    rule: str
    kind: str
    actions: str
    object_types: str
    members: str


ACTOR: Final = "actor_details.email session.ip"
READ: Final = (
    Read("Changes to SSO configuration", "auditevents",
         "addgsso chngasso chngdsso chngpsso delgsso disblsso enblsso", "sso", ACTOR),
    Read("Changes to firewall rules", "auditevents", "updatfw", "account", ACTOR),
    Read("Disable MFA factor or type for all user accounts", "auditevents", "disblmfa", "account", ACTOR),
    Read("Log Ingestion Failure", "healthevents", "", "", ""),
    Read("Manual account creation", "auditevents", "create", "invite", ACTOR),
    Read("New service account integration created", "auditevents", "create", "sa", ACTOR),
    Read("Non-privileged vault user permission change", "auditevents",
         "grant revoke update", "uva", f"{ACTOR} aux_details.email object_uuid"),
    Read("Potential insider privilege escalation via group", "auditevents",
         "join role", "gm", f"{ACTOR} aux_details.email aux_info"),
    Read("Potential insider privilege escalation via vault", "auditevents",
         "grant update", "uva", f"{ACTOR} aux_details.email"),
    Read("Privileged vault permission change", "auditevents",
         "grant revoke update", "uva gva", f"{ACTOR} object_uuid aux_uuid"),
    Read("Secret extraction: access", "auditevents", "grant update", "uva",
         "actor_details.uuid aux_details.uuid object_uuid location.country"),
    Read("Secret extraction: extraction", "itemusages", "reveal secure-copy server-fetch", "",
         "user.uuid user.email client.ip_address vault_uuid item_uuid location.country"),
    Read("Service account integration token adjustment", "auditevents",
         "create trename trevoke tverify", "satoken", ACTOR),
    Read("Successful anomalous sign-in", "signinattempts", "", "",
         "category action_type target_user.uuid target_user.email client.ip_address location.country"),
    Read("User account MFA settings changed", "auditevents", "disblmfa enblmfa updatmfa", "user", ACTOR),
    Read("User added to privileged group", "auditevents", "join", "gm", f"{ACTOR} aux_details.email object_uuid"),
    Read("Vault export post account creation: account", "auditevents", "activate", "user",
         "object_details.uuid object_details.email"),
    Read("Vault export post account creation: export", "auditevents", "export", "vault", "actor_details.uuid"),
    Read("Vault export", "auditevents", "export", "vault", ACTOR),
    Read("Vault export prior to account suspension or deletion", "auditevents", "delete suspend", "user",
         "actor_details.uuid actor_details.email object_details.uuid"),
)  # fmt: skip


def stored(folder: Path, *rows: Planted) -> Workspace:
    return planted(folder / "workspace.duckdb", rows)


def test_the_table_has_microsofts_columns() -> None:
    """All of them, of the same types but for two that are wide enough, and backfill_id besides."""
    ours = {name: kind for name, kind in tables()[TABLE].items() if name not in STANDARD_COLUMNS}
    theirs = {name: kind for name, (kind, _) in COLUMNS.items()}
    assert ours == theirs | WIDER | {"backfill_id": "string"}


@pytest.mark.parametrize("kind", FULL)
def test_an_event_of_each_kind_fills_its_columns(kind: str, tmp_path: Path) -> None:
    """Those that the kind has are filled, and no other is."""
    workspace = stored(tmp_path, FULL[kind])
    columns, (row,) = workspace.query(TABLE)
    workspace.close()
    filled = {name for name, value in zip(columns, row, strict=True) if value not in (None, "")}
    assert filled == {name for name, (_, kinds) in COLUMNS.items() if kind in kinds.split()}


def read_rows() -> list[tuple[Read, str, str]]:
    return [
        (read, action, object_type)
        for read in READ
        for action in read.actions.split() or [""]
        for object_type in read.object_types.split() or [""]
    ]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A row for each thing that Microsoft's rules look for; its session or uuid says which."""
    rows = []
    for number, (read, action, object_type) in enumerate(read_rows()):
        match read.kind:
            case "signinattempts":
                row = signin("mia")
            case "itemusages":
                row = usage("mia", action)
            case "healthevents":
                row = heartbeat(minutes(2))
            case _:
                row = audit("mia", action, object_type, subject="tom", vault="v", info="A", **(
                    {"aux_uuid": "g", "aux_details": None} if object_type == "gva" else {}
                ))  # fmt: skip
        rows.append(Planted(row.source, row.content, row.happened, row.ingested, uuid=str(number)))
    workspace = planted(tmp_path_factory.mktemp("official") / "workspace.duckdb", [])
    plant(workspace, rows)
    return workspace


@pytest.mark.parametrize(
    ("number", "wanted"),
    list(enumerate(read_rows())),
    ids=[f"{read.rule}: {action} {object_type}".strip() for read, action, object_type in read_rows()],
)
def test_microsofts_rules_find_what_they_read(
    everything: Workspace, number: int, wanted: tuple[Read, str, str]
) -> None:
    """The event is labelled by its stream, has the action and object type, and something in each member."""
    read, action, object_type = wanted
    members = read.members.split()
    extended = ", ".join(f"m{index} = tostring({member})" for index, member in enumerate(members)) or "m0 = 'none'"
    found: list[tuple[Any, ...]] = everything.query(
        f"{TABLE} | where uuid_s == '{number}' and TimeGenerated <= datetime({NOW}) | extend {extended} "
        f"| project log_source, action, object_type, {', '.join(f'm{index}' for index in range(len(members) or 1))}"
    ).rows
    ((kind, *said),) = found
    assert (kind, said[:2]) == (read.kind, [action, object_type])
    assert "" not in said[2:]
    assert None not in said[2:]


@pytest.mark.skipif(not FACTS.exists(), reason="needs the folder `shared` beside the repository, with its facts")
def test_this_is_what_was_found_out() -> None:
    """The columns above are those of the research on Microsoft's solution, to the last type."""
    researched = re.findall(r"^\| `(\w+)` \| (\w+) \| 3\.0\.\d \|", FACTS.read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(researched) == {name: kind for name, (kind, _) in COLUMNS.items()}
    assert len(researched) == 33
