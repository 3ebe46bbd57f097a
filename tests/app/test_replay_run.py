"""The run that replays dead letters, step by step, and what its HTTP function answers meanwhile."""

import asyncio
import json
import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import azure.functions as func
import pytest
from durabletask.client import OrchestrationStatus

from onepassword_sentinel.errors import Failure
from onepassword_sentinel.replay_run import INSTANCE_ID, Place, ReplayBatch, ReplayCounts, ReplayRequest
from onepassword_sentinel.runs import NO_MESSAGE, Run, RunState
from onepassword_sentinel.wire import from_wire, to_wire
from orchestrators.orchestration import utc_now
from orchestrators.replay_dead_letters import (
    BATCHES_PER_GENERATION,
    MOST_PAUSES,
    ReplayFailedError,
    replay_dead_letters,
)
from tests.core.conftest import NOW
from triggers import dead_letters as trigger
from triggers import task_hub

RUN = replay_dead_letters.build().get_user_function().orchestrator_function
START = trigger.start_replay.build().get_user_function().client_function
THROTTLED = Failure("throttled", "429", 7.0)


class Context:
    """An orchestration's context that notes what it was asked for."""

    instance_id = INSTANCE_ID

    def __init__(self) -> None:
        self.current_utc_datetime = NOW.replace(tzinfo=None)
        self.status: dict[str, Any] = {}
        self.inputs: list[ReplayRequest] = []
        self.waits: list[timedelta] = []
        self.next: ReplayRequest | None = None

    def create_replay_safe_logger(self, logger: logging.Logger) -> logging.Logger:
        return logger

    def set_custom_status(self, status: dict[str, Any]) -> None:
        self.status = status

    def call_activity(self, name: str, *, input: dict[str, Any], retry_policy: object) -> str:  # noqa: A002  # the SDK's
        assert name == "upload_dead_letters"
        self.inputs.append(from_wire(ReplayRequest, input))
        return "activity"

    def create_timer(self, fire_at: Any) -> str:
        self.waits.append(fire_at - utc_now(cast("Any", self)))
        self.current_utc_datetime = fire_at.replace(tzinfo=None)
        return "timer"

    def continue_as_new(self, data: dict[str, Any], *, save_events: bool) -> None:
        assert save_events
        self.next = from_wire(ReplayRequest, data)


def play(context: Context, batches: Iterator[ReplayBatch], data: Any = None) -> dict[str, Any] | None:
    """Run one generation, giving it these batches."""
    steps: Generator[str, Any, dict[str, Any] | None] = RUN(context, data)
    answer = None
    while True:
        try:
            asked = steps.send(answer)
        except StopIteration as end:
            return end.value
        answer = to_wire(next(batches)) if asked == "activity" else None


def batch(number: int, **fields: Any) -> ReplayBatch:
    return ReplayBatch(Place(after=f"key/{number:04}"), ReplayCounts(uploaded=1, cut=2), **fields)


def test_a_long_replay_goes_on_in_generations_with_what_it_has_counted() -> None:
    """The history of each is bounded; the last one gives the sum."""
    context, batches = Context(), (batch(number, more=number < 119) for number in range(120))
    generations, data, output = 0, None, None
    while output is None:
        output = play(context, batches, data)
        generations += 1
        assert len(context.inputs) <= generations * BATCHES_PER_GENERATION
        data = to_wire(context.next) if context.next else None
    assert (generations, output) == (
        3,
        {"v": 1, "uploaded": 120, "refused": 0, "too_large": 0, "cut": 240, "left": 0},
    )
    assert [asked.place for asked in context.inputs] == [Place(), *(batch(number).place for number in range(119))]
    assert all(isinstance(value, str | int) for value in context.status.values())
    assert (context.status["state"], context.status["uploaded"]) == ("ended", 120)


def test_throttling_is_waited_out_as_long_as_azure_takes_something_in_between() -> None:
    """A pause after each row is slow, and no failure."""
    context = Context()
    batches = (batch(number, more=number < 40, failure=THROTTLED if number < 40 else None) for number in range(41))
    output = play(context, batches)
    assert output is not None
    assert output["uploaded"] == 41
    assert context.waits == [timedelta(seconds=7)] * 40


def test_throttling_without_end_fails_with_a_sentence() -> None:
    """Also across generations: the pauses in a row are counted on."""
    context, stuck = Context(), ReplayBatch(Place(), failure=THROTTLED)
    with pytest.raises(
        ReplayFailedError, match=r"Azure asked for a pause 11 times in a row: 429 \(7 dead letters were"
    ):
        play(context, iter([stuck] * 20), to_wire(ReplayRequest(counts=ReplayCounts(uploaded=7), pauses=2)))
    assert len(context.waits) == MOST_PAUSES - 2
    assert context.status["state"] == "failed"


def test_what_passes_is_tried_again_after_a_while() -> None:
    """It came somewhere before it failed, so that there is an end to it."""
    context = Context()
    batches = iter([batch(1, failure=Failure("transient", "503")), batch(2, more=False)])
    assert play(context, batches) is not None
    assert context.waits == [timedelta(seconds=5)]


def test_what_an_operator_has_to_put_right_ends_the_run() -> None:
    """The sentence has what is wrong, how far the run came and how to go on."""
    batches = iter([batch(1), batch(2, failure=Failure("permanent", "give the role"))])
    with pytest.raises(ReplayFailedError) as caught:
        play(Context(), batches)
    assert str(caught.value) == (
        "give the role (2 dead letters were uploaded, the others are kept: put that right and replay again with "
        "POST /api/dead-letters/replay)"
    )


class Client:
    """A task hub with one run that does not end."""

    def __init__(self, custom_status: object = None) -> None:
        self.state = SimpleNamespace(
            instance_id=INSTANCE_ID,
            name="replay_dead_letters",
            runtime_status=OrchestrationStatus.RUNNING,
            created_at=NOW,
            last_updated_at=NOW,
            failure_details=None,
            get_input=lambda: None,
            get_output=lambda: None,
            get_custom_status=lambda: custom_status,
        )
        self.started: list[ReplayRequest] = []

    async def get_orchestration_state(self, instance_id: str) -> object:
        assert instance_id == INSTANCE_ID
        return self.state

    async def schedule_new_orchestration(self, name: str, *, input: dict[str, Any], instance_id: str) -> None:  # noqa: A002  # the SDK's
        assert (name, instance_id) == ("replay_dead_letters", INSTANCE_ID)
        self.started.append(from_wire(ReplayRequest, input))


@contextmanager
def storage_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    async def counts(limit: int) -> dict[str, int]:
        return {}

    with monkeypatch.context() as patched:
        patched.setattr(trigger, "read_part", lambda _: None)
        patched.setattr(trigger, "dead_letters", lambda _: SimpleNamespace(counts=counts))
        patched.setattr(trigger, "_WAIT_SECONDS", 0.2)
        yield patched


REQUEST = func.HttpRequest("POST", "/api/dead-letters/replay", body=b"")


async def test_a_replay_that_takes_long_is_answered_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked is told where to look."""
    with storage_of(monkeypatch):
        answer = await START(REQUEST, Client())
    assert (answer.status_code, answer.headers["Location"]) == (202, "/api/dead-letters")
    assert json.loads(answer.get_body()) == {"instance_id": INSTANCE_ID, "state": "running"}


@pytest.mark.parametrize(
    ("custom_status", "carried"),
    [
        ({"delivered": "ACC-auditevents/0a.json"}, "ACC-auditevents/0a.json"),
        ({"delivered": ""}, ""),
        ({"delivered": 7}, ""),
        ({"delivered": "x" * 3_000}, ""),
        ({"delivered": "../../x?comp=metadata"}, ""),
        ("typed by hand", ""),
        (None, ""),
    ],
    ids=repr,
)
async def test_what_the_last_run_could_not_delete_is_carried_over(
    monkeypatch: pytest.MonkeyPatch, custom_status: object, carried: str
) -> None:
    """As a name that the storage takes: somebody may have written anything into a run's status."""
    client = Client(custom_status)
    with storage_of(monkeypatch):
        await START(REQUEST, client)
    assert client.started == [ReplayRequest(Place(delivered=carried))]


@pytest.mark.parametrize(
    ("state", "error", "detail"),
    [
        ("failed", "give the role (the others are kept)", "give the role (the others are kept)"),
        ("failed", NO_MESSAGE, f"The replay {NO_MESSAGE}"),
        (
            "stopped",
            "was terminated: enough of it",
            "The replay was terminated: enough of it; what was not uploaded is kept",
        ),
        ("stopped", "was terminated", "The replay was terminated; what was not uploaded is kept"),
    ],
)
async def test_a_replay_that_did_not_complete_says_why(
    monkeypatch: pytest.MonkeyPatch, state: RunState, error: str, detail: str
) -> None:
    """502 with a sentence, and the list has the same."""
    run = Run(INSTANCE_ID, "replay_dead_letters", state, NOW, NOW, custom_status={"uploaded": 3}, error=error)

    async def ended(*_: object) -> Run:
        return run

    with storage_of(monkeypatch) as storage:
        storage.setattr(task_hub, "ended", ended)
        answer = await START(REQUEST, Client())
    body = json.loads(answer.get_body())
    assert (answer.status_code, body["detail"], body["uploaded"]) == (502, detail, 3)
    assert trigger._replay(run)["error"] == detail


async def test_three_callers_at_once_are_answered_about_the_same_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Azure Storage confirms three starts of one run, so nothing follows from a start."""
    run = Run(INSTANCE_ID, "replay_dead_letters", "completed", NOW, NOW, output={"uploaded": 3})
    found = asyncio.Event()

    async def ended(*_: object) -> Run:
        await found.wait()
        return run

    with storage_of(monkeypatch) as storage:
        storage.setattr(task_hub, "ended", ended)
        calls = [asyncio.create_task(START(REQUEST, Client())) for _ in range(3)]
        found.set()
        answers = await asyncio.gather(*calls)
    assert [answer.status_code for answer in answers] == [200] * 3
    (body,) = {answer.get_body() for answer in answers}
    assert json.loads(body)["uploaded"] == 3
