"""The thin edges, each by itself."""

import gc
import logging
import math
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from azure.durable_functions.testing import execute_entity

from activities import connections
from activities.report_health import report_health
from entities.stream_cursor import stream_cursor
from onepassword_sentinel import __version__
from onepassword_sentinel.destination import Destination
from onepassword_sentinel.moments import format_moment
from onepassword_sentinel.payloads import Pacing
from onepassword_sentinel.stream_requests import Begin
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.wire import from_wire, to_wire
from tests.conftest import Opaque
from tests.core.conftest import NOW, jwt

REPORT = report_health.build().get_user_function()
ENTITY = stream_cursor.build().get_user_function().entity_function
BEGIN = to_wire(Begin("poll-1", NOW, 60, "2026-11-15T12:00:00Z"))


def test_the_entity_keeps_a_plain_dict() -> None:
    """State and answers survive the platform's codec and read well in Durable Functions Monitor."""
    begun = execute_entity(ENTITY, "begin", input=BEGIN)
    state = begun.get_state()
    assert from_wire(StreamState, state).holder == "poll-1"
    assert begun.get_result()["accepted"] is True
    busy = execute_entity(ENTITY, "begin", input={**BEGIN, "holder": "poll-2"}, state=state)
    assert busy.get_result()["accepted"] is False
    assert {**busy.get_state(), "refused": None} == state


@pytest.mark.parametrize("operation", ["set_state", "delete", "resett"])
def test_the_entity_has_no_other_operations(operation: str) -> None:
    """Nothing of the framework can be called from outside, and a typing mistake is named."""
    rejected = execute_entity(ENTITY, operation, input=BEGIN).get_result()["rejected"]
    assert f"no operation '{operation}'; an operator may signal reset and stop" in rejected


@pytest.mark.parametrize(
    ("operation", "data", "says"),
    [
        ("commit", {"fence": 1}, "commit belongs to the app's own runs"),
        ("begin", "text", "begin belongs to the app's own runs"),
        ("reset", {}, "reset was given what it does not understand"),
        ("reset", {"start_time": "soon"}, "start_time must be a time"),
        ("forget", {"finished_before": "2030-01-01T00:00:00Z"}, "a live stream's cursor is never forgotten"),
    ],
)
def test_what_the_entity_rejects_is_answered_as_data(
    operation: str, data: object, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception would look like a dead worker's. A signal has no caller, so the log has the sentence too."""
    state = execute_entity(ENTITY, "begin", input=BEGIN).get_state()
    run = execute_entity(ENTITY, operation, input=data, state=state)
    answer = run.get_result()
    shown = from_wire(StreamState, state).for_runs
    assert (answer["accepted"], from_wire(StreamState, answer["state"]), run.get_state()) == (False, shown, state)
    assert says in answer["rejected"]
    ((_, level, message),) = caplog.record_tuples
    assert (level, message) == (logging.WARNING, f"the cursor test rejected {operation}: {answer['rejected']}")


def test_a_reset_that_comes_again_leaves_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """It is a warning, the least that host.json writes: a signal's sender gets no answer, and may have meant it."""
    state = execute_entity(ENTITY, "begin", input=BEGIN).get_state()
    asked = {"start_time": format_moment(datetime.now(UTC) - timedelta(days=1))}
    with caplog.at_level(logging.WARNING):
        followed = execute_entity(ENTITY, "reset", input=asked, state=state).get_state()
        assert not caplog.records
        repeated = execute_entity(ENTITY, "reset", input=asked, state=followed)
    assert (repeated.get_result()["accepted"], repeated.get_result()["old"]) == (True, None)
    assert repeated.get_state() == followed
    assert caplog.messages[0].startswith("the cursor test ignored a reset that it has already followed. ")


@pytest.mark.parametrize("operation", ["begin", "commit", "stop", "reset", "forget", "resett"])
def test_an_operation_on_a_state_that_cannot_be_read_is_rejected_as_data(operation: str) -> None:
    """Somebody has changed it by hand: nothing is overwritten, and the answer says what to do."""
    state = {"fence": "three"}
    run = execute_entity(ENTITY, operation, input=BEGIN, state=state)
    answer = run.get_result()
    assert (answer["accepted"], answer["state"], run.get_state()) == (False, None, state)
    assert "Expected `int`, got `str` - at `$.fence`" in answer["rejected"]
    assert "Correct it; or purge the entity in Durable Functions Monitor" in answer["rejected"]


def test_what_is_rejected_makes_no_stream() -> None:
    """A mistyped key leaves no cursor behind."""
    assert execute_entity(ENTITY, "stop", input={}).get_state() is None


@pytest.fixture
async def session(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., aiohttp.ClientSession]]:
    """Provide the activities' session, as it is with these environment variables and without any other proxy."""
    made: list[aiohttp.ClientSession] = []

    def make(**variables: str) -> aiohttp.ClientSession:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        made.append(connections._session())
        return made[-1]

    yield make
    for each in made:
        await each.close()
    connections._session.cache_clear()


async def test_requests_say_who_asks(session: Callable[..., aiohttp.ClientSession]) -> None:
    """1Password's and Azure's logs show the connector's version."""
    assert session().headers["User-Agent"].startswith(f"onepassword-sentinel/{__version__} ")


@pytest.mark.parametrize(
    ("variables", "asks"),
    [({}, False), ({"HTTPS_PROXY": "http://proxy:3128"}, True), ({"NO_PROXY": "localhost"}, False)],
    ids=["no proxy", "proxy", "exceptions only"],
)
async def test_a_proxy_is_used_where_there_is_one(
    session: Callable[..., aiohttp.ClientSession], variables: dict[str, str], *, asks: bool
) -> None:
    """Elsewhere the environment is not asked for one at every request."""
    assert session(**variables).trust_env is asks


def test_a_rotated_token_is_used_without_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings are read anew by every activity."""
    monkeypatch.setenv("LOGS_INGESTION_ENDPOINT", "https://rule.westeurope-1.ingest.monitor.azure.com")
    monkeypatch.setenv("LOGS_INGESTION_RULE_ID", "dcr-00000000000000000000000000000000")
    seen = []
    for number in (1, 2):
        monkeypatch.setenv("ONEPASSWORD_TOKEN", jwt(iat=number))
        seen.append(connections.read_settings().accounts[0].token.value)
    assert seen == [jwt(iat=1), jwt(iat=2)]


async def test_health_rows_keep_to_the_pause_that_azure_asked_of_a_transfer(
    session: Callable[..., aiohttp.ClientSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One object remembers the pause, so both activities need the same one."""
    session()
    monkeypatch.setenv("LOGS_INGESTION_ENDPOINT", "https://rule.westeurope-1.ingest.monitor.azure.com")
    monkeypatch.setenv("LOGS_INGESTION_RULE_ID", "dcr-00000000000000000000000000000000")
    monkeypatch.setattr(connections, "_credential", Opaque)
    # Test processes go on to load other libraries, which complain at exit of what is frozen.
    monkeypatch.setattr(gc, "freeze", lambda: None)
    transfers = connections.log_ingestion(connections.read_part(Destination.parse), Pacing().upload_limit)
    monkeypatch.setattr(transfers, "_not_before", math.inf)
    answer = await REPORT({"heartbeat": "poll-1"})
    assert "has asked this data collection rule to pause" in answer["problem"]
    connections.log_ingestion.cache_clear()
