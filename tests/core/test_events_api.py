"""The Events API client: what it asks, and what every kind of answer becomes."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import aiohttp
import pytest
from aioresponses import CallbackResult, aioresponses
from yarl import URL

from onepassword_sentinel.errors import (
    ConnectorError,
    CursorRejectedError,
    PermanentError,
    ThrottledError,
    TransientError,
)
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.events_api import EventsApi
from onepassword_sentinel.position import Position
from onepassword_sentinel.rate_limit import RequestQuota
from onepassword_sentinel.settings import Account

STREAM = "https://events.1password.com/api/v2/itemusages"
INTROSPECT = "https://events.1password.com/api/v2/auth/introspect"
START = Position(start_time="2026-11-15T00:00:00Z")
EMPTY = {"cursor": "c1", "has_more": False, "items": []}


class Response(aiohttp.ClientResponse):
    """What aioresponses 0.7.9 makes lacks the argument that aiohttp 3.14 added."""

    def __init__(self, method: str, url: URL, **options: Any) -> None:
        super().__init__(method, url, stream_writer=Mock(output_size=0), **options)


class Remote(aioresponses):
    """aioresponses with that class of responses."""

    def add(self, url: str, method: str = "GET", **options: Any) -> None:
        """Answer the next request."""
        super().add(url, method, response_class=Response, **options)


@pytest.fixture
def remote() -> Iterator[aioresponses]:
    """Answer in place of 1Password."""
    with Remote() as mocked:
        yield mocked


@pytest.fixture
async def api(account: Account) -> AsyncIterator[EventsApi]:
    """Provide a client of the first account."""
    async with aiohttp.ClientSession() as session:
        yield EventsApi(session, account, RequestQuota())


async def failure(api: EventsApi, position: Position = START) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        await api.fetch_page(EventType.ITEM_USAGES, position)
    return caught.value


def asked(remote: aioresponses) -> list[Any]:
    return [call.kwargs["json"] for calls in remote.requests.values() for call in calls]


async def test_a_stream_begins_at_a_time_with_full_pages(api: EventsApi, remote: aioresponses) -> None:
    """Without a cursor the start is always said, as the API's own default is an hour ago, and pages are full."""
    remote.post(STREAM, payload=EMPTY)
    page = await api.fetch_page(EventType.ITEM_USAGES, START)
    assert (page.cursor, page.has_more, page.items) == ("c1", False, [])
    assert asked(remote) == [{"limit": 1000, "start_time": "2026-11-15T00:00:00Z"}]


async def test_a_backfill_has_an_end(api: EventsApi, remote: aioresponses) -> None:
    """A window's end goes along where there is one."""
    remote.post(STREAM, payload=EMPTY)
    await api.fetch_page(EventType.ITEM_USAGES, replace(START, end_time="2026-11-16T00:00:00Z"))
    assert asked(remote)[0]["end_time"] == "2026-11-16T00:00:00Z"


async def test_a_cursor_goes_alone(api: EventsApi, remote: aioresponses) -> None:
    """The API refuses a cursor together with anything else."""
    remote.post(STREAM, payload=EMPTY)
    await api.fetch_page(EventType.ITEM_USAGES, START.after_page("c0"))
    assert asked(remote) == [{"cursor": "c0"}]


async def test_the_token_goes_into_the_header_and_redirects_are_not_followed(
    api: EventsApi,
    remote: aioresponses,
    account: Account,
) -> None:
    """A redirect would take the token elsewhere."""
    seen: list[dict[str, Any]] = []

    def answer(_: Any, **kwargs: Any) -> CallbackResult:
        seen.append(kwargs)
        return CallbackResult(status=302, headers={"Location": "https://x.example/"}, response_class=Response)

    remote.post(STREAM, callback=answer)
    error = await failure(api)
    assert isinstance(error, PermanentError)
    assert "is not the Events API" in str(error)
    assert seen[0]["headers"]["Authorization"] == f"Bearer {account.token.value}"
    assert seen[0]["allow_redirects"] is False


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (401, '{"Error":{"Message":"Unauthorized"}}', PermanentError, "put it into ONEPASSWORD_TOKEN"),
        (401, '{"status":401,"message":"Unauthorized"}', PermanentError, "does not cover this"),
        (403, "", PermanentError, "answered 403: the token"),
        (404, "404 page not found", PermanentError, "“404 page not found”: https://events.1password.com is not the"),
        (400, '{"Error":{"Message":"Bad Request"}}', PermanentError, "please report it"),
        (418, "teapot", PermanentError, "not a documented answer"),
        (429, '{"status":429,"message":"Too Many Requests"}', ThrottledError, "quota is used up"),
        (408, "", TransientError, "answered 408"),
        (500, '{"Error":{"Message":"Internal Server Error"}}', TransientError, "status.1password.com"),
        (502, "<html>Bad gateway</html>", TransientError, "502 “<html>Bad gateway</html>”"),
        (503, "", TransientError, "503"),
        (200, "<!DOCTYPE html><title>Sign in</title>", TransientError, "a proxy may be in between"),
        (200, '{"cursor":"c","has_more":tr', TransientError, "malformed JSON"),
        (200, '{"cursor":"c"}', TransientError, "JSON that is not a page"),
        (200, "", TransientError, "malformed JSON"),
    ],
)
async def test_an_answer_becomes_what_is_to_be_done(
    api: EventsApi,
    remote: aioresponses,
    status: int,
    body: str,
    kind: type[ConnectorError],
    says: str,
) -> None:
    """One sentence says what was seen and what to do; whom it is about is added by who asked."""
    remote.post(STREAM, status=status, body=body)
    error = await failure(api)
    assert type(error) is kind
    assert says in str(error)


async def test_400_on_a_cursor_means_the_cursor(api: EventsApi, remote: aioresponses) -> None:
    """Only a request that sent a cursor can have had it rejected."""
    remote.post(STREAM, status=400, body='{"Error":{"Message":"Bad Request"}}')
    assert isinstance(await failure(api, START.after_page("c0")), CursorRejectedError)


@pytest.mark.parametrize(
    ("header", "options", "seconds"),
    [({}, {}, 60), ({}, {"pause": 40.0}, 40), ({"Retry-After": "50"}, {"pause": 40.0}, 50)],
    ids=["unsaid", "unsaid, otherwise", "said"],
)
async def test_throttling_holds_every_stream_of_the_account(
    account: Account, remote: aioresponses, header: dict[str, str], options: dict[str, float], seconds: float
) -> None:
    """Retry-After is obeyed where it is sent, which is not documented for this API; nobody asks before it is over."""
    remote.post(STREAM, status=429, headers=header)
    quota = RequestQuota(clock=lambda: 0.0)
    async with aiohttp.ClientSession() as session:
        error = await failure(EventsApi(session, account, quota, **options))
        assert isinstance(error, ThrottledError)
        assert error.retry_after == seconds
        another = await failure(EventsApi(session, account, quota))
    assert isinstance(another, ThrottledError)
    assert another.retry_after == seconds
    assert len(asked(remote)) == 1


@pytest.mark.parametrize(
    ("raised", "says"),
    [
        (TimeoutError(), "did not answer in time"),
        (aiohttp.ServerDisconnectedError(), "no whole answer"),
        (aiohttp.ClientPayloadError(), "no whole answer"),
        (aiohttp.ClientConnectionError(), "no whole answer"),
    ],
)
async def test_no_answer_is_transient(api: EventsApi, remote: aioresponses, raised: Exception, says: str) -> None:
    """A connection that fails may work the next time."""
    remote.post(STREAM, exception=raised)
    error = await failure(api)
    assert isinstance(error, TransientError)
    assert says in str(error)


async def test_a_body_that_echoes_the_token_is_redacted(
    api: EventsApi,
    remote: aioresponses,
    account: Account,
) -> None:
    """Whatever a remote or a proxy says, the token is taken out before it is repeated."""
    remote.post(STREAM, status=500, body=f"bad header: Bearer {account.token.value}" * 3)
    message = str(await failure(api))
    assert "Bearer [token]" in message
    assert account.token.value[:20] not in message


async def test_introspection_names_the_account_and_the_granted_event_types(
    api: EventsApi,
    remote: aioresponses,
) -> None:
    """Features that this app does not know are left alone; order is the app's own."""
    body = {"uuid": "INT", "issued_at": "2026-01-01T00:00:00Z", "features": ["x", "auditevents", "signinattempts"]}
    remote.get(INTROSPECT, payload={**body, "account_uuid": "ACC"})
    found = await api.introspect()
    assert found.account_key == "ACC"
    assert found.event_types == (EventType.SIGN_IN_ATTEMPTS, EventType.AUDIT_EVENTS)


async def test_an_older_introspection_is_keyed_by_its_integration(api: EventsApi, remote: aioresponses) -> None:
    """`account_uuid` came with spec 1.4.1."""
    remote.get(INTROSPECT, payload={"uuid": "INT", "issued_at": "2026-01-01T00:00:00Z", "features": []})
    assert (await api.introspect()).account_key == "INT"


async def test_an_introspection_of_another_shape_is_transient(api: EventsApi, remote: aioresponses) -> None:
    """What answers there is not 1Password."""
    remote.get(INTROSPECT, body="[1]")
    with pytest.raises(TransientError, match=r"answered 200 with .* no introspection"):
        await api.introspect()


async def test_messages_name_the_accounts_own_settings(account: Account, remote: aioresponses) -> None:
    """With more than one account a sentence has to say which token to replace."""
    remote.post(STREAM, status=401)
    async with aiohttp.ClientSession() as session:
        error = await failure(EventsApi(session, replace(account, name="ACME"), RequestQuota()))
    assert "put it into ONEPASSWORD_TOKEN_ACME" in str(error)
