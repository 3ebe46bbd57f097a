"""A task hub that does not answer, because the storage account behind it hangs, leaves nothing open and says so."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest

from triggers import answers, polls, status, timer

FUNCTIONS = [polls.poll_now, status.show_status]
REQUEST = func.HttpRequest("GET", "http://localhost/", body=b"")


class HangingHub:
    """Answers no call of any method."""

    def __getattr__(self, name: str) -> Any:
        async def call(*_: Any, **__: Any) -> None:
            await asyncio.Event().wait()

        return (lambda: self) if name == "_get_stub" else call


@pytest.mark.parametrize("function", FUNCTIONS, ids=["poll_now", "show_status"])
async def test_a_request_is_answered(monkeypatch: pytest.MonkeyPatch, function: Any) -> None:
    """With 503 and the likely cause, before Azure's load balancer ends the request without a word."""
    monkeypatch.setattr(answers, "_ANSWER_SECONDS", 0.0)
    response = await function.build().get_user_function().client_function(REQUEST, client=HangingHub())
    assert response.status_code == 503
    assert "the app's storage account, which holds the task hub, may hang" in json.loads(response.get_body())["detail"]


async def test_another_time_out_is_not_the_hubs() -> None:
    """It is a fault of the code, and is not explained by storage that hangs."""

    @answers.answering
    async def handler() -> func.HttpResponse:
        raise TimeoutError("something else")

    with pytest.raises(TimeoutError, match="something else"):
        await handler()


async def test_a_tick_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails with the likely cause: while it is at work, the platform fires no other."""
    monkeypatch.setattr(timer, "_TICK_SECONDS", 0.0)
    tick = timer.poll_on_schedule.build().get_user_function().client_function
    with pytest.raises(TimeoutError, match="the app's storage account, which holds the task hub, may hang"):
        await tick(SimpleNamespace(past_due=False), HangingHub())
