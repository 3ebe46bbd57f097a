"""What is purged at night: bounded, and never a cursor that is in use."""

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from durabletask.client import EntityQuery, OrchestrationQuery, OrchestrationStatus

from tests.core.conftest import jwt
from triggers import housekeeping

NIGHT = housekeeping.housekeeping.build().get_user_function().client_function
OLD = datetime.now(UTC) - timedelta(days=40)


@dataclass
class State:
    instance_id: str
    last_updated_at: datetime = OLD


@dataclass
class Client:
    """A task hub that gives instances whatever is asked for, and notes what is purged."""

    states: list[State]
    asked: list[OrchestrationQuery] = field(default_factory=list)
    purged: list[str] = field(default_factory=list)

    async def get_all_orchestration_states(self, query: OrchestrationQuery) -> list[State]:
        self.asked.append(query)
        return self.states

    async def purge_orchestration(self, instance_id: str, *, recursive: bool) -> None:
        assert recursive is False
        self.purged.append(instance_id)

    async def get_all_entities(self, query: EntityQuery) -> list[Any]:
        return []

    async def clean_entity_storage(self) -> None:
        return


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGS_INGESTION_ENDPOINT", "https://rule.westeurope-1.ingest.monitor.azure.com")
    monkeypatch.setenv("LOGS_INGESTION_RULE_ID", "dcr-00000000000000000000000000000000")
    monkeypatch.setenv("ONEPASSWORD_TOKEN", jwt())


async def test_only_what_has_ended_long_ago_is_purged() -> None:
    """The task hub knows when a run began; one that ended since stays. An entity stays whatever it says of itself."""
    recent = State("backfill-long", datetime.now(UTC) - timedelta(days=2))
    naive = State("poll-2", OLD.replace(tzinfo=None))
    client = Client([State("poll-1"), naive, recent, State("@stream_cursor@ACC-auditevents")])
    await NIGHT(None, client)
    assert client.purged == ["poll-1", "poll-2"]
    (query,) = client.asked
    assert query.created_time_to is not None
    assert abs(query.created_time_to - (datetime.now(UTC) - timedelta(days=30))) < timedelta(minutes=1)
    finished = {OrchestrationStatus.COMPLETED, OrchestrationStatus.FAILED, OrchestrationStatus.TERMINATED}
    assert set(query.runtime_status or ()) == finished


async def test_a_night_is_only_so_long(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The platform would cut it off; what is left is said, and waits for the next one."""
    monkeypatch.setattr(housekeeping, "_BUDGET_SECONDS", -1.0)
    client = Client([State(f"poll-{number}") for number in range(20)])
    with caplog.at_level(logging.INFO):
        await NIGHT(None, client)
    assert len(client.purged) == 8
    assert "purged 8 runs" in caplog.text
    assert "12 are left for tomorrow" in caplog.text
