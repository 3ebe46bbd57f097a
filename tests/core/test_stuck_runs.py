"""Runs that make no progress are named with what to do, and no others are."""

from dataclasses import replace
from datetime import timedelta

import pytest

from onepassword_sentinel.runs import Run, RunState
from onepassword_sentinel.stuck_runs import long_polls, waiting_for_entity
from tests.core.conftest import NOW

POLL = Run("poll-1", "poll", "running", NOW - timedelta(minutes=61), NOW)
WAITING = Run(
    "poll-1-auditevents",
    "drain_stream",
    "running",
    NOW - timedelta(hours=1),
    NOW - timedelta(minutes=4),
    custom_status={"waiting_for": "begin"},
)


def test_a_poll_that_has_been_running_for_over_an_hour_is_named() -> None:
    """The sentence has its id, for how long it runs, and what to do; the oldest comes first."""
    older = replace(POLL, instance_id="poll-0", started_at=NOW - timedelta(minutes=150))
    first, second = long_polls([POLL, older], NOW)
    assert first.startswith("poll-0 has been running for 2 hours: a poll ends within minutes.")
    assert second.startswith("poll-1 has been running for 61 minutes: ")
    assert "Terminate it in Durable Functions Monitor" in second


@pytest.mark.parametrize("state", ["completed", "failed", "stopped"])
def test_a_poll_that_has_ended_or_is_younger_is_not_named(state: RunState) -> None:
    """Neither is the run of a stream or a backfill, which may take days."""
    younger = replace(POLL, started_at=NOW - timedelta(minutes=60))
    assert long_polls([replace(POLL, state=state), younger, replace(POLL, name="backfill"), WAITING], NOW) == []


def test_a_run_that_has_waited_for_an_entity_for_over_three_minutes_is_named() -> None:
    """The sentence names the operation, what a lost instance explains, the likely cause, and what to do."""
    (sentence,) = waiting_for_entity([WAITING, POLL], NOW)
    assert sentence.startswith("poll-1-auditevents has waited for its stream's entity (begin) for 4 minutes. ")
    assert "A lost instance of the app explains a wait of 130 seconds at most. " in sentence
    assert "set entityMessageReorderWindowInMinutes to 0 in host.json" in sentence
    setting = "AzureFunctionsJobHost__extensions__durableTask__entityMessageReorderWindowInMinutes"
    assert f"remove the app setting {setting} if it is there, and restart the app" in sentence


def test_a_run_that_waits_for_something_else_or_not_for_long_is_not_named() -> None:
    """A transfer or a timer may take longer; one that has ended waits for nothing."""
    for run in (
        replace(WAITING, custom_status={"outcome": "running"}),
        replace(WAITING, updated_at=NOW - timedelta(minutes=3)),
        replace(WAITING, state="stopped"),
        replace(WAITING, suspended=True),
        replace(WAITING, custom_status={"waiting_for": 5}),
    ):
        assert waiting_for_entity([run], NOW) == []
