"""`make chaos`: what it prints, and that it notices."""

import re
import signal
from asyncio import timeout
from pathlib import Path

import pytest

from local.__main__ import main
from local.chaos import CASES, Case, command
from local.chaos.case import Only, Stage
from local.extension.choice import AZURE_STORAGE, ENGINES
from local.patience import until, within
from tests.e2e.test_commands import command as started
from tests.engines import program


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


def test_once_takes_as_long_as_it_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --minutes, each case is played once however slow the engine is."""
    monkeypatch.setattr(command, "_MINUTES", 0.0)
    assert main(["chaos", "--once", "--case", "late arrivals", "--state", str(tmp_path)]) == 0
    assert "1 runs of 1 cases" in capsys.readouterr().out


def test_a_case_of_one_engine_gives_its_reason() -> None:
    """Each is a sentence, which the command prints for the other engine."""
    bound = [case.only for case in CASES if case.only]
    assert bound
    for only in bound:
        assert only.engine in ENGINES
        assert re.fullmatch(r"[A-Z][^.]{20,}\.", only.reason)


def test_a_case_of_the_other_engine_is_named_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no line in the table, and a line below that says why."""
    (late,) = [case for case in CASES if case.name == "late arrivals"]
    other = Case("Test", "another", late.play, only=Only(AZURE_STORAGE, "It needs a storage account."))
    monkeypatch.setattr(command, "CASES", (late, other))
    assert main(["chaos", "--once", "--state", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "Not played: Test: another. It needs a storage account."
    assert "1 runs of 1 cases" in lines[-2]


def test_only_cases_of_the_other_engine_are_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing was proven: exit status 2 and the reason, before anything starts."""
    options = ("--engine", AZURE_STORAGE, "--case", "again and again", "--state", str(tmp_path))
    assert main(["chaos", "--once", *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Not played: Process: the worker killed again and again. ")


def test_an_engine_without_its_program_is_a_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says how the program is made, and nothing is written."""
    monkeypatch.setenv("DURABLE_HOST", "/none")
    assert main(["chaos", "--once", "--engine", AZURE_STORAGE, "--state", str(tmp_path)]) == 1
    assert "make durable-host" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_does_not_start_ends_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message in place of one for every case."""
    monkeypatch.setenv("DURABLE_HOST", "/bin/false")
    assert main(["chaos", "--engine", AZURE_STORAGE, "--jobs", "1", "--state", str(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"No more cases were played, because {CASES[0]}, seed 1, did not start: The extension")
    assert err.count("ended while it started") == 1


@pytest.mark.engine
@pytest.mark.azure_storage("it is the extension that the command starts")
def test_cases_are_played_on_the_extension(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Side by side, each on a task hub of its own in one storage account: the same lines as in memory."""
    monkeypatch.setenv("DURABLE_HOST", str(program()))
    options = ("--engine", AZURE_STORAGE, "--case", "503 ", "--jobs", "2", "--state", str(tmp_path))
    assert main(["chaos", "--once", *options]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert re.search(r"^  503 once +1 +920 +0 +0 +0 +0$", out, re.MULTILINE)
    assert re.search(r"^  503 with Retry-After +1 +7,520 +0 +0 +0 +0$", out, re.MULTILINE)
    assert [path.name for path in (tmp_path / "chaos").iterdir()] == ["task-hub"]


@pytest.mark.engine
@pytest.mark.azure_storage("it is the extension that the command starts")
async def test_an_interrupt_leaves_nothing_running(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a case ends its worker, its extension and the storage account."""
    options = ("--engine", AZURE_STORAGE, "--case", "late arrivals", "--jobs", "1", "--state", str(tmp_path))
    async with started("chaos", *options, DURABLE_HOST=str(program())) as process, timeout(within(90)):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")

        def running() -> list[str]:
            return children.read_text().split()

        await until(lambda: len(running()) == 3)
        left = running()
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
        assert (process.returncode, err) == (130, b"")
    assert not any(Path(f"/proc/{child}").exists() for child in left)  # noqa: ASYNC240
