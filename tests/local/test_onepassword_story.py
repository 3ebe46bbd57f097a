"""The story in the simulated past: it is told everywhere alike, and the ledger does not notice."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from onepassword_client import LONG_AGO, Clock, serving, uuids

from local.onepassword import EVENT_TYPES, OnePasswordSimulator
from local.onepassword.directory import Directory
from local.onepassword.log import Window
from local.onepassword.story import Story
from local.onepassword.timestamps import parse_rfc3339
from local.onepassword.vocabulary import AUDIT_PAIRS, ITEM_USAGE_ACTIONS, SIGNIN_TYPES

NOW = datetime(2026, 11, 22, 12, 45, tzinfo=UTC)
VICTIM = "grace.hopper@finance-and-operations.example.com"
EVENTS = 100
LENGTHS = {stream: len(scenes) for stream, scenes in Story(Directory(1, "ACCOUNT"), 0).scenes.items()}


def events_of(stream: str, *, seed: int = 1, events: int = EVENTS, story: bool = True) -> list[dict[str, Any]]:
    simulator = OnePasswordSimulator(seed=seed, events=events, now=lambda: NOW, story=story)
    return [json.loads(item) for item in simulator.logs[stream].read(Window(0), 0, events)[0]]


def told(stream: str, seed: int = 1) -> list[dict[str, Any]]:
    """The story's events: the newest ones of the stream."""
    return events_of(stream, seed=seed)[-LENGTHS[stream] :]


@pytest.mark.parametrize("stream", EVENT_TYPES)
@pytest.mark.parametrize("events", [0, 1, 20, max(LENGTHS.values()), EVENTS])
def test_it_changes_no_count(stream: str, events: int) -> None:
    """As many events as without it, the same uuids in the same order, and nothing of it where it has no room."""
    with_it, without = (events_of(stream, events=events, story=story) for story in (True, False))
    assert uuids(with_it) == uuids(without)
    assert (with_it == without) == (events < max(LENGTHS.values()))


@pytest.mark.parametrize("stream", EVENT_TYPES)
def test_other_events_arrive_after_it(stream: str) -> None:
    """Of many events some of the random ones are of the same hour, and the stream is as new as without the story."""
    events = events_of(stream, events=5_000)
    assert sorted(event["uuid"] for event in events) == sorted(uuids(events_of(stream, events=5_000, story=False)))
    assert datetime.fromisoformat(events[-1]["timestamp"]) > NOW - timedelta(minutes=6)


@pytest.mark.parametrize("stream", EVENT_TYPES)
def test_it_follows_from_the_seed(stream: str) -> None:
    """The same at each start, and of other people's uuids with another seed."""
    assert told(stream) == told(stream)
    assert not {json.dumps(event) for event in told(stream)} & {json.dumps(event) for event in told(stream, seed=2)}


@pytest.mark.parametrize("stream", EVENT_TYPES)
def test_its_times_are_the_ledger_s(stream: str) -> None:
    """What an event says of its time is what windows select it by, within the last hour."""
    simulator = OnePasswordSimulator(events=EVENTS, now=lambda: NOW, story=True)
    log = simulator.logs[stream]
    said = [parse_rfc3339(json.loads(item)["timestamp"]) for item in log.read(Window(0), 0, EVENTS)[0]]
    assert said == [stored.timestamp for stored in log.matching(Window(0))]
    for event in told(stream):
        assert NOW - timedelta(hours=1) < datetime.fromisoformat(event["timestamp"]) < NOW


async def test_it_is_delivered_once() -> None:
    """A client that follows the cursor gets it at the end of each stream, as the ledger says."""
    async with serving(OnePasswordSimulator(events=EVENTS, now=Clock(), story=True)) as client:
        for stream in EVENT_TYPES:
            events, _ = await client.drain(stream, limit=7, start_time=LONG_AGO)
            assert events == events_of(stream)
            assert uuids(events) == list(client.simulator.offered(stream))


@pytest.mark.parametrize("seed", range(1, 9))
def test_its_plot(seed: int) -> None:
    """An account is guessed from far away, its owner's rights are used, and it is suspended in the end."""
    signins = [event for event in told("signinattempts", seed) if event["target_user"]["email"] == VICTIM]
    home, *guesses, taken = signins
    assert (home["category"], taken["category"], taken["type"]) == ("success", "success", "mfa_ok")
    assert home["country"] != taken["country"]
    assert len([event for event in guesses if event["category"] == "credentials_failed"]) >= 10
    assert {event["client"]["ip_address"] for event in guesses} > {taken["client"]["ip_address"]}
    *deeds, end = told("auditevents", seed)
    assert {event["session"]["uuid"] for event in deeds} == {taken["session_uuid"]}
    assert {event["actor_details"]["email"] for event in deeds} == {VICTIM}
    assert (end["action"], end["object_details"]["email"]) == ("suspend", VICTIM)
    usages = told("itemusages", seed)
    assert len({event["item_uuid"] for event in usages if event["action"] == "reveal"}) >= 30
    assert {event["client"]["ip_address"] for event in usages} == {taken["client"]["ip_address"]}


def test_it_says_nothing_that_1password_does_not_know() -> None:
    """Its words are of the closed sets of the Events API."""
    assert all(event["type"] in SIGNIN_TYPES[event["category"]].split() for event in told("signinattempts"))
    pairs = {(pair.action, pair.object_type) for pair in AUDIT_PAIRS}
    assert {(event["action"], event["object_type"]) for event in told("auditevents")} <= pairs
    assert {event["action"] for event in told("itemusages")} <= set(ITEM_USAGE_ACTIONS.split())
