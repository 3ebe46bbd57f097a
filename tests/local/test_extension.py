"""Microsoft's Durable extension as the local host's engine: how it is found, started and ended."""

import asyncio
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from local.extension import ExtensionEngine, HubStorage, ProgramMissingError, find_program
from local.extension import storage as storage_module
from local.extension.process import ExtensionProcess
from local.host import HostError
from local.patience import until

ROOT = Path(__file__).resolve().parents[2]


def test_a_program_that_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what is missing, and how it is made."""
    monkeypatch.setattr("local.extension.program._BUILT", tmp_path / "durable-host")
    with pytest.raises(ProgramMissingError, match=r"durable-host is missing.*make durable-host.*DURABLE_HOST"):
        find_program({})
    plain = tmp_path / "plain"
    plain.touch()
    for named, reason in (("/none", "does not exist"), (tmp_path, "is a directory"), (plain, "is not executable")):
        with pytest.raises(
            ProgramMissingError, match=rf"DURABLE_HOST names {named}, which {reason}\..*make durable-host"
        ):
            find_program({"DURABLE_HOST": str(named)})


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
    assert ("It logged nothing. Check that DURABLE_HOST names durable-host" in str(raised.value)) is (
        "exit 0" in script
    )


async def test_only_this_process_is_quoted(tmp_path: Path) -> None:
    """The log goes on from earlier processes; the reason of their ends is not this one's."""
    program, folder = tmp_path / "program", tmp_path / "folder"
    folder.mkdir()
    (folder / "extension.log").write_text("an earlier reason\n")
    program.write_text("#!/bin/sh\necho 'the reason' >&2\n")
    program.chmod(0o700)
    process = ExtensionProcess(program, folder, "")
    with pytest.raises(HostError, match="the reason") as raised:
        await process.start({}, [], "http://127.0.0.1:9/invoke")
    await process.stop()
    assert "earlier" not in str(raised.value)


async def test_a_program_whose_port_was_taken_meanwhile(tmp_path: Path) -> None:
    """It is started again, and looks for another port."""
    program, once = tmp_path / "program", tmp_path / "once"
    ready = '{"client": "a client", "management": "http://localhost"}'
    program.write_text(
        f"#!/bin/sh\n"
        f"if [ ! -e {once} ]; then touch {once}; echo 'Failed to bind: address already in use.' >&2; exit 1; fi\n"
        f"echo '{ready}'; exec sleep 600\n"
    )
    program.chmod(0o700)
    process = ExtensionProcess(program, tmp_path / "folder", "")
    await process.start({}, [], "http://127.0.0.1:9/invoke")
    assert process.client_binding == "a client"
    process.check()
    await process.stop()


@pytest.mark.parametrize("line", ["hello", "{}", "[]"])
async def test_a_program_that_is_not_durable_host_is_named(tmp_path: Path, line: str) -> None:
    """A first line that is not the ready line gets a message, not a traceback."""
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho '{line}'\nexec sleep 600\n")
    program.chmod(0o700)
    process = ExtensionProcess(program, tmp_path / "folder", "")
    with pytest.raises(HostError, match=rf"{program}.*printed something else than its ready line.*DURABLE_HOST"):
        await process.start({}, [], "http://127.0.0.1:9/invoke")
    await process.stop()


async def test_a_program_that_cannot_be_executed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where setpriv is missing, the failure to execute is this process's own."""
    monkeypatch.setattr("local.extension.process.shutil.which", lambda _: None)
    program = tmp_path / "program"
    program.write_text("#!/none/sh\n")
    program.chmod(0o700)
    process = ExtensionProcess(program, tmp_path / "folder", "")
    with pytest.raises(HostError, match=rf"{program} cannot be run \(.*\)\. Check that DURABLE_HOST"):
        await process.start({}, [], "http://127.0.0.1:9/invoke")
    await process.stop()


def test_storage_whose_port_was_taken_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are chosen: any program may take a free port before Azurite listens on it."""
    free = storage_module._free_ports
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        chosen = iter([free("blob", "queue") | {"table": port}, free("blob", "queue", "table")])
        monkeypatch.setattr(storage_module, "_free_ports", lambda *_: next(chosen))
        with HubStorage(tmp_path) as storage:
            assert storage.ports["table"] != port
            storage.check()


def test_storage_that_ended_breaks_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's check names Azurite and its log: requests fail without a reason then."""
    storage = HubStorage(tmp_path)
    engine = ExtensionEngine(tmp_path / "program", storage, tmp_path / "extension")
    engine.check()
    monkeypatch.setattr(storage, "_process", SimpleNamespace(poll=lambda: 0, returncode=0))
    with pytest.raises(HostError, match=r"Azurite, which stores the task hub, ended with code 0.*azurite\.log"):
        engine.check()


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
