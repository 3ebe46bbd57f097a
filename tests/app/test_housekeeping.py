"""What is purged at night: bounded, and never a cursor that is in use."""

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from durabletask.client import EntityQuery, OrchestrationQuery, OrchestrationStatus

from triggers import housekeeping

NIGHT = housekeeping.housekeeping.build().get_user_function().client_function
OLD = datetime.now(UTC) - timedelta(days=40)
LATELY = datetime.now(UTC) - timedelta(days=29)


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


@pytest.mark.parametrize(("setting", "days"), [("90", 90), ("90 days", 30), ("", 30)])
async def test_the_retention_is_all_of_the_settings_that_it_takes(
    monkeypatch: pytest.MonkeyPatch, setting: str, days: int
) -> None:
    """A token that cannot be used does not let the history grow; polls say what is wrong."""
    monkeypatch.setenv("ONEPASSWORD_TOKEN", "@Microsoft.KeyVault(SecretUri=x)")
    monkeypatch.setenv("HISTORY_RETENTION_DAYS", setting)
    client = Client([State("poll-1", datetime.now(UTC) - timedelta(days=days, minutes=1)), State("poll-2", LATELY)])
    await NIGHT(None, client)
    assert client.purged == ["poll-1"]
    (query,) = client.asked
    assert query.created_time_to is not None
    assert abs(query.created_time_to - (datetime.now(UTC) - timedelta(days=days))) < timedelta(minutes=1)


async def test_a_night_is_only_so_long(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The platform would cut it off; what is left is said, and waits for the next one."""
    monkeypatch.setattr(housekeeping, "_BUDGET_SECONDS", -1.0)
    client = Client([State(f"poll-{number}") for number in range(20)])
    with caplog.at_level(logging.INFO):
        await NIGHT(None, client)
    assert len(client.purged) == 8
    assert "purged 8 runs" in caplog.text
    assert "12 are left for tomorrow" in caplog.text
