"""`query`: what an analyst asks of the last run, in KQL or by the name of a rule or of a hunting query."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from local.__main__ import main
from local.alerts import Replay, arrivals, replay
from local.content import HuntingQuery, ScheduledRule, read_rules
from local.findings import print_hunt
from local.query import NoSuchNameError, named
from local.workspace import Answer, WorkspaceQueryError
from tests.content.planted import NOW, TEMPLATE, Planted, audit, minutes, planted, signin

FIREWALL = "1Password - firewall rules changed"
CHANGE = ("mia", "updatfw", "account")
NAMES = ["1Password - red fox", "1Password - brown fox at night", "1Password - Night owl", "1Password - owl"]

type Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Run the command; its exit status, and what it printed."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["query", *arguments, "--state", str(tmp_path)])
        return status, *capsys.readouterr()

    return run


def leave(tmp_path: Path, *rows: Planted) -> None:
    """Leave a workspace, as a run does."""
    planted(tmp_path / "workspace.duckdb", rows).close()


def replayed(folder: Path, *rows: Planted) -> Replay:
    workspace = planted(folder / "replayed.duckdb", rows)
    try:
        return replay(read_rules(TEMPLATE)[FIREWALL], workspace, arrivals(workspace))
    finally:
        workspace.close()


@pytest.mark.parametrize("name", [FIREWALL, FIREWALL.upper(), "firewall rules changed", "firewall", "rules chan"])
def test_a_rule_by_its_name(tmp_path: Path, ask: Ask, name: str) -> None:
    """The whole name is not needed: what the rule finds, when it would have run, and the alert's own title come."""
    leave(tmp_path, audit(*CHANGE, minutes(2)), audit("tom", "create", "vault", minutes(2)))
    status, out, err = ask("--rule", name)
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == FIREWALL
    assert "Medium. Identifies" in out
    assert "What to do" not in out
    assert "1 alert in 1 run at 2026-11-25 12:00 UTC, to which 2 rows were new." in out
    assert "1Password: mia@example.com changed the firewall rules 2026-11-25 11:58:00 192.0.2.10" in out
    assert max(map(len, out.splitlines())) <= 100


def test_no_alert_says_what_was_looked_at(tmp_path: Path, ask: Ask) -> None:
    """Nothing found is told from nothing tried."""
    leave(tmp_path, signin("mia", minutes(2)), signin("mia", minutes(31)))
    said = " ".join(ask("--rule", "firewall")[1].split())
    assert "No alert in 2 runs from 2026-11-25 11:30 to 2026-11-25 12:00 UTC, to which 2 rows were new." in said


def test_an_empty_workspace(tmp_path: Path, ask: Ask) -> None:
    """No row has come, and no run is replayed."""
    leave(tmp_path)
    status, out, err = ask("--rule", "firewall")
    assert (status, err) == (0, "")
    assert "No row has come yet" in out


def test_many_alerts_are_cut_short(tmp_path: Path, ask: Ask) -> None:
    """Twenty are shown, the earliest first, and the rest is counted."""
    leave(
        tmp_path,
        *(audit(f"person{number:02}", "updatfw", "account", minutes(3), seen=minutes(1)) for number in range(23)),
    )
    out = ask("--rule", "firewall")[1]
    assert "23 alerts in 1 run" in out
    assert len(re.findall(r"^1Password: person\d\d@example.com", out, re.MULTILINE)) == 20
    assert out.endswith("... and 3 more.\n")


def test_an_unknown_rule_names_those_that_there_are(tmp_path: Path, ask: Ask) -> None:
    """A typing mistake finds the rule that was meant at the top of them all."""
    leave(tmp_path)
    status, out, err = ask("--rule", "fierwall rules chnged")
    assert (status, out) == (1, "")
    lines = err.splitlines()
    assert lines[0] == "No analytics rule has 'fierwall rules chnged' in its name. There are:"
    assert lines[1].strip() == FIREWALL
    assert sorted(line.strip() for line in lines[1:]) == sorted(read_rules(TEMPLATE))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1Password - red fox", NAMES[0]),
        ("RED", NAMES[0]),
        ("night", NAMES[2]),
        ("at night", NAMES[1]),
        ("owl", NAMES[3]),
        ("1password - night", NAMES[2]),
    ],
)
def test_which_name_is_meant(text: str, found: str) -> None:
    """The same before what begins so, and that before what has it anywhere."""
    assert named(text, NAMES, "rule") == found


def test_a_name_that_may_mean_two() -> None:
    """Only those that fit are named."""
    with pytest.raises(NoSuchNameError) as error:
        named("fox", NAMES, "rule")
    assert str(error.value).splitlines() == [
        "More than one rule has 'fox' in its name:",
        "  1Password - brown fox at night",
        "  1Password - red fox",
    ]


def test_a_rule_fires_at_the_run_after_the_rows_came(tmp_path: Path) -> None:
    """Each run that rows were new to is replayed, with the rows as they were then, and each alert belongs to one."""
    found = replayed(
        tmp_path,
        audit(*CHANGE, minutes(92), seen=minutes(1.5)),
        signin("mia", minutes(2)),
        signin("mia", minutes(21)),
        signin("mia", minutes(180)),
    )
    assert [(run.at, run.rows, len(run.alerts)) for run in found.runs] == [
        (NOW - minutes(180), 1, 0),
        (NOW - minutes(20), 1, 0),
        (NOW, 2, 1),
    ]


@pytest.mark.parametrize(("seconds", "later"), [(-1, 0), (0, 0), (1, 5), (299, 5), (300, 5)])
def test_a_row_at_a_run_s_very_moment(tmp_path: Path, seconds: int, later: int) -> None:
    """A row that comes while a run begins is seen by it and not by the next one as well."""
    came = minutes(10) - timedelta(seconds=seconds)
    found = replayed(tmp_path, audit(*CHANGE, minutes(30), seen=came))
    assert [(run.at, len(run.alerts)) for run in found.runs] == [(NOW - minutes(10) + minutes(later), 1)]


def test_the_last_runs_are_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long time only its end, and it says how much was left out."""
    monkeypatch.setattr("local.alerts.MOST_RUNS", 3)
    found = replayed(tmp_path, *(audit(*CHANGE, minutes(5 * number)) for number in range(9)))
    assert ([run.at for run in found.runs], len(found.alerts)) == ([NOW - minutes(10), NOW - minutes(5), NOW], 3)
    assert found.left_out == 6


@pytest.fixture
def few_rules(monkeypatch: pytest.MonkeyPatch) -> dict[str, ScheduledRule]:
    """Let there be three rules only: all of them take a while."""
    known = read_rules(TEMPLATE)
    rules = {name: known[name] for name in (FIREWALL, *sorted(known.keys() - {FIREWALL})[:2])}
    monkeypatch.setattr("local.query.read_rules", lambda _: rules)
    return rules


def test_all_rules(tmp_path: Path, ask: Ask, few_rules: dict[str, ScheduledRule]) -> None:
    """Each has a line with its severity and the number of its alerts; those that fire stand first."""
    leave(tmp_path, audit(*CHANGE, minutes(2)), audit(*CHANGE, minutes(31)))
    status, out, err = ask("--rules")
    assert (status, err) == (0, "")
    heading, *lines = out.splitlines()
    assert heading.split() == ["rule", "severity", "runs", "alerts"]
    assert lines[0].removeprefix(FIREWALL).split() == ["Medium", "2", "2"]
    quiet = [re.fullmatch(r"(.+?) +(\w+) +2 +0 *", line) for line in lines[1:]]
    assert {line[1]: line[2] for line in quiet if line} == {
        name: rule.severity for name, rule in few_rules.items() if name != FIREWALL
    }


def test_a_rule_that_cannot_run_hides_no_other(
    tmp_path: Path, ask: Ask, few_rules: dict[str, ScheduledRule], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the local engine does not support gets a sentence, and the rest its line."""
    leave(tmp_path, audit(*CHANGE, minutes(2)))
    run = ScheduledRule.run

    def fail(rule: ScheduledRule, *arguments: object) -> Answer:
        if rule.name == FIREWALL:
            raise WorkspaceQueryError("The query failed.")
        return run(rule, *arguments)

    monkeypatch.setattr(ScheduledRule, "run", fail)
    status, out, err = ask("--rules")
    assert (status, err) == (1, f"{FIREWALL}: The query failed.\n")
    assert len(out.splitlines()) == len(few_rules)


def test_a_hunt_shows_what_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    """Long texts are cut; columns without room, or that nobody reads, are named below, as are further rows counted."""
    hunt = HuntingQuery("1Password - hunt", "Identifies something.", "")
    columns = ["EventTime", "ActorUuid", "Actor", "Text", "Count"]
    print_hunt(Console(width=60), hunt, Answer(columns, [(NOW, "A" * 26, "mia [b]", "x" * 50, 3)] * 25))
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["1Password - hunt", "Identifies something."]
    assert lines[3].split() == ["EventTime", "Actor", "Text"]
    assert lines[4].split() == ["2026-11-25", "12:00:00", "mia", "[b]", "x" * 31 + "…"]
    assert lines[24:] == ["... and 5 more.", "", "Not shown: ActorUuid, Count."]


def test_an_unknown_hunt(tmp_path: Path, ask: Ask) -> None:
    """It is said, as of a rule."""
    leave(tmp_path)
    status, out, err = ask("--hunt", "no such hunt")
    assert (status, out) == (1, "")
    assert "hunting query" in err


def test_kql_calls_the_functions(tmp_path: Path, ask: Ask) -> None:
    """The workspace's functions work as in Azure, and text that looks like markup is printed as it is."""
    leave(tmp_path, signin("mia", minutes(2)), audit("mia", "create", "vault", minutes(1), info="[red]"))
    assert ask("OnePasswordSignins() | project Actor, Reason")[1].split("\n")[1].strip() == (
        "mia@example.com account password and Secret Key were right"
    )
    assert "[red]" in ask("OnePasswordAudit() | project AuxInfo")[1]


def test_nothing_asked(tmp_path: Path, ask: Ask) -> None:
    """The message says what can be asked, and how."""
    leave(tmp_path)
    status, out, err = ask()
    assert (status, out) == (2, "")
    assert all(word in err for word in ("KQL", "--rule ", "--rules", "--hunt", "make query"))


@pytest.mark.parametrize("arguments", [("--rule", "firewall"), ("--rules",), ("--hunt", "x"), ("T | count",)])
def test_without_a_run_there_is_nothing_to_ask(ask: Ask, arguments: tuple[str, ...]) -> None:
    """Whatever is asked, the sentence says what to do first."""
    status, out, err = ask(*arguments)
    assert (status, out) == (1, "")
    assert "make run" in err


def test_after_a_real_run_rules_fire(tmp_path: Path, ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    """The smallest run that has room for the story leaves something to find for ten rules or more."""
    assert main(["run", "--events", "60", "--polls", "0", "--json", "--state", str(tmp_path)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert all(stream["rows"] == 60 for stream in report["streams"].values())
    status, out, _ = ask("--rules")
    fired = [line for line in out.splitlines()[1:] if not line.rstrip().endswith(" 0")]
    assert (status, len(fired) >= 10) == (0, True), out
    titles = ask("--rule", "impossible travel")[1]
    assert "grace.hopper@finance-and-operations.example.com" in titles
