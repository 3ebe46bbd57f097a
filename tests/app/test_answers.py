"""What HTTP functions answer when something is in the way."""

import json
from http import HTTPStatus

import azure.functions as func
import grpc
import pytest

from onepassword_sentinel.errors import PermanentError, SettingsError, TransientError
from onepassword_sentinel.requests import InvalidRequestError, Problem
from triggers.answers import answer, answering, problem


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
