"""`make chaos`: what it prints, and that it notices."""

import re
from pathlib import Path

import pytest

from local.__main__ import main
from local.chaos import Case, command
from local.chaos.case import Stage


def test_a_case_is_played_and_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs, events, kept, lost, doubled, allowed; nothing is left behind of what went well."""
    status = main(["chaos", "--once", "--case", "late arrivals", "--state", str(tmp_path), "--jobs", "1"])
    out, err = capsys.readouterr()
    assert (status, err) == (0, "")
    assert re.search(r"^1Password +\n  late arrivals +1 +1,020 +0 +0 +0 +0$", out, re.MULTILINE)
    assert list((tmp_path / "chaos").iterdir()) == []


def test_a_case_that_there_is_not_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A typing mistake is not a success."""
    assert main(["chaos", "--case", "no such", "--state", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "No case has 'no such' in its name.\n"


def _tampering(sql: str) -> Case:
    async def play(stage: Stage) -> int:
        await stage.env.poll()
        stage.env.workspace._connection.execute(sql)
        return 0

    return Case("Test", "somebody changes the table", play)


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("DELETE FROM OnePasswordEventLogs_CL WHERE rowid = 5", "1 of 900 events are neither in the table nor in dead"),
        (
            "INSERT INTO OnePasswordEventLogs_CL SELECT * FROM OnePasswordEventLogs_CL WHERE rowid < 3",
            "3 rows are doubled, at most 0 may be",
        ),
        ("DELETE FROM OnePasswordEventLogs_CL WHERE log_source = 'healthevents'", "a heartbeat is missing"),
    ],
    ids=["lost", "doubled", "silent"],
)
def test_what_is_out_of_bounds_is_noticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, sql: str, says: str
) -> None:
    """One row too few or too many is enough: exit status 1, the seed, and where the log is."""
    monkeypatch.setattr(command, "CASES", (_tampering(sql),))
    assert main(["chaos", "--once", "--state", str(tmp_path), "--jobs", "1"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("Test: somebody changes the table, seed 1: ")
    assert says in err
    assert re.findall(r"the app's log: (\S+)\)", err) == [str(log) for log in tmp_path.rglob("app.log")]


def test_a_case_without_time_proves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was not played is not passed over."""
    assert main(["chaos", "--case", "late arrivals", "--minutes", "0", "--state", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "There was no time for 1 of 1 cases: --minutes gives more.\n"
