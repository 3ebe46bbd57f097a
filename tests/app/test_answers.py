"""What HTTP functions answer when something is in the way."""

import codecs
import json
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import azure.functions as func
import grpc
import pytest

from onepassword_sentinel.errors import PermanentError, SettingsError, TransientError
from onepassword_sentinel.position import Position
from onepassword_sentinel.requests import InvalidRequestError, Problem, read_object
from onepassword_sentinel.runs import NO_MESSAGE, Run, RunState
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.wire import to_wire
from triggers import streams, task_hub
from triggers.answers import answer, answering, problem

RESET = streams.reset_cursor.build().get_user_function().client_function


def rpc_error() -> grpc.aio.AioRpcError:
    empty = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, empty, empty, details="127.0.0.1 refused")


async def answered(error: Exception) -> func.HttpResponse:
    @answering
    async def handler() -> func.HttpResponse:
        raise error

    return await handler()


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (SettingsError(["A is missing"]), 503, "Fix these app settings: A is missing"),
        (PermanentError("give the role"), 503, "give the role"),
        (TransientError("no answer"), 503, "no answer"),
        (rpc_error(), 503, "The task hub did not answer; try again in a minute."),
        (InvalidRequestError([Problem("/a", "is wrong"), Problem("/b", "too")]), 400, "a is wrong; b too"),
    ],
)
async def test_what_is_in_the_way_is_said(error: Exception, status: int, detail: str) -> None:
    """As a problem that a program and a person can read; what the task hub said stays in the log."""
    response = await answered(error)
    body = json.loads(response.get_body())
    assert (response.status_code, body["status"], body["detail"]) == (status, status, detail)
    assert response.mimetype == "application/problem+json"
    assert body["title"] == {503: "Service Unavailable", 400: "Bad Request"}[status]
    pointers = [found["pointer"] for found in body.get("errors", [])]
    assert pointers == (["/a", "/b"] if isinstance(error, InvalidRequestError) else [])


async def test_a_fault_of_the_code_is_not_dressed_up() -> None:
    """It is logged by the platform with its traceback, and answered with 500."""
    with pytest.raises(ZeroDivisionError):
        await answered(ZeroDivisionError())


def test_answers_are_about_now() -> None:
    """Nobody keeps them, whatever they say."""
    for response in (answer({}), problem(HTTPStatus.NOT_FOUND, "x")):
        assert response.headers["Cache-Control"] == "no-store"


def test_an_empty_body_is_named_as_that() -> None:
    """The Functions host drops a chunked one; whoever sent it reads which header to send."""
    with pytest.raises(InvalidRequestError) as caught:
        read_object(b"")
    assert str(caught.value) == (
        "the body is empty and must be a JSON object; if you sent one, it was chunked (Transfer-Encoding: chunked), "
        "which the Functions host drops: send it with the header Content-Length"
    )


@pytest.mark.parametrize("body", [b" ", b"\r\n\t ", codecs.BOM_UTF8, codecs.BOM_UTF8 + b"\n", codecs.BOM_UTF16_LE])
def test_a_blank_body_is_named_as_that(body: bytes) -> None:
    """White space and byte order marks are no truncated JSON, and no chunked request either: they arrived."""
    with pytest.raises(InvalidRequestError) as caught:
        read_object(body)
    assert str(caught.value) == "the body has only white space and must be a JSON object"


@pytest.mark.parametrize(
    ("state", "error", "detail"),
    [
        ("failed", "ACC-auditevents: start_time lies in the future", "ACC-auditevents: start_time lies in the future"),
        ("failed", NO_MESSAGE, f"The reset {NO_MESSAGE}"),
        ("stopped", "was terminated: enough of it", "The reset was terminated: enough of it"),
        ("stopped", "was terminated", "The reset was terminated"),
    ],
)
async def test_a_reset_that_did_not_complete_says_why(
    monkeypatch: pytest.MonkeyPatch, state: RunState, error: str, detail: str
) -> None:
    """409 with a sentence, and with the run to look at."""
    response = await reset_that_ended(monkeypatch, state=state, error=error)
    found = json.loads(response.get_body())
    assert (response.status_code, found["detail"]) == (409, detail)
    assert found["instance_id"].startswith("reset-ACC-auditevents-")


async def test_a_reset_that_the_platform_repeated_has_no_old_position(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second answer counts, and by then the cursor had followed the reset."""
    output = {"old": None, "new": to_wire(StreamState(position=Position(start_time="2026-11-01T00:00:00Z")))}
    response = await reset_that_ended(monkeypatch, state="completed", output=output)
    found = json.loads(response.get_body())
    assert (response.status_code, found["old"], found["new"]["start_time"]) == (200, None, "2026-11-01T00:00:00Z")


async def reset_that_ended(monkeypatch: pytest.MonkeyPatch, **ending: Any) -> func.HttpResponse:
    """Ask for a reset whose run ended as given."""
    now = datetime.now(UTC)

    async def cursor(*_: object) -> StreamState:
        return StreamState(position=Position(cursor="c", start_time="2026-11-01T00:00:00Z"))

    async def start(*_: object) -> None:
        return

    async def ended(_: object, instance_id: str, __: float) -> Run:
        return Run(instance_id, "reset_stream", started_at=now, updated_at=now, **ending)

    for name, stand_in in (("cursor", cursor), ("start", start), ("ended", ended)):
        monkeypatch.setattr(task_hub, name, stand_in)
    body = json.dumps({"start_time": (now - timedelta(days=1)).isoformat()}).encode()
    params = {"key": "ACC-auditevents"}
    request = func.HttpRequest("POST", "/api/streams/ACC-auditevents/reset", route_params=params, body=body)
    return await RESET(request, None)
