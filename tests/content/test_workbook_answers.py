"""What the workbook shows: each event once, in the time in which it happened, and the same in every tile."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from local.workspace import Workspace
from tests.content.planted import ACCOUNT, BERLIN, NOW, SYDNEY, days, health, person, planted, signin
from tests.content.workbook_queries import items, tiles, workbook_queries
from tests.content.workbook_rows import A_DAY, THEN, of, of_health, of_that_day

TILES: Final = tiles()
OF_HEALTH: Final = {
    item["content"]["title"]
    for group in items()
    if group["name"] == "ConnectorHealth"
    for item in items(group["content"])
    if item["type"] == 3
}
FIGURES: Final = "What happened, compared with the period before?"
LOOK: Final = "What needs a look?"
MIA, TOM = person("mia")["uuid"], person("tom")["uuid"]

each_of_events = pytest.mark.parametrize("title", [title for title in TILES if title not in OF_HEALTH])


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    # The day before's came within the day itself.
    rows = [*of_that_day(), *of(days(3.5), seen=THEN), *of(days(0.5), seen=days(0.5)), *of_health()]
    workspace = planted(tmp_path_factory.mktemp("planted") / "workspace.duckdb", rows)
    yield workspace
    workspace.close()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = planted(tmp_path_factory.mktemp("empty") / "workspace.duckdb", [])
    yield workspace
    workspace.close()


def ask(workspace: Workspace, name: str, **chosen: Any) -> list[dict[str, Any]]:
    columns, rows = workspace.query(workbook_queries(**{"chosen": A_DAY, **chosen})[name], at=NOW)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def total(workspace: Workspace, title: str, column: str, **chosen: Any) -> int:
    return sum(row[column] for row in ask(workspace, title, **chosen))


def figures(workspace: Workspace, **chosen: Any) -> list[int]:
    """Sign-in attempts, failed ones, items revealed or copied, items exported, administrative changes."""
    return [row["Count"] for row in ask(workspace, FIGURES, **chosen)]


@pytest.mark.parametrize("name", workbook_queries())
def test_an_empty_workspace(empty: Workspace, name: str) -> None:
    """Before the first event each query runs: lists still have a row, figures are zero, and all else is empty."""
    found = ask(empty, name)
    expected = {
        FIGURES: [("Count", 0)] * 5,
        "parameter Person": [("value", "*")],
        "parameter Account": [("value", "none")],
    }.get(name, [])
    assert [(column, row[column]) for row, (column, _) in zip(found, expected, strict=True)] == expected


@pytest.mark.parametrize("title", TILES)
def test_a_tile_shows_something(workspace: Workspace, title: str) -> None:
    """No tile looks for what there never is."""
    assert ask(workspace, title, click=MIA, person=TOM if "chosen person" in title else "*")


def test_each_event_is_counted_once(workspace: Workspace) -> None:
    """Late, backfilled or delivered twice: what happened in the time is counted, and nothing else."""
    assert figures(workspace) == [4, 3, 2, 2, 6]
    assert [row["Compared"] for row in ask(workspace, FIGURES)] == [
        f"{count} in the period before" for count in (2, 1, 0, 1, 2)
    ]


def test_tiles_agree(workspace: Workspace) -> None:
    """The figures of the overview are the sums of what the tabs show."""
    signins, failed, shown, exported, changes = figures(workspace)
    for title in (
        "How many sign-ins succeeded and failed?",
        "Why did sign-ins succeed or fail?",
        "With which apps do people sign in?",
        "From where do people sign in?",
        "From which countries do people sign in?",
    ):
        assert total(workspace, title, "Attempts") == signins
    assert total(workspace, "From which countries do people sign in?", "Failures") == failed
    assert total(workspace, "Who fails to sign in? Click a person to see their sign-ins.", "Failures") == failed
    for title in ("Which vaults are used?", "Who uses items? Click a person to see which."):
        assert total(workspace, title, "Shown") == shown
        assert total(workspace, title, "Exports") == exported
    assert total(workspace, "Who exported items?", "Items") == exported
    used = total(workspace, "How are items used?", "Uses")
    for title in ("What is done with items?", "Which vaults are used?", "Which items are used most?"):
        assert total(workspace, title, "Uses") == used
    for title in ("What kinds of things are changed?", "Who makes the changes?"):
        assert total(workspace, title, "Changes") == changes
    assert len(ask(workspace, "Who changed what? The latest 250 changes.")) == changes
    chart = "When did sign-ins, item usages and administrative changes happen?"
    people = "Who was most active? Click a person to see what they did."
    assert total(workspace, chart, "Events") == total(workspace, people, "Events") == signins + used + changes


@each_of_events
@pytest.mark.parametrize("chosen", [{"accounts": ("another",)}, {"person": "somebody"}], ids=["account", "person"])
def test_the_choice_reaches_every_tile(workspace: Workspace, title: str, chosen: dict[str, Any]) -> None:
    """Of an account or a person that is in no event, tiles of events show nothing."""
    found = ask(workspace, title, **{"click": MIA, "person": TOM if "chosen person" in title else "*", **chosen})
    assert [row.get("Count") for row in found] == ([0, 0, 0, 0, 0] if title == FIGURES else [])


@each_of_events
def test_what_only_arrived_is_not_counted(workspace: Workspace, title: str) -> None:
    """In a time in which much arrived and nothing happened, tiles of events are empty."""
    chosen = (NOW - days(1.9), NOW - days(0.6))
    found = ask(workspace, title, chosen=chosen, click=MIA, person=TOM if "chosen person" in title else "*")
    assert [row.get("Count") for row in found] == ([0, 0, 0, 0, 0] if title == FIGURES else [])


def test_an_account_is_chosen(tmp_path: Path) -> None:
    """One, several, those that name none, or all; the list has the account's name from the settings."""
    other = "OTHER".ljust(26, "O")
    rows = [signin("mia"), signin("mia", account_uuid=other), signin("mia", account_uuid=None), health(account="EU")]
    workspace = planted(tmp_path / "workspace.duckdb", rows)
    today = (NOW - days(1), NOW)
    counts = [
        figures(workspace, chosen=today, accounts=accounts)[0]
        for accounts in (("*",), (ACCOUNT,), (ACCOUNT, other), ("none",), ("another",))
    ]
    offered = ask(workspace, "parameter Account", chosen=today)
    workspace.close()
    assert counts == [3, 1, 2, 1, 0]
    assert offered == [
        {"value": ACCOUNT, "label": f"EU ({ACCOUNT})"},
        {"value": other, "label": other},
        {"value": "none", "label": "Events that name no account"},
    ]


def test_a_person_is_chosen(workspace: Workspace) -> None:
    """What they did, in every tile; and beside it what others did to them."""
    assert figures(workspace, person=TOM) == [2, 2, 1, 0, 0]
    assert figures(workspace, person=MIA) == [1, 0, 1, 2, 6]
    offered = ask(workspace, "parameter Person")
    assert offered[0] == {"value": "*", "label": "All"}
    assert {"value": TOM, "label": "tom@example.com"} in offered
    done = ask(workspace, "What was done to the chosen person?", person=TOM)
    assert {row["Did"] for row in done} == {"added group membership", "suspended user"}


def test_a_person_is_clicked(workspace: Workspace) -> None:
    """Below the table stands what they did, and nobody else's."""
    for title, count in (
        ("The latest 100 events of {OverviewPersonName}", 11),
        ("The latest 100 sign-ins of {SigninPersonName}", 1),
        ("The latest 100 item usages of {UsagePersonName}", 4),
    ):
        assert len(ask(workspace, title, click=MIA)) == count
        assert ask(workspace, title, click="nobody") == []
        assert TILES[title]["conditionalVisibility"]["comparison"] == "isNotEqualTo"


def test_what_needs_a_look(workspace: Workspace) -> None:
    """The worst stands first, and who did the same twice has one row; routine is not there."""
    found = ask(workspace, LOOK)
    assert [row["Level"] for row in found] == ["High"] * 3 + ["Medium"] + ["Low"] * 2
    assert {(row["Actor"], row["What"], row["Times"]) for row in found} == {
        ("mia@example.com", "exported items", 2),
        ("mia@example.com", "changed the firewall rules of account", 1),
        ("mia@example.com", "granted vault access of a user (their own)", 1),
        ("tom@example.com", "failed the second factor: wrong one-time password", 1),
        ("eve@example.com", "was kept out by the firewall: country is blocked", 1),
        ("mia@example.com", "created service account token", 1),
    }


def test_new_places(tmp_path: Path) -> None:
    """What is new is told: a country, a city of a known country, or anything of a person who was not seen before."""
    bonn = BERLIN._replace(city="Bonn")
    rows = [signin(who, days(4)) for who in ("mia", "tom", "eve")]
    rows += [
        signin("mia", THEN, place=SYDNEY),
        signin("tom", THEN, place=bonn),
        signin("zoe", THEN),
        signin("eve", THEN),
    ]
    workspace = planted(tmp_path / "workspace.duckdb", rows)
    found = ask(workspace, next(title for title in TILES if "new for them" in title))
    workspace.close()
    assert [(row["Actor"], row["New"], row["SrcGeoCity"], row["Before"]) for row in found] == [
        ("mia@example.com", "new country", "Sydney", '["DE"]'),
        ("tom@example.com", "new city", "Bonn", '["DE"]'),
        ("zoe@example.com", "never seen before", "Berlin", ""),
    ]


def test_the_connectors_state(workspace: Workspace) -> None:
    """Each stream's last report, what went wrong in words, what was kept or repeated, and each backfill for itself."""
    streams = {row["Stream"]: row for row in ask(workspace, "Is every stream up to date?")}
    assert {stream: (row["Outcome"], row["Polls"], row["Problem"]) for stream, row in streams.items()} == {
        "auditevents": ("ok", 2, ""),
        "signinattempts": ("ok", 1, ""),
        "itemusages": ("failed", 1, "itemusages: the token was refused"),
    }
    assert streams["itemusages"]["LastGood"] is None
    assert [row["Times"] for row in ask(workspace, "What went wrong?")] == [1, 1]
    assert total(workspace, next(title for title in TILES if "dead letters" in title), "Kept") == 2
    assert [row["drift"] for row in ask(workspace, next(title for title in TILES if "fields" in title))] == [
        "new_field"
    ]
    assert total(workspace, "How far did the backfills get?", "Delivered") == 5000
    arrived = ask(workspace, "When did the newest event of each stream arrive?", chosen=(NOW - days(3), NOW))
    assert {row["log_source"]: (row["Distinct"], row["Repeated"]) for row in arrived}["itemusages"] == (8, 1)
