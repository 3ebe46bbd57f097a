"""The local Functions host starts functions by timer and by hand, and says what is wrong with an app."""

import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from local.host import FunctionsHost, HostError, InvocationError
from local.host.timers import Schedule, ScheduleStatus
from local.patience import until

APPS = Path(__file__).parent / "apps"
pytestmark = pytest.mark.asyncio(loop_scope="module")


def settings(marks: Path, **more: str) -> dict[str, str]:
    return {"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1", "MARKS": str(marks), "TICK": "0 0 0 1 1 *", **more}


def ticks(host: FunctionsHost) -> list[str]:
    """Return what the app's timer function logged."""
    return [record.message for record in host.warnings if record.logger == "durable_app"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FunctionsHost]:
    directory = tmp_path_factory.mktemp("host")
    async with FunctionsHost(APPS / "durable", settings(directory), log_path=directory / "worker.log") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def http(host: FunctionsHost) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(host.http_url) as session:
        yield session


async def test_indexing(host: FunctionsHost) -> None:
    """Functions come with their trigger, schedule, route, methods and level; settings are resolved."""
    assert host.functions["ticker"].schedule == "0 0 0 1 1 *"
    things = host.functions["things"]
    assert (things.route, things.methods, things.auth_level) == (
        "things/{thing}/{number:int}",
        ("GET", "POST"),
        "FUNCTION",
    )
    assert host.functions["Counter"].durable_name == "counter"


async def test_timer_starts_an_orchestration(host: FunctionsHost) -> None:
    """A timer function queries the running instances and starts one, through its durable client over gRPC."""
    running = host.client.start("waits", 60, "busy")
    await host.fire_timer("ticker")
    instance = await host.client.wait_for("from-timer")
    host.client.terminate(running)
    assert (instance.name, instance.input, instance.output) == ("doubled", 1, 2)
    assert ticks(host) == ["1 running, past due False, last 0001-01-01"]


async def test_timer_by_hand_past_due(host: FunctionsHost) -> None:
    """A timer function that is fired by hand learns that it is late if the test says so."""
    before = len(ticks(host))
    await host.fire_timer("ticker", past_due=True)
    assert [tick.split(", ")[1] for tick in ticks(host)[before:]] == ["past due True"]


async def test_timer_that_fails(host: FunctionsHost) -> None:
    """Firing a timer by hand raises with the function's own words."""
    with pytest.raises(InvocationError) as raised:
        await host.fire_timer("broken_timer")
    assert raised.value.message == "RuntimeError: this timer never works"
    assert "function_app.py" in raised.value.stack_trace


async def test_timer_that_does_not_exist(host: FunctionsHost) -> None:
    """Only timer functions can be fired."""
    with pytest.raises(HostError, match="no timer function 'doubled'"):
        await host.fire_timer("doubled")


async def test_worker_environment(host: FunctionsHost, http: aiohttp.ClientSession) -> None:
    """The worker is another process, in the app's directory, with the settings and little else in its environment."""
    async with http.get("/api/pid") as response:
        pid, directory, *environment = (await response.text()).split()
    assert int(pid) == host.worker.pid != os.getpid()
    assert directory == str(APPS / "durable")
    allowed = {"PATH", "HOME", "LANG", "LC_CTYPE", "TMPDIR", "PYTHONPATH", *host._settings}
    assert set(environment) <= allowed
    lines = [json.loads(line) for line in host._log._path.read_text().splitlines()]
    assert [line["logger"] for line in lines if line["message"] == "printed by the app"] == ["stdout"]


@pytest.mark.parametrize("name", ["broken_timer", "BROKEN_TIMER"])
async def test_admin_endpoint(host: FunctionsHost, http: aiohttp.ClientSession, name: str) -> None:
    """The admin endpoint starts a timer function, by its name in any case, and answers at once."""
    known = [record for record in host.warnings if "this timer never works" in record.message]
    async with http.post(f"/admin/functions/{name}", json={"input": ""}) as response:
        assert (response.status, await response.read()) == (202, b"")

    def failures() -> int:
        return sum("this timer never works" in record.message for record in host.warnings)

    await until(lambda: failures() > len(known))


@pytest.mark.parametrize("name", ["doubled", "Counter", "things", "double"])
async def test_admin_endpoint_accepts_any_function(http: aiohttp.ClientSession, name: str) -> None:
    """A function of any trigger is accepted: the caller does not learn what becomes of it."""
    async with http.post(f"/admin/functions/{name}", json={}) as response:
        assert (response.status, await response.read()) == (202, b"")


@pytest.mark.parametrize(
    ("name", "request_", "status"),
    [
        ("nobody", {"json": {}}, 404),
        ("broken_timer", {}, 415),
        ("broken_timer", {"data": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
        ("broken_timer", {"data": b"", "headers": {"Content-Type": "application/json"}}, 400),
    ],
    ids=["unknown", "no body", "no JSON type", "empty"],
)
async def test_admin_endpoint_rejects(http: aiohttp.ClientSession, name: str, request_: dict, status: int) -> None:
    """An unknown function is not found, and a request needs a JSON body that its content type announces."""
    async with http.post(f"/admin/functions/{name}", **request_) as response:
        assert (response.status, await response.read()) == (status, b"")


async def test_timeout_of_host_json(tmp_path: Path) -> None:
    """A timer function that takes longer than host.json allows fails with its worker, and the next one works."""
    more = settings(tmp_path, AzureFunctionsJobHost__functionTimeout="00:00:01")
    async with FunctionsHost(APPS / "durable", more) as host:
        with pytest.raises(InvocationError, match="FunctionTimeoutException: Timeout value of 0:00:01 was exceeded"):
            await host.fire_timer("endless_timer")
        host.worker.function_timeout = None
        await host.fire_timer("ticker")
        assert host.worker.generation == 2


async def test_worker_dies_under_a_timer(host: FunctionsHost) -> None:
    """An invocation that the engine did not start is not repeated: it fails, and the next one works."""
    host.worker.kill()
    with pytest.raises(InvocationError, match="WorkerDiedError"):
        await host.fire_timer("ticker")
    await host.fire_timer("ticker")
    assert (await host.client.wait_for("from-timer")).output == 0


async def test_turns_survive_the_worker(host: FunctionsHost) -> None:
    """Orchestrator turns that a dying worker held are run again, each taking effect once."""
    for number in range(3):
        host.worker.kill_in("ten_hops", after=number * 2)
        assert (await host.client.wait_for(host.client.start("ten_hops", 0, f"survivor-{number}"))).output == 8
        assert host.client.entity_state("counter", f"survivor-{number}") == 5
    assert host.worker.deaths_to_come == 0


async def test_schedule_fires(tmp_path: Path) -> None:
    """With timers on, a timer function fires on its schedule."""
    more = settings(tmp_path, TICK="* * * * * *")
    async with FunctionsHost(APPS / "durable", more, run_timers=True) as ticking:
        assert (await ticking.client.wait_for("from-timer")).output == 0


async def test_timer_past_due(tmp_path: Path) -> None:
    """A timer function that was due while no host was running fires at once, past due, and then on its schedule."""
    then = datetime(2026, 1, 1, tzinfo=UTC)
    statuses = {"ticker": ScheduleStatus(then, then + timedelta(hours=1))}
    options = {"run_timers": True, "timer_statuses": statuses}
    async with FunctionsHost(APPS / "durable", settings(tmp_path), **options) as host:
        await until(lambda: statuses["ticker"].next > datetime.now(UTC))
        assert ticks(host) == ["0 running, past due True, last 2026-01-01"]
    assert statuses["ticker"].last > then


async def test_timer_under_a_minute_is_never_past_due(tmp_path: Path) -> None:
    """A schedule of less than a minute makes up for nothing, and the function still learns when it ran last."""
    then = datetime(2026, 1, 1, tzinfo=UTC)
    statuses = {"ticker": ScheduleStatus(then, then + timedelta(seconds=1))}
    options = {"run_timers": True, "timer_statuses": statuses}
    async with FunctionsHost(APPS / "durable", settings(tmp_path, TICK="* * * * * *"), **options) as host:
        await until(lambda: ticks(host))
        assert ticks(host)[0] == "0 running, past due False, last 2026-01-01"


async def test_unindexable_app(tmp_path: Path) -> None:
    """An app that cannot be indexed is refused in the worker's own words, and nothing is left running."""
    host = FunctionsHost(APPS / "unindexable", settings(tmp_path))
    with pytest.raises(HostError, match="the following parameters are declared in Python but not in the function"):
        await host.start()
    await host.stop()
    assert host.worker._process.returncode is not None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({"TICK": None}, "no setting 'TICK'"), ({"TICK": "*/5 * * * *"}, "six fields"), ({"MARKS": None}, "KeyError")],
    ids=["setting missing", "five fields", "import fails"],
)
async def test_wrong_settings(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    """A setting that the app's bindings or its import need is named."""
    wrong = {name: value for name, value in {**settings(tmp_path), **changes}.items() if value is not None}
    with pytest.raises(HostError, match=problem):
        await FunctionsHost(APPS / "durable", wrong).start()


async def test_no_host_json(tmp_path: Path) -> None:
    """A directory without host.json is no function app."""
    with pytest.raises(HostError, match=r"host\.json cannot be read"):
        await FunctionsHost(tmp_path, {}).start()


async def test_stop_is_idempotent(tmp_path: Path) -> None:
    """Stopping twice, and stopping what never started, does nothing."""
    host = FunctionsHost(APPS / "durable", settings(tmp_path))
    await host.stop()
    await host.stop()
    assert host.worker.pid is None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 */5 * * * *", "2026-01-01T00:05:00"),
        ("30 59 23 * * *", "2026-01-01T23:59:30"),
        ("0 0 0 13 * 5", "2026-02-13T00:00:00"),  # the thirteenth and a Friday, both
    ],
)
async def test_ncrontab(expression: str, expected: str) -> None:
    """Seconds come first, and a day of the month and a day of the week must both match."""
    upcoming = Schedule(expression).next_after(datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC))
    assert upcoming.replace(tzinfo=None).isoformat() == expected
