"""What no fuzzer thinks of: requests that break parsers, and requests with several mistakes at once."""

import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from yarl import URL

from tests.api.document import operations, undocumented
from tests.e2e.api import days_ago
from tests.e2e.conftest import Environment, env, launch

__all__ = ["env", "launch"]  # fixtures

DEEP: Final = 10_000
START: Final = days_ago(5)
MEGABYTE: Final = 1_000_000
# Of no use for whoever asks for a time to begin at: sent to a backfill and to a reset.
BODIES: Final[dict[str, bytes]] = {
    "nothing": b"",
    "white space": b" \r\n",
    "a byte order mark alone": b"\xef\xbb\xbf",
    "no JSON": b"start_time=2026-11-01T00:00:00Z",
    "cut off": b'{"start_time": "2026',
    "two values": b"{} {}",
    "an array": b"[]",
    "null": b"null",
    "text": b'"2026-11-01T00:00:00Z"',
    "an empty object": b"{}",
    "not UTF-8": b'{"start_time": "\xff"}',
    "UTF-16": json.dumps({"start_time": START}).encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a surrogate in UTF-8": b'{"start_time": "\xed\xa0\x80"}',
    "a lone surrogate": rb'{"start_time": "\ud800"}',
    "a lone surrogate in a name": rb'{"\udfff": 1}',
    "NUL in a name": rb'{"\u0000": 1}',
    "NUL behind a time": json.dumps({"start_time": f"{START}\0"}).encode(),
    "deep arrays": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * 2_500 + b"1" + b"}" * 2_500,
    # Deeper than a parser recurses, and no larger than a request may be.
    "a deep time, without an end": b'{"start_time":' + b"[" * 16_000,
    "a megabyte of brackets": b"[" * MEGABYTE,
    "a megabyte of text": json.dumps({"start_time": "2" * MEGABYTE}).encode(),
    "a megabyte of members": json.dumps({f"m{place}": 1 for place in range(MEGABYTE // 12)}).encode(),
    "a huge integer": b'{"start_time": ' + b"9" * 5_000 + b"}",
    "an integer of 100 digits": b'{"start_time": ' + b"9" * 100 + b"}",
    "a huge number": b'{"start_time": 1e999}',
    "not a number": b'{"start_time": NaN}',
    "infinity": b'{"start_time": -Infinity}',
    "a duplicate, the last one wrong": json.dumps({"start_time": START})[:-1].encode() + b', "start_time": 5}',
    "a time as a list": json.dumps({"start_time": [START]}).encode(),
    "a time as an object": json.dumps({"start_time": {START: START}}).encode(),
    "a time as a truth": b'{"start_time": true}',
    "no time": b'{"start_time": ""}',
    "a date": b'{"start_time": "2026-11-01"}',
    "the first year, with an offset": b'{"start_time": "0001-01-01T00:00:00+14:00"}',
    "the first year": b'{"start_time": "0001-01-01T00:00:00Z"}',
    "the last year, with an offset": b'{"start_time": "9999-12-31T23:59:59-14:00"}',
    "the last year": b'{"start_time": "9999-12-31T23:59:59Z"}',
    "a leap second": b'{"start_time": "2026-06-30T23:59:60Z"}',
    "digits that are none of ASCII": json.dumps({"start_time": "\uff12\uff10\uff12\uff16-11-01T00:00:00Z"}).encode(),
    "a member of the orchestration's input": json.dumps({"start_time": START, "pacing": {}, "v": 1}).encode(),
}
WINDOWS: Final[dict[str, Any]] = {
    "event types without a hash": {"event_types": [[], {}]},
    "event types that are none": {"event_types": [None, True, 1, 1.5, "", "AUDITEVENTS", "auditevents "]},
    "no event types": {"event_types": []},
    "event types as text": {"event_types": "auditevents"},
    "event types as an object": {"event_types": {"auditevents": True}},
    "more event types than there are": {"event_types": ["x"] * 3_000},
    "an account as a list": {"account": [""]},
    "an account that is none": {"account": "\0"},
    "an end without a zone": {"end_time": "2026-11-08T00:00:00"},
    "an end before all times": {"end_time": "0001-01-01T00:00:00+14:00"},
    "an end after all times": {"end_time": "9999-12-31T23:59:59-14:00"},
    "an end at the start": {"end_time": START},
}
CONTENT_TYPES: Final = (
    "text/plain",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "application/json; charset=nothing",
    "none at all",
)
# As they stand in the address; the route takes one segment. The host resolves dots before it looks for a route.
IDS: Final = (
    "20260101T000000Z-00000000",
    "99999999T999999Z-ffffffff",
    "20260101T000000Z-0000000",
    "20260101T000000Z-00000000%0A",
    quote("\u0662\u0660\u0662\u0666\u0660\u0661\u0660\u0661T000000Z-00000000"),
    quote("ключ"),
    "@stream_cursor@x",
    "%40stream_cursor%40x",
    "%00",
    "%FF",
    "%ED%A0%80",
    "%25",
    "..%2F..%2Fadmin",
    "%2F",
    "'%20OR%201=1--",
    "*",
    "x" * 5_000,
    "x-auditevents",
)
ACCEPT: Final = ("text/html;q=nan", "text/html;q=1e999", ";;,=", "*/*;q=-1", "image/png", "\xff", "text/html," * 500)


@dataclass(frozen=True)
class Request:
    """What is sent, and which function has to answer how."""

    function: str
    method: str
    path: str
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def requests(key: str) -> dict[str, Request]:
    """Name all that is wrong; `key` is a stream's, to which nothing may happen."""
    backfill, reset = ("start_backfill", "POST", "/api/backfill"), ("reset_cursor", "POST", f"/api/streams/{key}/reset")
    window = json.dumps({"start_time": START}).encode()
    typed = {"Content-Type": "application/json"}
    found = {}
    for name, body in BODIES.items():
        found[f"backfill: {name}"] = Request(*backfill, 400, body, typed)
        found[f"reset: {name}"] = Request(*reset, 400, body, typed)
    for name, members in WINDOWS.items():
        found[name] = Request(*backfill, 400, json.dumps({"start_time": START, **members}).encode(), typed)
    for kind in CONTENT_TYPES:
        found[f"as {kind}"] = Request(*backfill, 400, b"--x\r\n", {"Content-Type": kind})
    for place in IDS:
        found[f"GET {place[:30]}"] = Request("show_backfill", "GET", f"/api/backfill/{place}", 404)
        found[f"DELETE {place[:30]}"] = Request("stop_backfill", "DELETE", f"/api/backfill/{place}", 404)
        found[f"reset {place[:30]}"] = Request(
            "reset_cursor", "POST", f"/api/streams/{place}/reset", 404, window, typed
        )
    for accept in ACCEPT:
        found[f"accept {accept[:30]}"] = Request("show_status", "GET", "/api/status", 200, b"", {"Accept": accept})
    return found


def left(env: Environment) -> tuple[set[str], dict[str, Any]]:
    """Name every run there is, and where each cursor stands."""
    return {run.instance_id for run in env.host.client.query()}, env.host.client.entities()


async def test_nothing_comes_of_requests_that_break_parsers(env: Environment) -> None:
    """Each is answered as the document has it, 4xx as a problem, and no run begins and no cursor moves."""
    await env.recorded((await env.poll()).instance_id)
    before = left(env)
    wrong: dict[str, Any] = {}
    async with aiohttp.ClientSession() as session:
        for name, request in requests(f"{env.source.account_uuid}-auditevents").items():
            address = URL(env.host.http_url + request.path, encoded=True)
            sent = session.request(request.method, address, data=io.BytesIO(request.body), headers=request.headers)
            async with sent as response:
                said = undocumented(
                    request.function, response.status, response.headers.get("Content-Type", ""), await response.read()
                )
            if said or response.status != request.status:
                wrong[name] = (response.status, said)
    assert wrong == {}
    assert [record for record in env.host.warnings if record.level == "ERROR"] == []
    assert left(env) == before


MISTAKES: Final[list[tuple[bytes | dict[str, Any], dict[str, str]]]] = [
    (b"", {"": "the body is empty and must be a JSON object; if you sent one, it was chunked"}),
    (b" \r\n", {"": "the body has only white space and must be a JSON object"}),
    (b'{"start_time": ', {"": "the body must be a JSON object"}),
    ({}, {"/start_time": "is missing"}),
    ({"start_time": None}, {"/start_time": "is missing"}),
    (
        {"start_time": START, "event_types": ["auditevents", "logins"]},
        {"/event_types/1": "must be one of signinattempts"},
    ),
    ({"start_time": START, "account": "NOBODY"}, {"/account": 'is not configured; there is ""'}),
    ({"start_time": START, "end_time": days_ago(6)}, {"/end_time": "must be after start_time"}),
    ({"start_time": days_ago(-1)}, {"/start_time": "lies in the future"}),
    ({"start_time": days_ago(121)}, {"/start_time": "is more than 120 days ago"}),
    ({"start_time": "2026-11-01T00:00:00"}, {"/start_time": "must say its zone"}),
    ({"start_time": START, "end_time": "tomorrow"}, {"/end_time": "must be a time such as"}),
    ({"start_time": START, "start": START}, {"/start": "is not known here; known are start_time, end_time"}),
    ({"start_time": START, "a/b~c": 1}, {"/a~1b~0c": "is not known here"}),
    (
        {
            "account": 7,
            "event_types": [{}, "auditevents", None],
            "end_time": 5,
            "start_time": "soon",
            "from": 1,
            "to": 2,
        },
        {
            "/from": "is not known here",
            "/to": "is not known here",
            "/start_time": "must be a time such as",
            "/end_time": "must be a time such as",
            "/event_types/0": "must be one of",
            "/event_types/2": "must be one of",
            "/account": "must be a name",
        },
    ),
    (
        {"start_time": days_ago(-1), "end_time": days_ago(-2), "account": "NOBODY", "event_types": []},
        {"/start_time": "lies in the future", "/event_types": "must be a list of", "/account": "is not configured"},
    ),
]


async def test_all_mistakes_in_a_backfill_are_said_at_once(env: Environment) -> None:
    """One answer points at each of them, and its detail has them all in one sentence."""
    async with aiohttp.ClientSession() as session:
        for body, expected in MISTAKES:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            async with session.post(f"{env.host.http_url}/api/backfill", data=data) as response:
                found = json.loads(await response.read())
            assert (response.status, response.content_type) == (400, "application/problem+json"), data
            errors = {error["pointer"]: error["detail"] for error in found["errors"]}
            assert len(found["errors"]) == len(errors) == len(expected), data
            assert {pointer: errors.get(pointer, "")[: len(detail)] for pointer, detail in expected.items()} == expected
            assert all(
                f"{pointer.strip('/')} {detail}".strip() in found["detail"] for pointer, detail in errors.items()
            )
    assert env.host.client.query() == []


async def chunked(body: bytes) -> AsyncIterator[bytes]:
    """Send a body without saying how long it is."""
    yield body


async def test_a_body_that_the_host_drops_is_missed_only_where_one_is_needed(env: Environment) -> None:
    """Operations with a body name the header that was missing; all others answer a chunked or blank body as none."""
    window = json.dumps({"start_time": START}).encode()
    needing = set()
    async with aiohttp.ClientSession() as session:
        for method, path, operation in operations():
            name, address = operation["operationId"], env.host.http_url + path.format(id=IDS[0], key="x-auditevents")
            for data in (chunked(window), b" ", b""):
                async with session.request(method, address, data=data) as response:
                    body, kind = await response.read(), response.headers["Content-Type"]
                assert undocumented(name, response.status, kind, body) == []
                assert (response.status == 400) is ("requestBody" in operation), (name, data)
                if response.status == 400 and data != b" ":
                    assert "Transfer-Encoding: chunked" in json.loads(body)["detail"]
                    needing.add(name)
    assert needing == {"start_backfill", "reset_cursor"}
