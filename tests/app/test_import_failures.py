"""An app that cannot be imported says why in one line on standard error, which the Functions host logs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.package import copy_app
from local.app_settings import DEFAULTS
from local.host import HostError
from local.host.log import WorkerLog
from local.host.worker import WorkerProcess
from triggers.import_failures import import_failure

ROOT = Path(__file__).resolve().parents[2]
BEGINS = "Error: the app has no functions, because its import failed at "
ADVICE = "Deploy the released package again, or one with the libraries that requirements.txt names, on Python 3.13."
SECRET = "eyJ0b2tlbg.of.an.account"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Provide a copy of the app, to be broken."""
    app = tmp_path / "app"
    app.mkdir()
    copy_app(ROOT, app)
    return app


async def printed(app: Path, **settings: str) -> tuple[list[str], str]:
    """Let the worker library index an app, and give what it printed and what the host was told."""
    log = WorkerLog(None)
    worker = WorkerProcess(app, {**DEFAULTS, **settings}, sys.executable, log)
    try:
        with pytest.raises(HostError) as caught:
            await worker.start()
    finally:
        await worker.stop()
    return log.last_words.splitlines(), str(caught.value)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import nothing_such", "ModuleNotFoundError: No module named 'nothing_such'"),
        ("from onepassword_sentinel.wire import nothing", "ImportError: cannot import name 'nothing' from"),
        ("def broken(:", "SyntaxError: invalid syntax"),
        ("raise RuntimeError('first line\\nsecond line')", "RuntimeError: first line second line"),
        ("import ctypes; ctypes.CDLL('libnone.so')", "OSError: libnone.so: cannot open shared object file"),
        ("raise SystemExit", "SystemExit"),
    ],
    ids=["missing library", "missing name", "syntax", "of many lines", "native library", "exit"],
)
async def test_a_failing_import_is_one_line(copy: Path, source: str, says: str) -> None:
    """The line has file, line number, cause and remedy, comes once, and does not replace the exception."""
    path = copy / "activities/report_health.py"
    before = path.read_text()
    path.write_text(before + source + "\n")
    lines, told = await printed(copy)
    (line,) = [line for line in lines if line.startswith("Error")]
    # The standard library's file is the one that raises for a native library.
    raised = "__init__.py" if "ctypes" in source else "activities/report_health.py"
    assert line.startswith(f"{BEGINS}{raised}, line ")
    assert raised == "__init__.py" or f", line {len(before.splitlines()) + 1}: " in line
    assert says in line
    assert line.endswith(ADVICE)
    assert says.partition(":")[0] in told
    assert line in told


def test_the_app_without_its_libraries_says_so(copy: Path) -> None:
    """What writes the line needs none of them."""
    done = subprocess.run(
        (sys.executable, "-S", "-c", "import sys; sys.path.insert(0, '.'); import function_app"),
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    line, traceback, *_ = done.stderr.splitlines()
    assert (done.returncode, traceback) == (1, "Traceback (most recent call last):")
    assert line.startswith(f"{BEGINS}activities/")
    assert "ModuleNotFoundError: No module named 'azure'" in line


async def test_the_line_has_no_value_of_a_setting(copy: Path) -> None:
    """An exception that quotes a setting is shown with the setting's name in its place."""
    path = copy / "activities/report_health.py"
    path.write_text(path.read_text() + "import os\nint(os.environ['ONEPASSWORD_TOKEN'])\n")
    lines, _ = await printed(copy, ONEPASSWORD_TOKEN=SECRET)
    (line,) = [line for line in lines if line.startswith(BEGINS)]
    assert "ValueError: invalid literal for int() with base 10: '<ONEPASSWORD_TOKEN>'. Deploy" in line
    assert SECRET not in line


def test_a_long_message_is_cut() -> None:
    """The line stays readable, and its advice is never cut."""
    try:
        raise ImportError("x" * 10_000)  # noqa: TRY301 - its traceback is needed
    except ImportError as error:
        line = import_failure(error)
    assert len(line) < 700
    assert line.endswith(f"xxx... {ADVICE}")


def test_the_command_line_shows_the_line(copy: Path) -> None:
    """`python -m local run` ends with it, below the worker's traceback."""
    for folder in ("local", "deploy", "sentinel"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "azuredeploy.json", copy)
    (copy / "triggers/timer.py").write_text("import nothing_such\n")
    done = subprocess.run(
        (sys.executable, "-m", "local", "run", "--state", str(copy / "state")),
        cwd=copy,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The app does not start: ")
    *_, line, where = done.stderr.splitlines()
    assert line.startswith(f"{BEGINS}triggers/timer.py, line 1: ModuleNotFoundError: ")
    assert where.startswith("The app's log: ")
