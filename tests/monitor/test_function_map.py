"""The map of functions that Durable Functions Monitor draws is the app's, whoever calls whom in whatever way."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from local.call_graph import Calls, calls_of
from local.function_map import FunctionMapError, function_map, map_file, written
from onepassword_sentinel.schedule import DEFAULT_SCHEDULE

ROOT: Final = Path(__file__).resolve().parents[2]
HOST: Final = (ROOT / "host.json").read_text(encoding="utf-8")
# Not the SDK's own app, which registers functions of its own.
HEAD: Final = "import azure.durable_functions as df\nimport azure.functions as func\napp = func.FunctionApp()\n"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def drawn() -> dict[str, Any]:
    """What the app gives today."""
    return await function_map(ROOT)


def write(directory: Path, **sources: str) -> Path:
    """Write an app's modules; a name such as `helpers__start` is a module in a package."""
    (directory / "host.json").write_text(HOST)
    for name, source in sources.items():
        path = directory.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    return directory


async def test_the_map_in_the_repository_is_todays(drawn: dict[str, Any]) -> None:
    """Whoever adds a function or a call draws the map anew."""
    assert map_file(ROOT).read_text(encoding="utf-8") == written(drawn), "the app has changed: run `make map`"


async def test_the_map_is_named_after_the_task_hub() -> None:
    """The monitor looks for it under the name of the hub that host.json says."""
    hub = json.loads(HOST)["extensions"]["durableTask"]["hubName"]
    assert map_file(ROOT) == ROOT / f"monitor/function-maps/dfm-func-map.{hub}.json"


async def test_every_function_that_the_app_registers_is_drawn(drawn: dict[str, Any]) -> None:
    """So are orchestrations, activities, entities and what starts them, each with its trigger."""
    assert drawn["functions"].keys() == calls_of(ROOT).keys()
    triggers = {binding["type"] for about in drawn["functions"].values() for binding in about["bindings"]}
    assert triggers >= {"timerTrigger", "orchestrationTrigger", "activityTrigger", "entityTrigger"}


@pytest.mark.parametrize(
    ("name", "caller"),
    [
        ("poll", "poll_on_schedule"),
        ("discover_streams", "poll"),
        ("drain_stream", "poll"),
        ("transfer_events", "drain_stream"),
        ("report_health", "drain_stream"),
        ("report_health", "poll"),
        ("stream_cursor", "drain_stream"),
        ("stream_cursor", "transfer_events"),
    ],
)
async def test_the_calls_of_a_poll_are_drawn(drawn: dict[str, Any], name: str, caller: str) -> None:
    """From the timer to the cursor, through helpers in other modules too."""
    assert caller in drawn["functions"][name]["isCalledBy"]


async def test_nobody_calls_what_only_a_trigger_starts(drawn: dict[str, Any]) -> None:
    """The monitor draws a trigger only where there are no callers; the schedule is that of an app that names none."""
    timer = drawn["functions"]["poll_on_schedule"]
    assert timer["isCalledBy"] == []
    assert timer["bindings"] == [{"type": "timerTrigger", "direction": "in", "schedule": DEFAULT_SCHEDULE}]


async def test_bindings_are_written_as_the_monitor_compares_them(tmp_path: Path) -> None:
    """In lower case; without the durable client and the HTTP answer, which would only hide the rest."""
    source = (
        '@app.route(route="backfill/{id}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)\n'
        '@app.durable_client_input(client_name="client")\n'
        "async def begin(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:\n"
        '    await client.schedule_new_orchestration("work")\n'
        '@app.orchestration_trigger(context_name="ctx")\n'
        "def work(ctx, data):\n"
        "    ctx.continue_as_new(data)\n"
    )
    functions = (await function_map(write(tmp_path, function_app=HEAD + source)))["functions"]
    assert functions["begin"]["bindings"] == [
        {
            "type": "httpTrigger",
            "direction": "in",
            "authLevel": "anonymous",
            "methods": ["POST"],
            "route": "backfill/{id}",
        }
    ]
    assert functions["work"] == {
        "bindings": [{"type": "orchestrationTrigger", "direction": "in"}],
        "isCalledBy": ["begin"],
        "isCalledByItself": True,
    }


async def test_a_call_of_what_is_not_registered_is_reported(tmp_path: Path) -> None:
    """It would fail in Azure, and only when it is made."""
    source = (
        '@app.orchestration_trigger(context_name="ctx")\ndef work(ctx, data):\n    yield ctx.call_activity("gone")\n'
    )
    with pytest.raises(FunctionMapError, match="calls what it does not register: gone, by work"):
        await function_map(write(tmp_path, function_app=HEAD + source))


HELPER: Final = """
NAME = "by_constant"
def start(client, name="by_default", *, other="by_default_keyword"):
    client.schedule_new_orchestration(name)
    client.schedule_new_orchestration(other)
class Starter:
    async def go(self, client):
        await client.schedule_new_orchestration("by_class")
def cursor(key):
    return EntityInstanceId("Stream_Cursor", key)
"""


@pytest.mark.parametrize(
    ("body", "runs"),
    [
        ('client.schedule_new_orchestration("direct")', {"direct"}),
        ("client.schedule_new_orchestration(names.NAME)", {"by_constant"}),
        ("client.schedule_new_orchestration(NAME)", {"by_constant"}),
        ("start(client)", {"by_default", "by_default_keyword"}),
        ('start(client, "by_place", other="by_keyword")', {"by_place", "by_keyword"}),
        ("names.start(client, names.NAME, other=NAME)", {"by_constant"}),
        ("Starter().go(client)", {"by_class"}),
        ("later(start)", {"by_default", "by_default_keyword"}),
        ("start = client; start.cancel()", set()),
        ('client.restart("unnamed")', set()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_calls_are_found_in_whatever_way_they_are_made(tmp_path: Path, body: str, runs: set[str]) -> None:
    """Under a name that is written there, kept elsewhere or passed on, by a function, a class or a callback."""
    source = (
        "from helpers import start as names\nfrom helpers.start import NAME, Starter, start\n"
        f"@app.route(route='x')\nasync def begin(req, client):\n    {body}\n"
    )
    app = write(tmp_path, function_app=source, helpers__start=HELPER, helpers____init__="")
    assert calls_of(app) == {"begin": Calls(runs)}


async def test_only_who_calls_or_signals_an_entity_is_drawn_as_its_caller(tmp_path: Path) -> None:
    """To read its state is no call, though it takes the same id."""
    source = (
        "from .helpers.start import cursor\n"
        "@app.route(route='a')\nasync def reads(req, client):\n    await client.get_entity(cursor('k'))\n"
        "@app.route(route='b')\nasync def signals(req, client):\n    await client.signal_entity(cursor('k'), 'stop')\n"
        "@app.function_name('named')\n@app.timer_trigger(arg_name='t')\ndef other(t):\n    pass\n"
    )
    app = write(tmp_path, function_app=source, helpers__start=HELPER, helpers____init__="")
    assert calls_of(app) == {"reads": Calls(), "signals": Calls(entities={"stream_cursor"}), "named": Calls()}
