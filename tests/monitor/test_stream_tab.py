"""The tab that Durable Functions Monitor shows for a stream's cursor, over the model that it builds for an entity."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from liquid import Environment, FalsyStrictUndefined, Mode

from onepassword_sentinel.position import Position
from onepassword_sentinel.stream_lease import begin, commit, release
from onepassword_sentinel.stream_operations import Reset, Stop, reset, stop
from onepassword_sentinel.stream_requests import Begin, Commit, Release
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.wire import to_wire

TEMPLATE: Final = Path(__file__).resolve().parents[2] / "monitor/tab-templates/Stream.stream_cursor.liquid"
ACCOUNT: Final = "QWERTYUIOPASDFGHJKLZXCVBNM"
NOW: Final = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
CURSOR: Final = "eyJQYWdlU2l6ZSI6MTAwMCwiU3RhcnRUaW1lIjoiMjAyNi0xMS0xN1QxMDoxNTowMFoifQ"
NEW: Final = ("bytes", "pages", "account", "run_id", "parent_id", "asked_at", "refused", "failure", "day")
MARKUP: Final = re.compile(r"<[^>]*>")


def model(state: dict[str, Any] | None, key: str = f"{ACCOUNT}-auditevents") -> dict[str, Any]:
    """Build the status of an entity, as the monitor does.

    Its input is the scheduler state, with the entity's own as a string of JSON in it, which the monitor parses if it is
    an object. An entity without a state has none in there.
    """
    scheduler = {"sorter": {}} | ({} if state is None else {"state": json.dumps(state)})
    text = scheduler.get("state")
    if isinstance(text, str) and text.startswith("{") and text.endswith("}"):
        scheduler["state"] = json.loads(text)
    return {
        "Name": "@stream_cursor",
        "InstanceId": f"@stream_cursor@{key}",
        "CreatedTime": NOW,
        "LastUpdatedTime": NOW,
        "RuntimeStatus": "Running",
        "Input": scheduler,
        "Output": None,
        "CustomStatus": None,
        "History": [],
        "ParentInstanceId": None,
        "EntityId": {},
    }


def shown(state: StreamState | None, key: str = f"{ACCOUNT}-auditevents") -> str:
    """Render the tab, and fail at whatever is not in the state."""
    strict = Environment(tolerance=Mode.STRICT, undefined=FalsyStrictUndefined)
    template = strict.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(**model(None if state is None else to_wire(state), key))


def words(html: str) -> str:
    """Leave only what a reader sees."""
    return " ".join(MARKUP.sub(" ", html).split())


@pytest.fixture
def held() -> StreamState:
    """A stream whose run has delivered a page and is at work on the next."""
    state = StreamState(fence=6, moves=40, events=41_000, newest=NOW - timedelta(minutes=7), succeeded_at=NOW)
    asked = Begin("poll-20261124T101500Z-auditevents", NOW, 900.0, "2026-11-17T10:15:00Z")
    state, _ = begin(state, asked)
    position = Position(cursor=CURSOR, start_time="2026-11-17T10:15:00Z", rows_done=400)
    done = Commit(
        7, 41, NOW + timedelta(seconds=2), 900.0, position, NOW - timedelta(minutes=1), 42_000, recovered=False
    )
    state, _ = commit(state, done)
    return state


def test_a_stream_between_two_runs(held: StreamState) -> None:
    """The cursor is shortened, nobody holds the stream, and a warning says not to purge it."""
    state, _ = release(held, Release(7, NOW + timedelta(seconds=9), "ok", ""))
    text = words(shown(state))
    assert f"{ACCOUNT}-auditevents" in text
    assert "Do not purge it" in text
    assert "Last outcome ok" in text
    assert "Held by nobody" in text
    assert f"Position cursor {CURSOR[:24]}…" in text
    assert CURSOR not in text
    assert "400 events of the page behind it are delivered" in text
    assert "Newest event 2026-11-24 10:14:00 UTC" in text
    assert "Events in all 42000" in text
    assert "Last success 2026-11-24 10:15:09 UTC" in text
    assert "Last move 2026-11-24 10:15:02 UTC, number 41" in text
    assert "Fencing number 7" in text
    assert not re.search("What to do|Paused until|Window|Last recovery", text)


def test_a_held_stream(held: StreamState) -> None:
    """The tab names the run, until when it holds the stream, and what it has delivered so far."""
    text = words(shown(held))
    assert "Held by poll-20261124T101500Z-auditevents, until 2026-11-24 10:30:02 UTC unless it is renewed" in text
    assert "Present or last run began 2026-11-24 10:15:00 UTC, 1000 events" in text
    assert "an operator stopped it" not in text
    assert "an operator stopped it, and the stream is free as soon as its activity ends" in words(
        shown(stop(held, Stop(), NOW))
    )


def test_who_asked_for_a_stream(held: StreamState) -> None:
    """The tab names the run that was granted the stream last, what started it, and the run that was refused since."""
    state = replace(held, parent_id="poll-20261124T101500Z")
    state, granted = begin(state, Begin("poll-2-auditevents", NOW + timedelta(minutes=5), 900.0, None))
    assert not granted
    text = words(shown(state))
    assert "Granted last to poll-20261124T101500Z-auditevents, started by poll-20261124T101500Z" in text
    refused = "Last asked for 2026-11-24 10:20:00 UTC by poll-2-auditevents, which was refused the stream: busy"
    assert refused in text


def test_a_failed_stream(held: StreamState) -> None:
    """What to do stands above everything else, and in red."""
    sentence = "auditevents: 1Password rejects the token (401): issue a new one, and put it into ONEPASSWORD_TOKEN"
    state, _ = release(held, Release(7, NOW, "failed", sentence))
    html = shown(state)
    assert f"What to do {sentence} Last outcome failed" in words(html)
    assert f"Last failure 2026-11-24 10:15:00 UTC : {sentence}".replace(" :", ":") in words(html)
    later, _ = release(begin(state, Begin("poll-2-x", NOW, 900.0, None))[0], Release(8, NOW, "ok", ""))
    assert "Last failure 2026-11-24 10:15:00 UTC, resolved 2026-11-24 10:15:00 UTC:" in words(shown(later))
    assert "background:#fde7e9" in html


def test_a_throttled_stream(held: StreamState) -> None:
    """The tab says until when the stream is left alone; that is no failure, and not in red."""
    state, _ = release(held, Release(7, NOW, "throttled", "auditevents: Azure throttles (429)", retry_after=90.0))
    html = shown(state)
    assert "Paused until 2026-11-24 10:16:30 UTC" in words(html)
    assert "background:#fff4ce" in html


def test_a_recovered_stream(held: StreamState) -> None:
    """When 1Password rejected a cursor, the tab says when, and where the stream begins instead."""
    state = replace(held, position=held.position.restarted("2026-11-22T10:14:00Z"), recovered_at=NOW)
    text = words(shown(state))
    assert "Position from 2026-11-22T10:14:00Z" in text
    assert "Last recovery 2026-11-24 10:15:00 UTC" in text


def test_a_stream_that_was_reset(held: StreamState) -> None:
    """It begins at the time that the operator gave, and knows of no newest event."""
    state, _ = release(held, Release(7, NOW, "ok", ""))
    text = words(shown(reset(state, Reset("2026-11-01T00:00:00Z"), NOW)))
    assert "Last outcome reset" in text
    assert "Position from 2026-11-01T00:00:00Z" in text
    assert "Newest event none yet" in text


def test_a_backfill() -> None:
    """Its window is shown, and no warning: its cursor is of no use once it has ended."""
    key = f"20261101T000000Z-0a1b2c3d-{ACCOUNT}-auditevents"
    asked = Begin("backfill-x-auditevents", NOW, 900.0, "2026-11-01T00:00:00Z", "2026-11-08T00:00:00Z")
    state, _ = begin(StreamState(), asked)
    text = words(shown(state, key))
    assert key in text
    assert "A backfill's cursor. " in text
    assert "purge" not in text
    assert "Window 2026-11-01T00:00:00Z to 2026-11-08T00:00:00Z" in text
    assert "Last outcome none yet" in text
    assert "Newest event none yet" in text


@pytest.mark.parametrize("state", [None, StreamState()], ids=["without a state", "that never ran"])
def test_an_entity_where_there_is_no_stream(state: StreamState | None) -> None:
    """The tab says so, and what a key looks like, in place of a table of nothing."""
    html = shown(state, "auditevents")
    assert "No run has begun here yet" in words(html)
    assert "<table" not in html


def test_a_state_of_an_earlier_version(held: StreamState) -> None:
    """What it does not have yet is left out."""
    old = {
        name: value for name, value in to_wire(held).items() if name not in ("stopping", "run", "transfer_limit", *NEW)
    }
    strict = Environment(tolerance=Mode.STRICT, undefined=FalsyStrictUndefined)
    html = strict.from_string(TEMPLATE.read_text(encoding="utf-8")).render(**model(old))
    assert "Held by poll-20261124T101500Z-auditevents" in words(html)
    assert "last run" not in html


def test_hostile_text_stays_text(held: StreamState) -> None:
    """Nothing that came from elsewhere becomes markup, in whatever field it stands."""
    evil = "</td><script>alert(1)</script><img src=x onerror='a'>\"&"
    position = Position(cursor=evil, start_time=evil, end_time=evil)
    state = replace(held, position=position, holder=evil, outcome=evil, error=evil)
    plain = replace(state, position=replace(position, cursor=None), holder="")
    for html in (shown(state, key=evil), shown(plain, key=evil)):
        assert "script" not in " ".join(re.findall(r"<(?!/?(?:div|h2|p|b|br|table|tr|th|td|code|i)\b)[^>]*", html))
        assert not re.search(r"<(?:script|img)", html)
        assert html.count("&lt;script&gt;") >= 4


def test_every_output_is_escaped() -> None:
    """No field is printed as it is, so that no field can be forgotten; nor does the tab bring a script of its own."""
    template = TEMPLATE.read_text(encoding="utf-8")
    outputs = re.findall(r"\{\{(.*?)\}\}", template)
    assert outputs
    assert [output for output in outputs if not output.rstrip().endswith("| escape")] == []
    assert not re.search(r"<script|\bon\w+=|https?:", template)
