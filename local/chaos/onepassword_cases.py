"""What goes wrong on 1Password's side."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

from local.chaos.case import Cases, Play, Stage
from local.onepassword import (
    ALWAYS,
    Body,
    CutBody,
    Drip,
    DropConnection,
    EmptyPages,
    Fault,
    Overlap,
    RepeatCursor,
    Rewrite,
    Stall,
    Status,
)
from local.patience import within

ONEPASSWORD: Final = Cases("1Password")

# Seconds after which an activity is cut off; a remote that hangs would else be waited for much longer.
_CUT_OFF: Final = 2.0
_OVERLAP: Final = timedelta(hours=48)
_HTML: Final = b"<!DOCTYPE html><title>Sign in</title>"


def _meets(
    fault: Fault, *, polls: int = 1, times: int = 1, after: int = 0, cut_off: bool = False, **pacing: Any
) -> Play:
    """Poll while the stream meets a fault, and see that it did."""

    async def play(stage: Stage) -> int:
        faults = stage.env.source.faults
        limit = {"transfer_limit": within(_CUT_OFF)} if cut_off else {}
        faults.add(fault, target=stage.stream, times=times, after=after)
        for _ in range(polls):
            await stage.env.poll(**pacing, **limit)
        assert faults.struck >= (1 if times == ALWAYS else times), "the fault did not strike as often as it was to"
        faults.clear()
        stage.env.source.add_events(stage.stream, 20)
        return 0

    return play


@ONEPASSWORD.case("connection refused")
async def _refused(stage: Stage) -> int:
    async with stage.env.source.unreachable():
        poll = await stage.env.poll()
    assert "introspection" in poll.error_message
    return 0


# Two attempts an activity: what strikes twice fails the poll, what strikes once is retried within it.
ONEPASSWORD.add("connection reset", _meets(DropConnection(), times=2))
ONEPASSWORD.add("reset in the middle of a body", _meets(CutBody(2_000), times=2))
ONEPASSWORD.add("no answer", _meets(Stall(600), times=2, cut_off=True))
ONEPASSWORD.add("slow drip", _meets(Drip(500), times=2, cut_off=True))
ONEPASSWORD.add("truncated JSON", _meets(Body(b'{"cursor":"c","has_more":fal'), times=2))
ONEPASSWORD.add("invalid UTF-8", _meets(Body(b'{"cursor":"c","has_more":false,"items":[{"uuid":"\xff"}]}'), times=2))
ONEPASSWORD.add("HTML with status 200", _meets(Body(_HTML, "text/html"), times=2))
for _code in (500, 502, 503):
    ONEPASSWORD.add(f"{_code} once", _meets(Status(_code)))
    ONEPASSWORD.add(f"{_code} in the middle of a run", _meets(Status(_code), after=1), events=2_500)
    ONEPASSWORD.add(f"{_code} for several polls", _meets(Status(_code), polls=3, times=ALWAYS))
ONEPASSWORD.add("429 without Retry-After", _meets(Status(429), throttle_seconds=1.0))
ONEPASSWORD.add("429 with seconds", _meets(Status(429, b"", {"Retry-After": "1"})))
ONEPASSWORD.add("429 in the middle of a run", _meets(Status(429, b"", {"Retry-After": "1"}), after=1), events=2_500)
ONEPASSWORD.add("429 for longer than a poll", _meets(Status(429, b"", {"Retry-After": "2"}), budget_seconds=1.0))
ONEPASSWORD.add("401 in the middle of a run", _meets(Status(401), after=1), events=2_500)
ONEPASSWORD.add("404 as plain text", _meets(Status(404, b"404 page not found\n", content_type="text/plain")))
ONEPASSWORD.add("the same cursor for ever", _meets(RepeatCursor(), polls=3, times=ALWAYS))
ONEPASSWORD.add("has_more without items, ten times", _meets(EmptyPages(), times=10, after=1), events=1_200)
ONEPASSWORD.add("the same event on two pages", _meets(Overlap(7), times=2, after=1), events=2_500)
ONEPASSWORD.add("the same event in two polls", _meets(Overlap(7), polls=3, times=3, after=1), events=300)


@ONEPASSWORD.case("429 with a date")
async def _until_a_date(stage: Stage) -> int:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    return await _meets(Status(429, b"", {"Retry-After": date}))(stage)


@ONEPASSWORD.case("the same cursor for ever, with events")
async def _stuck_with_events(stage: Stage) -> int:
    await stage.env.poll()
    cursor = stage.env.cursor(stage.stream)["position"]["cursor"]
    stage.env.source.add_events(stage.stream, 5)
    stuck = Rewrite(lambda page: {**page, "cursor": cursor, "has_more": True})
    return await _meets(stuck, polls=2, times=ALWAYS)(stage)


@ONEPASSWORD.case("a token that loses one feature")
async def _loses_a_feature(stage: Stage) -> int:
    def take_away(introspection: dict[str, Any]) -> dict[str, Any]:
        return {**introspection, "features": [name for name in introspection["features"] if name != stage.stream]}

    await stage.env.poll()
    for name in stage.streams:
        stage.env.source.add_events(name, 30)
    stage.env.source.faults.add(Rewrite(take_away), target="introspect")
    poll = await stage.env.poll()
    assert stage.stream not in poll.output["streams"]
    return 0


@ONEPASSWORD.case("400 on a cursor", repeats="the last 48 hours of the stream")
async def _rejected_cursor(stage: Stage) -> int:
    await stage.env.poll()
    newest = datetime.fromisoformat(stage.env.cursor(stage.stream)["newest"])
    since = (newest - _OVERLAP).isoformat()
    (overlap,) = stage.env.rows(
        f"OnePasswordEventLogs_CL | where log_source == '{stage.stream}' and timestamp >= datetime({since}) | count"
    )
    stage.env.source.add_events(stage.stream, 20)
    await _meets(Status(400))(stage)
    return int(overlap["Count"])


@ONEPASSWORD.case("a cursor of 10 KB", events=2_500)
async def _long_cursor(stage: Stage) -> int:
    stage.env.source.cursor_padding = 10_000
    await stage.env.poll(transfer_pages=1)
    assert len(stage.env.cursor(stage.stream)["position"]["cursor"]) > 10_000
    stage.env.source.add_events(stage.stream, 20)
    return 0


@ONEPASSWORD.case("late arrivals")
async def _late(stage: Stage) -> int:
    for _ in range(3):
        await stage.env.poll()
        stage.env.source.add_events(stage.stream, 40, late=True)
    return 0


def _holds(changes: dict[str, Any]) -> Play:
    """Poll while three events of the stream have these fields, whatever else is in them."""

    def change(event: bytes) -> bytes:
        return json.dumps({**json.loads(event), **changes}).encode()

    async def play(stage: Stage) -> int:
        for index in stage.random.sample(range(200), 3):
            stage.env.source.alter(stage.stream, index, change)
        await stage.env.poll()
        return 0

    return play


ONEPASSWORD.add("an event of 2 MB", _holds({"details": {"value": "x" * 2_000_000}}), storage=True, kept=3)
ONEPASSWORD.add("a field over 64 KB", _holds({"details": {"value": "x" * 70_000}}), storage=True, kept=3)
ONEPASSWORD.add(
    "keys that name a class",
    _holds({"__class__": "Popen", "__module__": "subprocess", "__data__": ["true"]}),
)
ONEPASSWORD.add("an unknown event key", _holds({"risk_score": 7, "client": {"app_name": "x", "unheard": {"of": []}}}))
ONEPASSWORD.add(
    "unknown enum values",
    _holds({"category": "unheard_of", "type": "unheard_of", "action": "unheard-of", "object_type": "unheard-of"}),
)
