"""What a tick does beside starting a poll: it names what hangs, once an hour, whatever else fails."""

import asyncio
import gzip
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Literal

import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
import pytest
from durabletask.client import OrchestrationStatus
from durabletask.entities import EntityInstanceId
from durabletask.internal import helpers
from durabletask.serialization import JsonDataConverter
from google.protobuf.timestamp_pb2 import Timestamp

from onepassword_sentinel.errors import TransientError
from onepassword_sentinel.recent_polls import PollStart, RecentPolls
from onepassword_sentinel.wire import to_wire
from triggers import long_polls, timer
from triggers.start_poll import start_poll

TICK = timer.poll_on_schedule.build().get_user_function().client_function
HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 27, 12, 5, tzinfo=UTC)


@dataclass
class Instance:
    name: str
    started_at: datetime
    input: Any = None
    custom_status: Any = None
    updated_at: datetime | None = None
    status: OrchestrationStatus = OrchestrationStatus.RUNNING


@dataclass
class Client:
    """A task hub that runs nothing: what is started stays pending, and can be found."""

    instances: dict[str, Instance] = field(default_factory=dict)
    queries: list[pb.InstanceQuery] = field(default_factory=list)
    now: datetime = NOON
    fails: bool = False
    yields: bool = False
    lists: Literal["", "slow", "fails"] = ""
    signalled: tuple[PollStart, ...] = ()
    _data_converter: JsonDataConverter = field(default_factory=JsonDataConverter)

    def _get_stub(self) -> "Client":
        return self

    async def QueryInstances(self, request: pb.QueryInstancesRequest) -> pb.QueryInstancesResponse:  # noqa: N802  # the service's
        query = request.query
        self.queries.append(query)
        if self.lists and "T" not in query.instanceIdPrefix.value:
            if self.lists == "slow":
                await asyncio.Event().wait()
            raise unavailable()
        found = [
            self._state(name, instance)
            for name, instance in sorted(self.instances.items())
            if name.startswith(query.instanceIdPrefix.value) and instance.status.value in query.runtimeStatus
        ]
        if self.yields:
            await asyncio.sleep(0)
        return pb.QueryInstancesResponse(orchestrationState=found)

    def _state(self, name: str, instance: Instance) -> pb.OrchestrationState:
        return pb.OrchestrationState(
            instanceId=name,
            name=instance.name,
            orchestrationStatus=instance.status.value,
            createdTimestamp=stamp(instance.started_at),
            lastUpdatedTimestamp=stamp(instance.updated_at or instance.started_at),
            customStatus=helpers.get_string_value(json.dumps(instance.custom_status)),
        )

    async def get_orchestration_state(self, instance_id: str) -> Any:
        if self.yields:
            await asyncio.sleep(0)
        if instance_id not in self.instances:
            return None
        instance = self.instances[instance_id]
        return SimpleNamespace(
            instance_id=instance_id,
            name=instance.name,
            runtime_status=instance.status,
            created_at=instance.started_at,
            last_updated_at=instance.updated_at or instance.started_at,
            failure_details=None,
            serialized_output=None,
            get_input=lambda: instance.input,
            get_output=lambda: None,
            get_custom_status=lambda: instance.custom_status,
        )

    async def get_entity(self, entity_id: EntityInstanceId) -> Any:
        assert str(entity_id) == "@recent_polls@all"
        return SimpleNamespace(get_typed_state=lambda: to_wire(RecentPolls(running=self.signalled)))

    async def schedule_new_orchestration(self, name: str, *, input: Any, instance_id: str) -> None:  # noqa: A002  # the SDK's
        if self.fails and name != "poll":
            raise unavailable()
        self.instances[instance_id] = Instance(name, self.now, input)

    def polls(self) -> list[str]:
        return [name for name, instance in self.instances.items() if instance.name == "poll"]


def unavailable() -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata())


def stamp(moment: datetime) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(moment)
    return found


@dataclass
class Sink:
    """The health table."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    error: Exception | None = None

    async def upload(self, stream: str, body: bytes) -> None:
        assert stream == "Custom-OnePasswordConnectorHealth"
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        self.rows += json.loads(gzip.decompress(body))

    def named(self) -> list[str]:
        return [row["instance_id"] for row in self.rows]


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """Provide the health table to a process that has just been started."""
    found = Sink()
    monkeypatch.setattr(long_polls, "read_part", lambda _: None)
    monkeypatch.setattr(long_polls, "log_ingestion", lambda *_: found)
    monkeypatch.setattr(long_polls, "_noted", set())
    monkeypatch.setattr(timer, "read_host_problems", list)
    return found


async def tick(monkeypatch: pytest.MonkeyPatch, client: Client, now: datetime) -> None:
    """Fire the timer at a time."""
    client.now = now
    monkeypatch.setattr(timer, "datetime", SimpleNamespace(now=lambda _: now))
    await TICK(SimpleNamespace(past_due=False), client)


def another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what this process knows, as another instance of the app does not know it."""
    monkeypatch.setattr(long_polls, "_noted", set())


def hanging(started_at: datetime = NOON, **more: Any) -> dict[str, Instance]:
    return {f"poll-{started_at:%Y%m%dT%H%M%SZ}": Instance("poll", started_at, **more)}


SCHEDULES = {
    "every 10 seconds": timedelta(seconds=10),
    "every 5 minutes": timedelta(minutes=5),
    "every 7 minutes": timedelta(minutes=7),
    "hourly": HOUR,
}


@pytest.mark.parametrize("every", SCHEDULES.values(), ids=SCHEDULES)
async def test_a_poll_that_hangs_is_reported_once_an_hour(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, every: timedelta
) -> None:
    """Whatever the schedule, and although each tick is another process: five hours give four rows."""
    client = Client(hanging())
    now = NOON
    seen: list[datetime] = []
    while (now := now + every) < NOON + 5 * HOUR:
        another_process(monkeypatch)
        for poll in client.polls()[1:]:  # later polls end
            client.instances[poll].status = OrchestrationStatus.COMPLETED
        before = len(sink.rows)
        await tick(monkeypatch, client, now)
        seen += [now] * (len(sink.rows) - before)
    assert sink.named() == list(hanging()) * len(seen)
    # An hourly tick comes when the poll has been running for exactly an hour, which is not over an hour.
    assert [(moment - NOON) // HOUR for moment in seen] == ([2, 3, 4] if every == HOUR else [1, 2, 3, 4])
    first = sink.rows[0]
    assert (first["outcome"], first["account"]) == ("failed", "")
    assert first["error"].startswith("poll-20261127T120500Z has been running for ")


async def test_a_daily_tick_reports_too(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    """Each finds the polls of the two days before, and no older one."""
    client = Client(hanging())
    for day in (1, 2):
        await tick(monkeypatch, client, NOON + timedelta(days=day))
    assert sink.named() == ["poll-20261127T120500Z", "poll-20261127T120500Z", "poll-20261128T120500Z"]
    assert sink.rows[-1]["error"].startswith("poll-20261128T120500Z has been running for 24 hours")
    await tick(monkeypatch, client, NOON + timedelta(days=3))
    assert "poll-20261127T120500Z" not in sink.named()[3:]


async def test_a_poll_that_has_ended_is_reported_no_more(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    """Also when this hour's list names it still."""
    client = Client(hanging())
    await tick(monkeypatch, client, NOON + 2 * HOUR)
    client.instances["poll-20261127T120500Z"].status = OrchestrationStatus.TERMINATED
    await tick(monkeypatch, client, NOON + 3 * HOUR)
    assert sink.named() == ["poll-20261127T120500Z"]


async def test_a_poll_that_was_restarted_under_its_id_is_reported_anew(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    """Its notes of the first time say nothing about the second."""
    client = Client(hanging())
    await tick(monkeypatch, client, NOON + 1.5 * HOUR)
    client.instances |= {"poll-20261127T120500Z": Instance("poll", NOON + 3 * HOUR + timedelta(minutes=1))}
    await tick(monkeypatch, client, NOON + 4.5 * HOUR)
    assert sink.named().count("poll-20261127T120500Z") == 2


async def test_a_poll_under_an_id_of_its_own_is_reported(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    """Durable Functions Monitor gives a restarted poll a GUID; one that was terminated never signals its end."""
    client = Client(
        {"4f5e": Instance("poll", NOON), "5e4f": Instance("poll", NOON, status=OrchestrationStatus.TERMINATED)},
        signalled=(PollStart("4f5e", NOON), PollStart("5e4f", NOON), PollStart("purged", NOON)),
    )
    for minutes in (57, 62, 67, 130):
        another_process(monkeypatch)
        await tick(monkeypatch, client, NOON + timedelta(minutes=minutes))
        for poll in client.polls()[2:]:
            client.instances[poll].status = OrchestrationStatus.COMPLETED
    assert sink.named() == ["4f5e", "4f5e"]


async def test_a_report_that_fails_keeps_no_poll_and_is_repeated(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """The poll is started first; the log says what failed, and the next tick delivers the row, once."""
    client = Client(hanging())
    sink.error = TransientError("no answer from Logs Ingestion")
    now = NOON + 1.5 * HOUR
    await tick(monkeypatch, client, now)
    assert len(client.polls()) == 2
    assert "could not be reported in the health table: no answer from Logs Ingestion" in caplog.text
    sink.error = None
    for minutes in (5, 10):
        another_process(monkeypatch)
        await tick(monkeypatch, client, now + timedelta(minutes=minutes))
    assert sink.named() == ["poll-20261127T120500Z"]


async def test_a_hub_that_takes_no_note_keeps_no_poll_and_doubles_no_row_of_a_process(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """It fails behind the upload, and the process that did it remembers."""
    client = Client(hanging())
    await tick(monkeypatch, client, NOON + timedelta(minutes=56))
    client.fails = True
    for minutes in (61, 62):
        await tick(monkeypatch, client, NOON + timedelta(minutes=minutes))
    assert sink.named() == ["poll-20261127T120500Z"]
    assert "could not be reported in the health table: the task hub did not answer (UNAVAILABLE)" in caplog.text


async def test_ticks_that_overlap_report_once(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    """A second one in the same process sees that the first is at it, also where it looks up several polls."""
    polls = hanging() | hanging(NOON + timedelta(minutes=1)) | hanging(NOON + timedelta(minutes=2))
    client = Client(dict(polls), yields=True)
    now = NOON + 1.5 * HOUR
    await asyncio.gather(*(tick(monkeypatch, client, now) for _ in range(3)))
    assert sorted(sink.named()) == sorted(polls)


@pytest.mark.parametrize("slow", [False, True])
async def test_a_list_that_fails_keeps_no_known_poll_and_is_made_once_an_hour(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, caplog: pytest.LogCaptureFixture, *, slow: bool
) -> None:
    """Polls that the tick knows are reported first; the last hour's list replaces the one that failed."""
    older, recent = hanging(), hanging(NOON + HOUR)
    client = Client(older | recent)
    await tick(monkeypatch, client, NOON + 1.5 * HOUR)
    assert sink.named() == list(older)
    monkeypatch.setattr(long_polls, "_LIST_SECONDS", 0.01)
    client.lists = "slow" if slow else "fails"
    for minutes in (150, 152, 154):
        another_process(monkeypatch)
        await tick(monkeypatch, client, NOON + timedelta(minutes=minutes))
    assert sink.named() == [*older, *recent, *older]
    days = [query for query in client.queries if len(query.instanceIdPrefix.value) == len("poll-20261125")]
    assert len(days) == 4
    assert caplog.text.count("could not be listed: ") == 1


async def test_a_healthy_hub_is_read_by_prefix_only(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    """A tick asks for this and the last hour, and once an hour for three days: what runs, without payloads."""
    client = Client()
    for minutes in (0, 5):
        await tick(monkeypatch, client, NOON + timedelta(minutes=minutes))
        for poll in client.polls():
            client.instances[poll].status = OrchestrationStatus.COMPLETED
    prefixes = [query.instanceIdPrefix.value for query in client.queries]
    hours = ["poll-20261127T11", "poll-20261127T12"]
    assert prefixes == [*hours, "poll-20261125", "poll-20261126", "poll-20261127", *hours]
    finished = {OrchestrationStatus.COMPLETED, OrchestrationStatus.FAILED, OrchestrationStatus.TERMINATED}
    for query in client.queries:
        assert query.fetchInputsAndOutputs is False
        assert not {status.value for status in finished} & set(query.runtimeStatus)
        assert 0 < query.maxInstanceCount <= 1_000
    assert sink.rows == []


async def test_a_run_that_waits_for_an_entity_is_named(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """After three minutes, by the tick that skips because of it, and with what to do; a large hub fills no log."""
    waiting: Mapping[str, Any] = {"custom_status": {"waiting_for": "begin"}, "updated_at": NOON}
    name = "poll-20261127T120500Z"
    client = Client(
        hanging() | {f"{name}-{number:02}": Instance("drain_stream", NOON, **waiting) for number in range(12)}
    )
    await tick(monkeypatch, client, NOON + timedelta(minutes=2))
    assert [record for record in caplog.records if record.levelno == logging.ERROR] == []
    await tick(monkeypatch, client, NOON + timedelta(minutes=5))
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 11
    assert errors[0].startswith(f"{name}-00 has waited for its stream's entity (begin) for 5 minutes")
    assert errors[-1] == "2 more runs wait for an entity"
    assert client.polls() == [name]


async def test_a_suspended_run_that_waits_for_an_entity_is_not_named(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """An operator has paused it: an answer would change nothing."""
    paused = Instance(
        "drain_stream", NOON, custom_status={"waiting_for": "begin"}, status=OrchestrationStatus.SUSPENDED
    )
    await tick(monkeypatch, Client({"poll-20261127T120500Z-a": paused}), NOON + timedelta(minutes=5))
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == []


@pytest.mark.parametrize(("minutes", "skipped"), [(59, True), (61, False)])
async def test_a_stuck_poll_stands_in_nobodys_way(minutes: int, *, skipped: bool) -> None:
    """Also at the turn of an hour or a day, whose ids begin otherwise."""
    started_at = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)
    client = Client(hanging(started_at))
    poll = await start_poll(client, started_at + timedelta(minutes=minutes))  # type: ignore[arg-type]  # a test's
    assert poll.skipped is skipped
    assert (poll.instance_id == "poll-20261127T233000Z") is skipped


async def test_simultaneous_starts_answer_with_the_same_poll() -> None:
    """Azure Storage confirms each of them, and each names the one poll there is."""
    client = Client(yields=True)
    found = await asyncio.gather(*(start_poll(client, NOON) for _ in range(3)))  # type: ignore[arg-type]  # a test's
    assert [(poll.instance_id, poll.skipped) for poll in found] == [("poll-20261127T120500Z", False)] * 3
    assert client.polls() == ["poll-20261127T120500Z"]
