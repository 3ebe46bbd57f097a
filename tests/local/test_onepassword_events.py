"""The generated events: deterministic, varied, and nothing that has to be stored."""

import asyncio
import json
import tracemalloc
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.onepassword import EVENT_TYPES, OnePasswordSimulator
from local.onepassword.log import Window
from local.onepassword.timestamps import format_rfc3339, parse_rfc3339, to_ns
from local.onepassword.vocabulary import AUDIT_PAIRS, ITEM_USAGE_ACTIONS, SIGNIN_TYPES
from local.patience import until

NOW = datetime(2026, 11, 22, 12, 45, tzinfo=UTC)
EVERYTHING = Window(0)


def simulator(**settings: Any) -> OnePasswordSimulator:
    return OnePasswordSimulator(now=lambda: NOW, **settings)


def rendered(event_type: str, count: int = 24_000) -> list[bytes]:
    items, _, _ = simulator(events=count).logs[event_type].read(EVERYTHING, 0, count)
    return items


@pytest.fixture(scope="module")
def signins() -> list[dict[str, Any]]:
    return [json.loads(item) for item in rendered("signinattempts")]


@pytest.fixture(scope="module")
def usages() -> list[dict[str, Any]]:
    return [json.loads(item) for item in rendered("itemusages")]


@pytest.fixture(scope="module")
def audits() -> list[dict[str, Any]]:
    return [json.loads(item) for item in rendered("auditevents", 48_000)]


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_same_seed_same_events(event_type: str) -> None:
    """Events follow from the seed alone, and another seed shares none of them."""
    one, again, other = (
        simulator(seed=seed, events=200).logs[event_type].read(EVERYTHING, 0, 200)[0] for seed in (1, 1, 2)
    )
    assert one == again
    assert not {json.loads(item)["uuid"] for item in one} & {json.loads(item)["uuid"] for item in other}


@pytest.mark.parametrize(("event_type", "size"), [("signinattempts", 700), ("itemusages", 700), ("auditevents", 1030)])
def test_sizes(event_type: str, size: int) -> None:
    """The mean event is about as large as a real one."""
    items = rendered(event_type, 5000)
    assert sum(map(len, items)) / len(items) == pytest.approx(size, rel=0.05)


def test_signin_enums(signins: list[dict[str, Any]]) -> None:
    """Every category and every type occurs, in pairs that go together only."""
    pairs = {(event["category"], event["type"]) for event in signins}
    assert pairs == {(category, kind) for category, kinds in SIGNIN_TYPES.items() for kind in kinds.split()}
    assert len({kind for _, kind in pairs}) == 31
    assert len({category for category, _ in pairs}) == 7


def test_item_usage_enums(usages: list[dict[str, Any]]) -> None:
    """Every action occurs, and some old clients send none."""
    actions = Counter(event.get("action") for event in usages)
    assert set(actions) == {None, *ITEM_USAGE_ACTIONS.split()}
    assert len(actions) == 12


def test_audit_enums(audits: list[dict[str, Any]]) -> None:
    """All 79 actions and 30 object types of version 1.4.1 occur, in pairs that go together only."""
    pairs = {(event["action"], event["object_type"]) for event in audits}
    assert pairs == {(pair.action, pair.object_type) for pair in AUDIT_PAIRS}
    assert len({action for action, _ in pairs}) == 79
    assert len({object_type for _, object_type in pairs}) == 30


@pytest.mark.parametrize(
    ("stream", "paths"),
    [
        ("signins", ["details", "location", "account_uuid", "target_user.user_type", "client.os_version"]),
        ("usages", ["action", "location.latitude", "account_uuid", "user.user_account_uuid", "client.os_name"]),
        ("audits", ["actor_details", "actor_type", "actor_account_uuid", "account_uuid", "object_details", "aux_id",
                    "aux_uuid", "aux_details", "aux_info", "session.device_uuid", "location.city"]),
    ],
)  # fmt: skip
def test_optional_fields_are_sometimes_missing(request: pytest.FixtureRequest, stream: str, paths: list[str]) -> None:
    """Each optional field is there in some events and missing or null in others."""
    for path in paths:
        present = Counter(found(event, path) is not None for event in request.getfixturevalue(stream))
        assert set(present) == {True, False}, path


def found(event: dict[str, Any], path: str) -> Any:
    value: Any = event
    for name in path.split("."):
        value = (value or {}).get(name)
    return value


def test_people_live_somewhere(signins: list[dict[str, Any]]) -> None:
    """A person signs in at one place, with a few addresses and apps; hardly ever, but sometimes, elsewhere."""
    places: dict[str, Counter[str]] = defaultdict(Counter)
    addresses: dict[str, Counter[str]] = defaultdict(Counter)
    apps: dict[str, Counter[str]] = defaultdict(Counter)
    for event in signins:
        who = event["target_user"]["uuid"]
        addresses[who][event["client"]["ip_address"]] += 1
        apps[who][event["client"]["os_name"], event["client"]["app_name"]] += 1
        if city := found(event, "location.city"):
            places[who][city] += 1
    at_home = sum(each.most_common(1)[0][1] for each in places.values())
    assert at_home < sum(each.total() for each in places.values()) < at_home * 1.001
    assert len({each.most_common(1)[0][0] for each in places.values()}) > 6
    for known in (addresses, apps):
        assert len(known) == 40
        assert sum(sum(count for _, count in each.most_common(3)) for each in known.values()) > len(signins) * 0.999


def test_details_are_null_missing_or_an_object(signins: list[dict[str, Any]]) -> None:
    """Sign-in details come in their three shapes, and the object only from the firewall."""
    shapes = {type(event.get("details", "missing")) for event in signins}
    assert shapes == {dict, type(None), str}
    assert all(event["category"].startswith("firewall") for event in signins if event.get("details"))


def test_wide_numbers(audits: list[dict[str, Any]], usages: list[dict[str, Any]]) -> None:
    """aux_id uses all of int64 and used_version all of uint32."""
    ids = [event["aux_id"] for event in audits if "aux_id" in event]
    assert 2**62 < max(ids) < 2**63
    assert min(ids) >= 0
    versions = [event["used_version"] for event in usages]
    assert 2**31 < max(versions) < 2**32


def test_scripts_are_raw_utf8_and_escapes(signins: list[dict[str, Any]]) -> None:
    """Names come in many scripts, mostly as UTF-8 and sometimes escaped, and survive both."""
    names = "".join({event["target_user"]["name"] for event in signins})
    assert all(letter in names for letter in 'éАЇ王佐김محΕअส🚀"\\&')
    text = b"".join(rendered("signinattempts", 3000))
    assert b"\\u0026" in text
    assert "Анна".encode() in text
    assert b"\\u" in text.replace(b"\\u0026", b"").replace(b"\\u003", b"")


@pytest.mark.parametrize("stream", ["signins", "usages", "audits"])
def test_timestamps(request: pytest.FixtureRequest, stream: str) -> None:
    """Timestamps have 0 to 9 fractional digits without trailing zeros, mostly in UTC, and lie in the past week."""
    texts = [event["timestamp"] for event in request.getfixturevalue(stream)]
    fractions = [text[19:].rstrip("Z").removesuffix("-03:00").lstrip(".") for text in texts]
    assert {len(fraction) for fraction in fractions} == set(range(10))
    assert not any(fraction.endswith("0") for fraction in fractions)
    assert 0 < sum(text.endswith("-03:00") for text in texts) < len(texts) / 10
    moments = [datetime.fromisoformat(text) for text in texts]
    assert max(moments) <= NOW
    assert min(moments) >= NOW - timedelta(days=6.9)
    assert moments != sorted(moments)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_identifiers(event_type: str) -> None:
    """Identifiers are 26 letters of base32, upper case for events and lower case for vaults, items and devices."""
    event = json.loads(rendered(event_type, 1)[0])
    assert len(event["uuid"]) == 26
    assert event["uuid"] == event["uuid"].upper()
    for name in ("vault_uuid", "item_uuid"):
        assert event.get(name, "").islower() or event_type != "itemusages"


def test_backlog_costs_no_memory() -> None:
    """300,000 events a stream take no more memory than a few do, and what is offered is derived, not kept."""
    tracemalloc.start()
    big = simulator(events=300_000)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 2_000_000
    assert len(big.logs["auditevents"]) == 300_000


@pytest.mark.parametrize("days", [0, 1, 6.5, 8])
def test_windows_need_no_scan(days: float) -> None:
    """What is left out by arithmetic is exactly what would have been filtered out."""
    log = simulator(events=3000).logs["itemusages"]
    log.add(200, to_ns(NOW))
    log.add(200, to_ns(NOW), late=True)
    begin = to_ns(NOW - timedelta(days=days))
    for window in (Window(begin), Window(0, begin), Window(begin, begin + 3600 * 10**9)):
        expected = [
            event.position for event in log.matching(EVERYTHING) if window.start <= event.timestamp < window.end
        ]
        assert [event.position for event in log.matching(window)] == expected
        assert len(list(log.uuids(window))) == len(expected)


def test_late_events_lie_in_the_past() -> None:
    """Late events lie 5 minutes to 26 hours before the newest one, also after more late ones."""
    log = simulator(events=100).logs["itemusages"]
    newest = max(event.timestamp for event in log.matching(EVERYTHING))
    for _ in range(2):
        log.add(5000, to_ns(NOW), late=True)
    behind = [(newest - event.timestamp) / 60e9 for event in log.matching(EVERYTHING, 100)]
    assert len(behind) == 10_000
    assert 5 <= min(behind) < 10
    assert 25 * 60 < max(behind) <= 26 * 60


async def test_drip_adds_to_every_stream() -> None:
    """Events keep arriving in all streams until the task is cancelled."""
    dripping = OnePasswordSimulator()
    task = asyncio.create_task(dripping.drip(100))
    await until(lambda: len(dripping.logs["auditevents"]) >= 20)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert len({len(log) for log in dripping.logs.values()}) == 1


@given(st.integers(0, 4 * 10**18), st.integers(-12, 12))
def test_timestamps_round_trip(ns: int, offset_hours: int) -> None:
    """Every nanosecond survives being written and read, in any zone."""
    assert parse_rfc3339(format_rfc3339(ns, offset_hours)) == ns
