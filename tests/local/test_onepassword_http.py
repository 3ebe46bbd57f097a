"""The simulated API around its streams: what it refuses and how, tokens, limits, transport."""

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import jwt
import pytest
import trustme
from onepassword_client import LONG_AGO, Client, Clock, serving, uuids

from local.onepassword import EVENT_TYPES, LEGACY_AUDIENCE, OnePasswordSimulator, truncated

BAD_REQUEST = b'{"Error":{"Message":"Bad Request"}}'
UNAUTHORIZED = b'{"Error":{"Message":"Unauthorized"}}'


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(clock: Clock) -> AsyncIterator[Client]:
    async with serving(OnePasswordSimulator(events=200, now=clock)) as client:
        yield client


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "100"},
        {"limit": 10.5},
        {"limit": True},
        {"limit": None},
        {"start_time": "yesterday"},
        {"start_time": "2026-11-22 12:00:00Z"},
        {"start_time": "2026-11-22T12:00:00"},
        {"start_time": "2026-13-01T12:00:00Z"},
        {"start_time": "2026-11-22T12:00:00.1234567891Z"},
        {"start_time": 1_700_000_000},
        {"start_time": "2026-11-22T12:00:00Z", "end_time": "2026-11-22T11:00:00Z"},
        {"page_size": 100},
        {"cursor": ""},
        {"cursor": "bm90IGEgY3Vyc29y"},
        {"cursor": "☃"},
        {"cursor": None},
        [],
        None,
    ],
    ids=str,
)
async def test_malformed_polls_are_bad_requests(client: Client, body: object) -> None:
    """A body that is neither a reset cursor nor a cursor of this stream is answered with 400."""
    assert await client.send("POST", "/api/v2/auditevents", json=body) == (400, BAD_REQUEST)


@pytest.mark.parametrize("body", [b"", b"{", b'{"limit":1}x', b"\xff", b"limit=100"], ids=repr)
async def test_bodies_that_are_not_json(client: Client, body: bytes) -> None:
    """Bytes that are not a JSON document are answered with 400."""
    headers = {"Content-Type": "application/json"}
    assert await client.send("POST", "/api/v2/auditevents", data=body, headers=headers) == (400, BAD_REQUEST)


async def test_content_type_is_required(client: Client) -> None:
    """JSON that is not declared as such is answered with 400."""
    answer = await client.send("POST", "/api/v2/auditevents", data=b"{}", headers={"Content-Type": "text/plain"})
    assert answer == (400, BAD_REQUEST)


async def test_cursor_excludes_everything_else(client: Client) -> None:
    """A cursor together with a field of a reset cursor is a bad request."""
    cursor = (await client.page("auditevents"))["cursor"]
    assert await client.status("auditevents", {"cursor": cursor, "limit": 100}) == 400
    assert await client.status("auditevents", {"cursor": cursor, "start_time": LONG_AGO}) == 400
    assert await client.status("auditevents", {"cursor": cursor}) == 200


async def test_foreign_cursors_are_rejected(client: Client) -> None:
    """A cursor is good for its own stream of its own server, unchanged."""
    cursor = (await client.page("auditevents"))["cursor"]
    assert await client.status("itemusages", {"cursor": cursor}) == 400
    assert await client.status("auditevents", {"cursor": cursor[:-8]}) == 400
    async with serving(OnePasswordSimulator()) as stranger:
        assert await stranger.status("auditevents", {"cursor": cursor}) == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/auditevents"),
        ("GET", "/api/v2/auditevents"),
        ("POST", "/api/v2/auth/introspect"),
        ("GET", "/"),
    ],
)
async def test_unknown_paths(client: Client, method: str, path: str) -> None:
    """A wrong path, or a wrong method for it, gets plain text that is not JSON."""
    assert await client.send(method, path) == (404, b"404 page not found")


async def test_introspection(client: Client) -> None:
    """Both versions of introspection name the token's features; only the second one names the account."""
    simulator = client.simulator
    second = await client.introspect()
    assert second["features"] == list(EVENT_TYPES)
    assert second["account_uuid"] == simulator.account_uuid
    assert datetime.fromisoformat(second["issued_at"]) == simulator.now()
    first = await client.introspect("/api/auth/introspect")
    assert first == {"UUID": second["uuid"], "IssuedAt": second["issued_at"], "Features": second["features"]}
    assert simulator.requests == {"introspect": 2}


async def test_introspection_without_an_account() -> None:
    """An older API does not name the account."""
    async with serving(OnePasswordSimulator(account_uuid=None)) as client:
        answer = await client.introspect()
    assert set(answer) == {"uuid", "issued_at", "features"}


async def test_token_names_host_and_features(client: Client) -> None:
    """A token is an ES256 JWT with the host, without a scheme, as its audience, and the features as a claim."""
    token = client.simulator.token(features=["itemusages"], expires=datetime(2026, 12, 1, tzinfo=UTC))
    claims = jwt.decode(token, options={"verify_signature": False})
    assert jwt.get_unverified_header(token)["alg"] == "ES256"
    assert ["http://" + host for host in claims["aud"]] == [client.simulator.url]
    assert claims["1password.com/fts"] == ["itemusages"]
    assert claims["exp"] == datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    legacy = client.simulator.token(aud=LEGACY_AUDIENCE)
    assert jwt.decode(legacy, options={"verify_signature": False})["aud"] == [LEGACY_AUDIENCE]


async def test_refused_tokens(client: Client, clock: Clock) -> None:
    """Unknown, truncated, revoked and expired tokens are unauthorized, on every endpoint."""
    simulator, good = client.simulator, client.token
    revoked, expiring = simulator.token(), simulator.token(expires=clock.time + timedelta(minutes=1))
    simulator.revoke(revoked)
    clock.forward(minutes=1)
    for client.token in ("", "nonsense", truncated(good), revoked, expiring):
        assert await client.send("POST", "/api/v2/auditevents", json={}) == (401, UNAUTHORIZED)
        assert await client.send("GET", "/api/v2/auth/introspect") == (401, UNAUTHORIZED)
    client.token = good
    assert await client.status("auditevents", {}) == 200


async def test_feature_that_was_not_granted(client: Client) -> None:
    """A stream outside the token's features is unauthorized, in the other shape of error."""
    client.token = client.simulator.token(features=["auditevents"])
    status, body = await client.send("POST", "/api/v2/itemusages", json={})
    assert (status, body) == (401, b'{"status":401,"message":"Unauthorized"}')
    assert await client.status("auditevents", {}) == 200


async def test_requests_per_minute_and_hour(clock: Clock) -> None:
    """Requests beyond either sliding window get 429, for all tokens of the account, until the window has moved on."""
    simulator = OnePasswordSimulator(now=clock, requests_per_minute=3, requests_per_hour=5)
    async with serving(simulator) as client:
        statuses = [await client.status("auditevents", {}) for _ in range(4)]
        client.token = simulator.token()
        status, body = await client.send("GET", "/api/v2/auth/introspect")
        clock.forward(minutes=1)
        statuses += [await client.status("auditevents", {}) for _ in range(3)]
        clock.forward(minutes=59)
        statuses += [await client.status("auditevents", {})]
    assert statuses == [200, 200, 200, 429, 200, 200, 429, 200]
    assert (status, body) == (429, b'{"status":429,"message":"Too Many Requests"}')


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [(None, None), (17, "17"), (datetime(2026, 11, 22, 12, 46, tzinfo=UTC), "Sun, 22 Nov 2026 12:46:00 GMT")],
)
async def test_retry_after(retry_after: int | datetime | None, header: str | None) -> None:
    """429 names no time to wait unless told to: then seconds or a date."""
    simulator = OnePasswordSimulator(requests_per_minute=0)
    simulator.retry_after = retry_after
    async with serving(simulator) as client:
        headers = {"Authorization": f"Bearer {client.token}"}
        async with client.session.get(f"{simulator.url}/api/v2/auth/introspect", headers=headers) as response:
            assert response.status == 429
            assert response.headers.get("Retry-After") == header


@pytest.mark.parametrize("gzip", [True, False])
async def test_compression(client: Client, *, gzip: bool) -> None:
    """Pages are compressed for clients that accept it, unless turned off; the page is the same."""
    client.simulator.gzip = gzip
    headers = {"Authorization": f"Bearer {client.token}"}
    url = f"{client.simulator.url}/api/v2/auditevents"
    async with client.session.post(url, json={"start_time": LONG_AGO}, headers=headers) as response:
        assert response.headers.get("Content-Encoding") == ("gzip" if gzip else None)
        assert len((await response.json())["items"]) == 100
    plain = {**headers, "Accept-Encoding": "identity"}
    async with client.session.post(url, json={"start_time": LONG_AGO}, headers=plain) as response:
        assert "Content-Encoding" not in response.headers


async def test_tls_and_restart() -> None:
    """It speaks TLS for localhost, and comes back on the same port with its tokens and cursors still good."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    simulator = OnePasswordSimulator(events=3)
    await simulator.start(context)
    url = simulator.url
    assert url.startswith("https://localhost:")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as session:
        client = Client(session, simulator, simulator.token())
        _, cursor = await client.drain("auditevents", start_time=LONG_AGO)
        await simulator.stop()
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.page("auditevents", cursor=cursor)
        await simulator.start(context, port=int(url.rpartition(":")[2]))
        added = simulator.add_events("auditevents", 1)
        assert uuids((await client.page("auditevents", cursor=cursor))["items"]) == added
        assert simulator.url == url
        await simulator.stop()
