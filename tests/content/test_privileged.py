"""What the rules on vaults and groups find once their lists are filled in, and that no event alerts twice."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.content.sources import read_documents
from local.content import read_rules
from tests.content.planted import NOW, TEMPLATE, Planted, audit, minutes, planted

DOCUMENTS: Final = read_documents("rules")
SCHEDULED: Final = read_rules(TEMPLATE)
EMPTY: Final = "dynamic([])"
LISTED: Final = f'dynamic(["{"other":o<26}", "{"crown":v<26}", "{"crown":g<26}"])'

SELF: Final = "VaultAccessSelfGranted"
PRIVILEGED: Final = "PrivilegedVaultAccessChanged"
ORDINARY: Final = "OrdinaryVaultAccessChanged"
SELF_ROLE: Final = "GroupRoleSelfGranted"
GROUP: Final = "PrivilegedGroupJoined"
FAMILY: Final = (SELF, PRIVILEGED, ORDINARY, SELF_ROLE, GROUP)


def person_gets(action: str, vault: str, subject: str = "tom") -> Planted:
    return audit("mia", action, "uva", vault=vault, subject=subject)


def group_gets(action: str, vault: str) -> Planted:
    return audit("mia", action, "gva", vault=vault, group="g")


def membership(action: str, group: str, info: str, subject: str = "tom") -> Planted:
    return audit("mia", action, "gm", group=group, subject=subject, info=info)


# What happens, and the rules that alert on it with empty lists and with lists that name "crown".
EVENTS: Final = {
    "person gets a listed vault": (person_gets("grant", "crown"), [ORDINARY], [PRIVILEGED]),
    "person gets other permissions in a listed vault": (person_gets("update", "crown"), [ORDINARY], [PRIVILEGED]),
    "person loses a listed vault": (person_gets("revoke", "crown"), [ORDINARY], [PRIVILEGED]),
    "person gets another vault": (person_gets("grant", "shed"), [ORDINARY], [ORDINARY]),
    "person takes a listed vault": (person_gets("grant", "crown", "mia"), [SELF], [SELF]),
    "person takes another vault": (person_gets("update", "shed", "mia"), [SELF], [SELF]),
    "person leaves a listed vault": (person_gets("revoke", "crown", "mia"), [], [PRIVILEGED]),
    "person leaves another vault": (person_gets("revoke", "shed", "mia"), [], []),
    "group gets a listed vault": (group_gets("grant", "crown"), [PRIVILEGED], [PRIVILEGED]),
    "group loses a listed vault": (group_gets("revoke", "crown"), [PRIVILEGED], [PRIVILEGED]),
    "group gets another vault": (group_gets("update", "shed"), [PRIVILEGED], []),
    "somebody changes a listed vault": (audit("mia", "update", "vault", vault="crown"), [], []),
    "member of a listed group": (membership("join", "crown", "R"), [], [GROUP]),
    "manager of a listed group": (membership("join", "crown", "A"), [GROUP], [GROUP]),
    "member of a listed group becomes manager": (membership("role", "crown", "A"), [GROUP], [GROUP]),
    "manager of a listed group becomes member": (membership("role", "crown", "R"), [], []),
    "member of a listed group leaves": (membership("leave", "crown", "R"), [], []),
    "member of another group": (membership("join", "shed", "R"), [], []),
    "manager of another group": (membership("role", "shed", "A"), [GROUP], []),
    "person joins a listed group": (membership("join", "crown", "R", "mia"), [SELF_ROLE], [SELF_ROLE]),
    "person becomes manager of another group": (membership("role", "shed", "A", "mia"), [SELF_ROLE], [SELF_ROLE]),
}


def alerts(stem: str, lists: str, folder: Path, rows: Sequence[Planted]) -> list[dict[str, Any]]:
    """What a rule alerts on whose list somebody has edited."""
    rule = SCHEDULED[DOCUMENTS[stem]["name"]]
    workspace = planted(folder / f"{stem}.duckdb", rows)
    columns, found = replace(rule, query=rule.query.replace(EMPTY, lists)).run(workspace, NOW)
    workspace.close()
    return [dict(zip(columns, row, strict=True)) for row in found]


@pytest.mark.parametrize("stem", [PRIVILEGED, ORDINARY, GROUP])
def test_a_rule_has_a_list_to_fill_in(stem: str) -> None:
    """There is one, it is empty, and it stands at the top of the query below the comment that explains it."""
    code = [line for line in DOCUMENTS[stem]["query"].splitlines() if not line.startswith("//")]
    assert code[0].startswith("let Privileged")
    assert code[0].endswith(f" = {EMPTY};")
    assert DOCUMENTS[stem]["query"].count(EMPTY) == 1
    assert DOCUMENTS[stem]["query"].startswith("// The uuids of the ")


@pytest.mark.parametrize("filled", [False, True], ids=["empty lists", "filled lists"])
def test_each_event_alerts_where_it_belongs(filled: bool, tmp_path: Path) -> None:  # noqa: FBT001 (a parameter of a test)
    """Whether the lists are empty or filled in, each event is in the one rule that is for it, and never in two."""
    names = {row.uuid: name for name, (row, _, _) in EVENTS.items()}
    found: dict[str, list[str]] = {name: [] for name in EVENTS}
    for stem in FAMILY:
        for alert in alerts(stem, LISTED if filled else EMPTY, tmp_path, [row for row, _, _ in EVENTS.values()]):
            found[names[alert["EventUuid"]]].append(stem)
    assert found == {name: full if filled else empty for name, (_, empty, full) in EVENTS.items()}


def test_a_person_in_a_listed_vault_is_an_entity(tmp_path: Path) -> None:
    """Of a change for a person the alert says who; of a change for a group, which group."""
    rows = [person_gets("grant", "crown"), group_gets("grant", "crown")]
    found = {each["EventUuid"]: each for each in alerts(PRIVILEGED, LISTED, tmp_path, rows)}
    person, group = (found[row.uuid] for row in rows)
    assert (person["Whom"], person["SubjectUpnName"]) == ("tom@example.com", "tom")
    assert (group["Whom"], group["SubjectUpnName"]) == (f"the group {'g' * 26}", "")


@pytest.mark.parametrize("stem", [SELF, PRIVILEGED, ORDINARY])
def test_making_a_vault_hides_no_later_change(stem: str, tmp_path: Path) -> None:
    """Only the first minute of a vault is part of making it, and only for who made it."""
    change = {SELF: person_gets("grant", "v", "mia"), PRIVILEGED: group_gets("grant", "v")}.get(
        stem, person_gets("grant", "v")
    )
    made = [audit("mia", "create", "vault", minutes(4), vault="v")]
    by_another = [audit("tom", "create", "vault", minutes(2.5), vault="v")]
    just_made = [audit("mia", "create", "vault", minutes(2.5), vault="v")]
    for number, (before, expected) in enumerate([(made, 1), (by_another, 1), (just_made, 0)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert len(alerts(stem, EMPTY, folder, [*before, change])) == expected
