"""The command line, as a person uses it: in a process of its own, with settings from the environment."""

import asyncio
import json
import os
import re
import signal
import socket
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import aiohttp
import pytest

from local.identity import ManagedIdentitySimulator
from local.ingestion import IngestionSimulator, read_tables
from local.onepassword import OnePasswordSimulator
from local.patience import within
from local.report import HEADINGS
from local.simulators import Simulators
from local.tls import Certificates
from local.workspace import Workspace
from tests.e2e.conftest import APP_DIR, STREAMS
from tests.engines import program
from tests.processes import python

TEMPLATE = APP_DIR / "azuredeploy.json"


def command(*arguments: str, **settings: str) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
    """Run `python -m local` with nothing but these settings in its environment."""
    return python(
        *("-m", "local", *arguments),
        cwd=APP_DIR,
        env={"PATH": os.environ["PATH"], **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def finish(*arguments: str, **settings: str) -> tuple[int | None, str, str]:
    async with command(*arguments, **settings) as process, asyncio.timeout(within(90)):
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()


async def test_the_engine_needs_its_program(tmp_path: Path) -> None:
    """Without it the command names it and how it is made, starts nothing and keeps the table of an earlier run."""
    earlier = tmp_path / "workspace.duckdb"
    earlier.write_text("an earlier run's")
    run = await finish("run", "--engine", "azure-storage", "--state", str(tmp_path), DURABLE_HOST="/none")
    assert (run[0], run[1]) == (1, "")
    assert "make durable-host" in run[2]
    assert earlier.read_text() == "an earlier run's"


async def test_run_ends_at_once_if_no_event_can_arrive(tmp_path: Path) -> None:
    """With the message sorter on, no poll ends: the app's own error at start is printed, and nobody waits."""
    override = "AzureFunctionsJobHost__extensions__durableTask__entityMessageReorderWindowInMinutes"
    code, out, err = await finish("run", "--state", str(tmp_path), **{override: "30"})
    assert (code, out) == (1, "")
    assert err.startswith(f"The app delivers nothing: The app setting {override} must be 0")


@pytest.mark.parametrize("port", ["65536", "-1", "http"])
async def test_a_port_that_cannot_exist_is_rejected(port: str) -> None:
    """The usage is printed with the reason, not a traceback."""
    code, _, err = await finish("serve", f"--port={port}")
    assert code == 2
    assert f"argument --port: '{port}' is not a" in err


async def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    """The message names the option that chooses another."""
    (tmp_path / "file").touch()
    code, _, err = await finish("run", "--state", str(tmp_path / "file"))
    assert code == 1
    assert err.startswith(f"The folder {tmp_path / 'file'} cannot be written to: ")
    assert "Choose another with --state" in err


@pytest.mark.engine
@pytest.mark.azure_storage("it is the extension that the command starts")
async def test_run_on_the_extension_does_the_main_job(tmp_path: Path) -> None:
    """It delivers what `make run` does: everything once."""
    state = ("--state", str(tmp_path))
    ran = await finish("run", "--engine", "azure-storage", "--events", "600", *state, DURABLE_HOST=str(program()))
    assert ran[::2] == (0, "")
    assert "2 polls in" in ran[1]


async def test_run_does_the_main_job_and_leaves_the_table_to_query(tmp_path: Path) -> None:
    """Everything lands once, the report says so, and the table answers afterwards."""
    code, out, err = await finish("run", "--events", "600", "--polls", "2", "--json", "--state", str(tmp_path))
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert set(report["streams"]) == set(STREAMS)
    for stream in report["streams"].values():
        assert stream["events"] == stream["offered"] == stream["rows"] == 660
        assert (stream["lost"], stream["duplicated"]) == (0, 0)
        assert min(stream[name] for name in ("pages", "chunks", "bytes", "requests", "seconds")) > 0
        assert stream["cursor"]
    assert report["polls"] == 3
    assert report["worker"]["peak_memory_bytes"] > 10_000_000
    assert report["worker"]["cpu_seconds"] > 0

    kql = "OnePasswordEventLogs_CL | summarize rows = count() by log_source | order by log_source asc"
    code, out, _ = await finish("query", kql, "--state", str(tmp_path))
    assert code == 0
    table = [["auditevents", "660"], ["healthevents", "3"], ["itemusages", "660"], ["signinattempts", "660"]]
    assert [line.split() for line in out.splitlines()] == [["log_source", "rows"], *table]


async def test_run_prints_a_table_and_the_answer_of_the_query(tmp_path: Path) -> None:
    """What a person reads fits into 80 characters, with a line per stream and ten names."""
    code, out, err = await finish("run", "--events", "200", "--state", str(tmp_path))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == " ".join(HEADINGS).split()
    assert [line.split()[0] for line in lines[1:4]] == list(STREAMS)
    assert all(line.split()[-2:] == ["0", "0"] for line in lines[1:4])
    assert max(map(len, lines[:4])) <= 80
    start = lines.index(
        "> OnePasswordEventLogs_CL | summarize count() by tostring(target_user.name) | top 10 by count_"
    )
    assert lines[start + 1].split() == ["target_user_name", "count_"]
    assert len(lines[start + 2 :]) == 10


async def test_run_says_what_is_wrong_and_exits_1(tmp_path: Path) -> None:
    """A token from the environment is used as it is; the sentence names the setting and not the token."""
    code, out, err = await finish("run", "--state", str(tmp_path), ONEPASSWORD_TOKEN="not-a-token")
    assert code == 1
    assert "ONEPASSWORD_TOKEN is not a whole Events API token" in err
    assert "not-a-token" not in out + err


async def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    """The second says so and leaves the first alone."""
    async with Simulators({}, app_dir=APP_DIR, state_dir=tmp_path, events=0, seed=1):
        code, out, err = await finish("run", "--state", str(tmp_path))
    assert (code, out) == (1, "")
    assert "choose another folder with --state" in " ".join(err.split())


async def test_a_port_that_is_taken_gets_a_sentence(tmp_path: Path) -> None:
    """Somebody else may be serving already."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = await finish("serve", "--events", "1", "--port", str(port), "--state", str(tmp_path))
    assert code == 1
    assert f"HTTP functions cannot be served on port {port}: another program uses it. End it, or choose" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("kql", "says"),
    [("OnePasswordEventLogs_CL | wherex", "cannot be parsed"), ("Nope | count", "Nope")],
    ids=["syntax", "table"],
)
async def test_a_wrong_query_gets_a_sentence(tmp_path: Path, kql: str, says: str) -> None:
    """No traceback for a typing mistake."""
    Workspace(tmp_path / "workspace.duckdb", read_tables(TEMPLATE)).close()
    code, out, err = await finish("query", kql, "--state", str(tmp_path))
    assert (code, out) == (1, "")
    assert says in err
    assert "Traceback" not in err


async def test_query_without_a_run_says_what_to_do(tmp_path: Path) -> None:
    """There is nothing to ask yet."""
    code, _, err = await finish("query", "OnePasswordEventLogs_CL", "--state", str(tmp_path))
    assert code == 1
    assert "make run" in err


async def test_a_source_of_ones_own_is_collected_from(tmp_path: Path) -> None:
    """With a token set, the real thing is asked; what it has offered cannot be known, doubled rows can."""
    source = OnePasswordSimulator(seed=3, events=150)
    await source.start()
    try:
        settings = {"ONEPASSWORD_TOKEN": source.token(), "ONEPASSWORD_EVENTS_URL": source.url}
        code, out, err = await finish("run", "--json", "--state", str(tmp_path), **settings)
    finally:
        await source.stop()
    assert (code, err) == (0, "")
    for stream in json.loads(out)["streams"].values():
        assert (stream["events"], stream["rows"], stream["offered"]) == (150, 150, None)
        assert (stream["lost"], stream["duplicated"]) == (None, 0)


async def test_a_destination_of_ones_own_is_delivered_to(tmp_path: Path) -> None:
    """With an endpoint and a rule set, rows go there, and what was acknowledged is held against what was offered."""
    certificates = Certificates()
    certificates.write_bundle(tmp_path / "ca.pem")
    identity = ManagedIdentitySimulator()
    await identity.start()
    workspace = Workspace(tmp_path / "theirs.duckdb", read_tables(TEMPLATE))
    sink = IngestionSimulator(TEMPLATE, workspace, accepts_token=identity.accepts)
    await sink.start(certificates.server_context())
    try:
        settings = {
            **identity.settings(),
            "LOGS_INGESTION_ENDPOINT": sink.url,
            "LOGS_INGESTION_RULE_ID": sink.rule_id,
            "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
        }
        code, out, err = await finish("run", "--events", "100", "--json", "--state", str(tmp_path), **settings)
        _, rows = workspace.query("OnePasswordEventLogs_CL | where log_source != 'healthevents' | count")
    finally:
        await sink.stop()
        workspace.close()
        await identity.stop()
    assert (code, err) == (0, "")
    assert rows == [(315,)]
    for stream in json.loads(out)["streams"].values():
        assert (stream["events"], stream["offered"], stream["rows"], stream["lost"]) == (105, 105, None, None)
    assert not (tmp_path / "workspace.duckdb").exists()


async def test_serve_polls_on_schedule_until_interrupted(tmp_path: Path) -> None:
    """The timer fires, HTTP and the status page answer on the port, and Ctrl-C stops everything it has started."""
    arguments = ("serve", "--events", "50", "--port", "0", "--state", str(tmp_path))
    async with command(*arguments, POLL_SCHEDULE="* * * * * *") as process, asyncio.timeout(within(60)):
        assert process.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:\d+", (await process.stdout.readline()).decode())
        assert address is not None
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{address[0]}/admin/functions/poll_on_schedule", json={}) as answer:
                assert answer.status == 202
            async with session.get(f"{address[0]}/api/nothing") as answer:
                assert answer.status == 404
            async with session.get(f"{address[0]}/api/status", headers={"Accept": "text/html"}) as answer:
                assert (answer.status, answer.content_type) == (200, "text/html")
        while b" poll-" not in (line := await process.stdout.readline()):
            assert line
        assert re.search(rb"poll-\d{8}T\d{6}Z signinattempts: \d+ \(ok\)", line)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()  # noqa: ASYNC240
        assert len(children) == 2, "the worker and the storage account"
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")
        assert out.decode().splitlines()[-1] == "Stopping ..."
    assert not any(Path(f"/proc/{child}").exists() for child in children)  # noqa: ASYNC240


async def test_simulate_prints_settings_that_work(tmp_path: Path) -> None:
    """Whoever has `func start` points it at the simulators."""
    async with command("simulate", "--state", str(tmp_path)) as process, asyncio.timeout(within(30)):
        assert process.stdout is not None
        settings: dict[str, str] = {}
        while "SSL_CERT_FILE" not in settings:
            name, _, value = (await process.stdout.readline()).decode().strip().partition("=")
            settings[name] = value
        process.send_signal(signal.SIGINT)
        await process.communicate()
        assert process.returncode == 0
    needed = {"ONEPASSWORD_TOKEN", "LOGS_INGESTION_ENDPOINT", "LOGS_INGESTION_RULE_ID", "IDENTITY_ENDPOINT"}
    assert needed <= settings.keys()
