"""An entity call whose worker died fails in the orchestrator, where it can be caught, and not the whole turn."""

from functools import wraps
from types import SimpleNamespace
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
import pytest
from durabletask import worker
from durabletask.entities import EntityInstanceId
from durabletask.internal import helpers
from durabletask.task import OrchestrationContext, TaskFailedError

from orchestrators.entity_answers import METHOD, READER, install, readable
from orchestrators.orchestration import Steps
from tests.app.replay_engine import DIED, Engine

DETAILS = {"ErrorType": "Died", "ErrorMessage": "code 137", "StackTrace": None, "IsNonRetriable": False}


def calls(ctx: OrchestrationContext, _data: Any) -> Steps[str]:
    """Catch what a call of an entity raises."""
    try:
        yield ctx.call_entity(EntityInstanceId("stream_cursor", "key"), "begin", {})
    except TaskFailedError as error:
        return f"caught: {(error.details.inner_failure or error.details).message}"
    return "answered"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (DIED, "python exited with code 137"),
        ({**DIED, "result": ""}, ""),
        ({**DIED, "result": None}, ""),
        ({"exceptionType": "Died"}, ""),
        ({**DIED, "result": '"code 137"'}, "code 137"),
        ({**DIED, "result": '{"code":137}'}, '{"code":137}'),
        ({**DIED, "result": '{"__class__":"X","__module__":"y","__data__":"z"}'}, '{"__class__":"X","__module__"'),
        ({**DIED, "result": "137"}, "137"),
        ({**DIED, "failureDetails": DETAILS}, "code 137"),
        ({"result": "no JSON", "failureDetails": DETAILS}, "code 137"),
        ({**DIED, "failureDetails": None}, "python exited with code 137"),
    ],
    ids=repr,
)
def test_a_failed_call_can_be_caught_whatever_its_text_is(answer: dict[str, Any], message: str) -> None:
    """The platform's text is the failure's message; structured details go before it, as in the SDK."""
    ended = Engine(dies=lambda *_: True, death=answer).run(calls, None)
    assert ended.completed, ended.message
    assert ended.output.startswith(f"caught: {message}")


def test_the_sdk_still_has_the_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the workaround the turn fails. When this test fails, delete orchestrators/entity_answers.py."""
    reader = getattr(worker, READER)
    monkeypatch.setattr(reader, METHOD, getattr(reader, METHOD).__wrapped__)
    ended = Engine(dies=lambda *_: True).run(calls, None)
    assert (ended.completed, ended.message) == (False, "Expecting value: line 1 column 1 (char 0)")


def test_other_events_stay_as_they_are() -> None:
    """Answers of operations that ended well, failures without a text, and events of another kind."""
    for text in ('{"result":"not JSON"}', '{"result":null,"exceptionType":"X"}', "[1]", "", "not JSON"):
        event = helpers.new_event_raised_event("id", text)
        assert readable(event) is event
    assert readable(pb.HistoryEvent(eventId=1)).eventId == 1


def test_a_worker_of_a_later_sdk_is_left_alone() -> None:
    """The app starts with an SDK that has no such method, and wraps another's only once."""

    class Has:
        def _handle_entity_event_raised(self, _ctx: Any, _event: Any) -> None:
            pass

    install(SimpleNamespace())
    other = type("Other", (), {})
    install(SimpleNamespace(**{READER: other}))
    assert not hasattr(other, METHOD)
    later = SimpleNamespace(**{READER: Has})
    install(later)
    once = getattr(Has, METHOD)
    install(later)
    assert getattr(Has, METHOD) is once


def test_a_method_that_the_sdk_itself_wraps_is_wrapped_too() -> None:
    """A decorator of the SDK's own is no sign that the workaround is installed."""

    def read_answer(_reader: Any, _ctx: Any, event: pb.HistoryEvent) -> str:
        return event.eventRaised.input.value

    @wraps(read_answer)
    def decorated(*args: Any) -> str:
        return read_answer(*args)

    reader = type("Reader", (), {METHOD: decorated})
    install(SimpleNamespace(**{READER: reader}))
    event = helpers.new_event_raised_event("id", '{"result": "no JSON", "exceptionType": "X"}')
    assert getattr(reader(), METHOD)(None, event) == '{"result": "\\"no JSON\\"", "exceptionType": "X"}'
