"""The error messages when `func` fails. Each `func` here is a script that fails in one way."""

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local.patience import until
from local.simulators import Simulators
from tests.core_tools import driver
from tests.core_tools.process import APP_DIR, CoreTools, CoreToolsError
from tests.engines import CORE_TOOLS

# Answers as a host without runs does.
HOST = """#!PYTHON
import fcntl, http.server, json, os, signal, sys
START
class Host(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())
    def do_GET(self):
        self.answer(200, STATUS if self.path == "/admin/host/status" else [])
    def do_POST(self):
        FIRE
http.server.HTTPServer(("127.0.0.1", int(sys.argv[3])), Host).serve_forever()
"""
# A child that survives SIGTERM; while either of the two lives, the lock is held.
FORK = """
lock = open("../lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    signal.pause()
signal.signal(signal.SIGTERM, signal.SIG_DFL)
"""

type Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a program that is called as `func` is."""

    def script(text: str) -> str:
        path = tmp_path / "func"
        path.write_text(text)
        path.chmod(0o700)
        return str(path)

    return script


def host(*, start: str = "", status: str = '{"state": "Running"}', fire: str = "self.answer(202, {})") -> str:
    """Write a host that does this before it serves, has this status, and does this when a function is to run."""
    text = HOST.replace("PYTHON", sys.executable).replace("START", start)
    return text.replace("STATUS", status).replace("FIRE", fire)


def run_pytest(path: Path) -> subprocess.CompletedProcess[str]:
    tests = ("tests/core_tools/test_main_job.py", "tests/local/test_patience.py")
    command = (sys.executable, "-m", "pytest", "--engine", CORE_TOOLS, "--collect-only", "-p", "no:cacheprovider")
    environment = {"PATH": os.fspath(path), "PATIENCE": "1"}
    return subprocess.run((*command, *tests), cwd=APP_DIR, env=environment, capture_output=True, text=True, check=False)


def test_without_func_the_message_names_the_remedy(tmp_path: Path) -> None:
    """The run ends with one message, not with a traceback and not with skipped tests."""
    done = run_pytest(tmp_path)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--engine func cannot run. Azure Functions Core Tools are missing: no `func` is on the path." in done.stderr
    assert "make core-tools" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_core_tools_run_their_own_tests_only(tmp_path: Path, write: Write) -> None:
    """The main job is collected; the others are deselected, and pytest counts them."""
    write("#!/bin/sh\n")
    done = run_pytest(tmp_path)
    assert done.returncode == 0, done.stderr
    names = {line.rpartition("::")[2] for line in done.stdout.splitlines() if "::" in line}
    assert names == {"test_polls_deliver_every_event_once", "test_a_failed_poll_has_its_reason"}
    assert re.search(r"2/\d+ tests collected \(\d+ deselected\)", done.stdout)


@pytest.mark.parametrize(
    ("script", "seconds", "message"),
    [
        ("#!/bin/sh\necho 'Found Python version 3.9.0'\nexit 1\n", 60, "ended with code 1. It printed:\nFound Python"),
        ("#!/bin/sh\nexit 0\n", 60, "ended with code 0. It printed:\n(nothing)"),
        ("#!/bin/sh\nexec sleep 1000\n", 0.2, "was not ready within"),
        (host(status='{"state": "Error", "errors": ["no bundle"]}'), 60, "reports errors: ['no bundle']"),
    ],
)
async def test_a_host_that_does_not_start(
    tmp_path: Path, write: Write, script: str, seconds: float, message: str
) -> None:
    """The message has what `func` printed or, if the host answers, the host's errors."""
    with pytest.raises(CoreToolsError, match=re.escape(message)):
        async with CoreTools(tmp_path, {}, func=write(script), start_seconds=seconds):
            pass


async def test_a_port_that_was_taken_meanwhile(tmp_path: Path, write: Write) -> None:
    """Two other ports are tried; then the message has what `func` printed."""
    script = (
        '#!/bin/sh\necho $3 >>../ports\necho "Port $3 is unavailable. Close the process using that port."\nexit 1\n'
    )
    with pytest.raises(CoreToolsError, match=r"Port \d+ is unavailable"):
        async with CoreTools(tmp_path, {}, func=write(script)):
            pass
    assert len((tmp_path / "ports").read_text().split()) == 3


async def test_all_processes_end(tmp_path: Path, write: Write) -> None:
    """`func` starts further processes: one that ignores SIGTERM is ended too."""

    def is_free() -> bool:
        with (tmp_path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    async with CoreTools(tmp_path, {}, func=write(host(start=FORK))):
        assert not is_free()
    await until(is_free)


@pytest.mark.parametrize(
    ("fire", "message"),
    [
        ("self.answer(404, {})", "answered 404 to the request to run poll_on_schedule"),
        ("self.answer(202, {}); os._exit(3)", "answers no more"),
        ("self.answer(202, {})", "accepted the request to run poll_on_schedule, but no poll began"),
    ],
)
async def test_a_poll_that_does_not_begin(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch, fire: str, message: str
) -> None:
    """The message names what happened to the request."""
    if "no poll" in message:
        monkeypatch.setattr(driver, "_POLL_SECONDS", 0.5)
    simulators = Simulators({}, app_dir=APP_DIR, state_dir=tmp_path, events=0, seed=7)
    async with CoreTools(tmp_path, {}, func=write(host(fire=fire))) as core_tools:
        with pytest.raises(CoreToolsError, match=re.escape(message)):
            await driver.Driver(core_tools, simulators).poll()
