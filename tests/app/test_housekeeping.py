"""What is purged at night: bounded, page by page, and never a cursor that is in use."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
import pytest
from durabletask.internal import helpers
from durabletask.serialization import JsonDataConverter
from google.protobuf.timestamp_pb2 import Timestamp

from onepassword_sentinel.position import Position
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.wire import to_wire
from triggers import housekeeping

NIGHT = housekeeping.housekeeping.build().get_user_function().client_function
OLD = datetime.now(UTC) - timedelta(days=40)
LATELY = datetime.now(UTC) - timedelta(days=29)
UNAVAILABLE = grpc.aio.AioRpcError(
    grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), details="storage answered 503"
)
FINISHED = {pb.ORCHESTRATION_STATUS_COMPLETED, pb.ORCHESTRATION_STATUS_FAILED, pb.ORCHESTRATION_STATUS_TERMINATED}


def run(instance_id: str, ended: datetime = OLD) -> pb.OrchestrationState:
    return pb.OrchestrationState(
        instanceId=instance_id,
        name="poll",
        orchestrationStatus=pb.ORCHESTRATION_STATUS_COMPLETED,
        createdTimestamp=stamp(OLD),
        lastUpdatedTimestamp=stamp(ended),
    )


def cursor(key: str, state: object) -> pb.EntityMetadata:
    return pb.EntityMetadata(
        instanceId=f"@stream_cursor@{key}",
        lastModifiedTime=stamp(OLD),
        serializedState=helpers.get_string_value(JsonDataConverter().serialize(state)),
    )


def stamp(moment: datetime) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(moment)
    return found


@dataclass
class Client:
    """A task hub as Azure Storage keeps it: no page has over 1,000 rows, and a faulty call answers UNAVAILABLE.

    Attributes:
        broken: ids that cannot be purged, entities that take no signal, and tokens of pages that cannot be read.

    """

    runs: Sequence[pb.OrchestrationState] = ()
    cursors: Sequence[pb.EntityMetadata] = ()
    broken: Collection[str] = ()
    queries: list[pb.InstanceQuery] = field(default_factory=list)
    purged: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    cleaned: int = 0
    _data_converter: JsonDataConverter = field(default_factory=JsonDataConverter)

    def _get_stub(self) -> "Client":
        return self

    async def QueryInstances(self, request: pb.QueryInstancesRequest) -> pb.QueryInstancesResponse:  # noqa: N802  # the service's
        query = pb.InstanceQuery()
        query.CopyFrom(request.query)
        self.queries.append(query)
        page, token = self._page(self.runs, query.continuationToken.value, query.maxInstanceCount)
        return pb.QueryInstancesResponse(orchestrationState=page, continuationToken=token)

    async def QueryEntities(self, request: pb.QueryEntitiesRequest) -> pb.QueryEntitiesResponse:  # noqa: N802  # likewise
        query = request.query
        page, token = self._page(self.cursors, query.continuationToken.value, query.pageSize.value)
        return pb.QueryEntitiesResponse(entities=page, continuationToken=token)

    def _page(self, rows: Sequence[Any], token: str, size: int) -> tuple[Sequence[Any], Any]:
        assert 0 < size <= 1_000
        if token in self.broken:
            raise UNAVAILABLE
        start = int(token or 0)
        end = start + size
        return rows[start:end], helpers.get_string_value(str(end) if end < len(rows) else "")

    async def purge_orchestration(self, instance_id: str, *, recursive: bool) -> None:
        assert recursive is False
        if instance_id in self.broken:
            raise UNAVAILABLE
        if instance_id == "hangs":
            await asyncio.Event().wait()
        self.purged.append(instance_id)

    async def signal_entity(self, entity: Any, operation: str, payload: object) -> None:
        assert operation == "forget"
        if entity.key in self.broken:
            raise UNAVAILABLE
        self.forgotten.append(entity.key)

    async def clean_entity_storage(self) -> None:
        self.cleaned += 1
        if "clean" in self.broken:
            raise UNAVAILABLE


async def test_only_what_has_ended_long_ago_is_purged() -> None:
    """The task hub knows when a run began; one that ended since stays. An entity stays whatever it says of itself."""
    recent = run("backfill-long", datetime.now(UTC) - timedelta(days=2))
    client = Client([run("poll-1"), run("poll-2"), recent, run("@stream_cursor@ACC-auditevents")])
    before = datetime.now(UTC)
    await NIGHT(None, client)
    assert client.purged == ["poll-1", "poll-2"]
    (query,) = client.queries
    assert before <= query.createdTimeTo.ToDatetime(UTC) + timedelta(days=30) <= datetime.now(UTC)
    assert set(query.runtimeStatus) == FINISHED
    assert query.fetchInputsAndOutputs is False


@pytest.mark.parametrize(("setting", "days"), [("90", 90), ("90 days", 30), ("", 30)])
async def test_the_retention_is_all_of_the_settings_that_it_takes(
    monkeypatch: pytest.MonkeyPatch, setting: str, days: int
) -> None:
    """A token that cannot be used does not let the history grow; polls say what is wrong."""
    monkeypatch.setenv("ONEPASSWORD_TOKEN", "@Microsoft.KeyVault(SecretUri=x)")
    monkeypatch.setenv("HISTORY_RETENTION_DAYS", setting)
    client = Client([run("poll-1", datetime.now(UTC) - timedelta(days=days, minutes=1)), run("poll-2", LATELY)])
    before = datetime.now(UTC)
    await NIGHT(None, client)
    assert client.purged == ["poll-1"]
    (query,) = client.queries
    assert before <= query.createdTimeTo.ToDatetime(UTC) + timedelta(days=days) <= datetime.now(UTC)


async def test_a_large_hub_is_read_in_pages() -> None:
    """Azure Tables answers no page of over 1,000 rows; all of them are purged in one night."""
    client = Client([run(f"poll-{number:04}") for number in range(2_500)])
    await NIGHT(None, client)
    assert len(client.purged) == 2_500
    assert [query.maxInstanceCount for query in client.queries] == [1_000] * 3


async def test_a_night_is_only_so_long(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The platform would cut it off; what is left is said, and waits for the next one."""
    client = Client([run(f"poll-{number}") for number in range(20)])
    monkeypatch.setattr(housekeeping, "_BUDGET_SECONDS", -1.0)
    with caplog.at_level(logging.INFO):
        await NIGHT(None, client)
    assert len(client.purged) == 8
    assert "purged 8 runs" in caplog.text
    assert "12 are left for tomorrow" in caplog.text


async def test_a_purge_that_fails_ends_no_night(caplog: pytest.LogCaptureFixture) -> None:
    """Storage that answers 503 for some runs keeps no other run; how many failed, and why, is logged."""
    client = Client([run(f"poll-{number:02}") for number in range(20)], broken={"poll-00", "poll-07"})
    with caplog.at_level(logging.INFO):
        await NIGHT(None, client)
    assert len(client.purged) == 18
    assert "2 calls to purge failed, the last one: UNAVAILABLE storage answered 503" in caplog.text
    assert "purged 18 runs" in caplog.text
    assert "2 are left for tomorrow" in caplog.text
    assert client.cleaned == 1


async def test_a_purge_that_hangs_ends_no_night(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is given up after a while."""
    monkeypatch.setattr(housekeeping, "_CALL_SECONDS", 0.01)
    client = Client([run("hangs"), run("poll-1")])
    await NIGHT(None, client)
    assert client.purged == ["poll-1"]
    assert "1 calls to purge failed, the last one: TimeoutError" in caplog.text
    assert client.cleaned == 1


async def test_a_page_that_cannot_be_read_keeps_no_run_that_was_found(caplog: pytest.LogCaptureFixture) -> None:
    """What came before it is purged, and the rest of the night goes on."""
    client = Client([run(f"poll-{number:04}") for number in range(1_500)], broken={"1000"})
    await NIGHT(None, client)
    assert len(client.purged) == 1_000
    assert "not all runs that ended long ago were found: UNAVAILABLE storage answered 503" in caplog.text
    assert client.cleaned == 1


DONE = StreamState(
    position=Position(start_time="2026-01-01T00:00:00Z", end_time="2026-01-02T00:00:00Z"),
    outcome="ok",
    succeeded_at=OLD,
)


async def test_only_finished_backfills_are_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    """However many there are, and whatever somebody has written into a cursor; the cleaning comes last."""
    live = StreamState(position=Position(cursor="c", start_time="2026-01-01T00:00:00Z"), outcome="ok", succeeded_at=OLD)
    others = [cursor("ACC-auditevents", to_wire(live)), cursor("typed", {"fence": "x"}), cursor("typed-too", [])]
    client = Client(
        cursors=[*(cursor(f"{number:04}-auditevents", to_wire(DONE)) for number in range(250)), *others],
        broken={"0003-auditevents"},
    )
    with caplog.at_level(logging.INFO):
        await NIGHT(None, client)
    assert sorted(client.forgotten) == [f"{number:04}-auditevents" for number in range(250) if number != 3]
    assert "1 calls to forget failed" in caplog.text
    assert "249 cursors of finished backfills" in caplog.text
    assert client.cleaned == 1


async def test_a_cleaning_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """It comes last, and what was purged before is said all the same."""
    client = Client([run("poll-1")], broken={"clean"})
    with caplog.at_level(logging.INFO):
        await NIGHT(None, client)
    assert "empty cursors were not removed: UNAVAILABLE storage answered 503" in caplog.text
    assert "purged 1 runs" in caplog.text
