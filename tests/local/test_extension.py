"""Microsoft's Durable extension as the local host's engine: how it is found, started and ended."""

import asyncio
import sys
from pathlib import Path

import pytest

from local.extension import ProgramMissingError, find_program
from local.extension.process import ExtensionProcess
from local.host import HostError
from local.patience import until

ROOT = Path(__file__).resolve().parents[2]


def test_a_program_that_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what is missing, and how it is made."""
    monkeypatch.setattr("local.extension.program._BUILT", tmp_path / "durable-host")
    with pytest.raises(ProgramMissingError, match=r"durable-host is missing.*make durable-host.*DURABLE_HOST"):
        find_program({})
    with pytest.raises(
        ProgramMissingError, match=r"DURABLE_HOST names no program that can be run: /none.*durable-host"
    ):
        find_program({"DURABLE_HOST": "/none"})


def test_the_named_program_comes_before_the_built_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DURABLE_HOST wins; what `make durable-host` built is found without it."""
    built, named = tmp_path / "built", tmp_path / "named"
    for program in (built, named):
        program.write_text("#!/bin/sh\n")
        program.chmod(0o700)
    monkeypatch.setattr("local.extension.program._BUILT", built)
    assert find_program({}) == built
    assert find_program({"DURABLE_HOST": str(named)}) == named


@pytest.mark.parametrize(
    ("script", "says"),
    [("echo 'controlQueueVisibilityTimeout is too short' >&2; exit 1", "ended while it started"), ("exit 0", "ended")],
)
async def test_a_program_that_ends_is_said_with_its_log(tmp_path: Path, script: str, says: str) -> None:
    """The extension rejects settings by ending; its last words are the reason."""
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    process = ExtensionProcess(program, tmp_path / "folder", "")
    with pytest.raises(HostError, match=says) as raised:
        await process.start({}, [], "http://127.0.0.1:9/invoke")
    await process.stop()
    assert ("controlQueueVisibilityTimeout" in str(raised.value)) is ("echo" in script)


_STARTS_AND_DIES = """
import asyncio, os, sys
from pathlib import Path
from local.extension.process import ExtensionProcess

async def main():
    process = ExtensionProcess(Path(sys.argv[1]), Path(sys.argv[2]), "")
    await process.start({}, [], "http://127.0.0.1:9/invoke")
    os._exit(0)

asyncio.run(main())
"""


async def test_the_program_ends_with_its_parent(tmp_path: Path) -> None:
    """However the parent ends: a graceful stop would wait for a worker that is gone."""
    program = tmp_path / "program"
    ready = '{"client": "", "management": "", "extension": ""}'
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\necho '{ready}'\nexec sleep 600\n")
    program.chmod(0o700)
    arguments = ["-c", _STARTS_AND_DIES, str(program), str(tmp_path / "folder")]
    parent = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT)
    assert await parent.wait() == 0
    pid = int((tmp_path / "pid").read_text())
    await until(lambda: not Path(f"/proc/{pid}").exists() or "Z (zombie)" in Path(f"/proc/{pid}/status").read_text())
