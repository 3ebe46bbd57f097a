"""The 1Password Events API, v2: introspection and the three event types, one code path for all.

Source throughout: 1Password Events API reference (spec 1.4.1), pagination, rate limits and status codes pages.
"""

from http import HTTPStatus
from typing import Any, Final

import aiohttp
import msgspec

from onepassword_sentinel.discovery import Introspection
from onepassword_sentinel.errors import CursorRejectedError, PermanentError, ThrottledError, TransientError
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.page import MalformedPageError, Page
from onepassword_sentinel.position import Position
from onepassword_sentinel.quotation import quoted
from onepassword_sentinel.rate_limit import RequestQuota
from onepassword_sentinel.retry_after import DEFAULT_SECONDS, retry_after_seconds
from onepassword_sentinel.settings import Account

# The most that a page can have; the default is 100, and a cursor keeps the limit that it was born with.
PAGE_LIMIT: Final = 1000
# Nothing is documented; every wait ends, and a whole page has to arrive within the total (seconds).
TIMEOUT: Final = aiohttp.ClientTimeout(total=60, connect=10, sock_connect=10, sock_read=30)


class _IntrospectionBody(msgspec.Struct):
    uuid: str
    features: list[str]
    # Only there since spec 1.4.1.
    account_uuid: str | None = None


class EventsApi:
    """The Events API as one account sees it. The session is shared and stays open."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        account: Account,
        quota: RequestQuota,
        *,
        timeout: aiohttp.ClientTimeout = TIMEOUT,
        pause: float = DEFAULT_SECONDS,
    ) -> None:
        """`pause`: how many seconds 1Password is left alone when it throttles without saying for how long."""
        self._session = session
        self._account = account
        self._quota = quota
        self._timeout = timeout
        self._pause = pause

    async def introspect(self) -> Introspection:
        """Ask which account the token belongs to and which event types it may read.

        Raises:
            PermanentError: the token is not accepted, or the address is wrong.
            TransientError: no usable answer.
            ThrottledError: the quota is used up.

        """
        body = await self._request("GET", "/api/v2/auth/introspect", None)
        try:
            found = msgspec.json.decode(body, type=_IntrospectionBody)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._unexpected(f"what is no introspection ({error})", body) from error
        granted = tuple(event_type for event_type in EventType if event_type in found.features)
        return Introspection(found.account_uuid or found.uuid, granted)

    async def fetch_page(self, event_type: EventType, position: Position) -> Page:
        """Get the page at a position.

        Raises:
            CursorRejectedError: 1Password refuses the position's cursor.
            PermanentError: the token is not accepted for this event type, or the address is wrong.
            TransientError: no usable answer.
            ThrottledError: the quota is used up.

        """
        # Either a cursor or where to begin: the API refuses both at once. The beginning is always said, because the
        # API's own default is one hour ago.
        query: dict[str, Any]
        if position.cursor is not None:
            query = {"cursor": position.cursor}
        else:
            query = {"limit": PAGE_LIMIT, "start_time": position.start_time}
            if position.end_time is not None:
                query["end_time"] = position.end_time
        try:
            body = await self._request("POST", f"/api/v2/{event_type}", query)
        except _BadRequestError as error:
            if position.cursor is not None:
                raise CursorRejectedError(str(error)) from error
            raise PermanentError(f"{error}; this is a fault of the connector, please report it") from error
        try:
            return Page.parse(body)
        except MalformedPageError as error:
            raise self._unexpected(str(error), body) from error

    async def _request(self, method: str, path: str, query: dict[str, Any] | None) -> bytes:
        await self._quota.acquire()
        try:
            async with self._session.request(
                method,
                self._account.events_url + path,
                json=query,
                headers={
                    "Authorization": f"Bearer {self._account.token.value}",
                    "Accept": "application/json",
                },
                timeout=self._timeout,
                # The token goes to the configured host and to no other.
                allow_redirects=False,
            ) as response:
                body = await response.read()
        except TimeoutError as error:
            raise TransientError(f"{self._account.events_url} did not answer in time") from error
        except aiohttp.ClientError as error:
            raise TransientError(self._unreachable(error)) from error
        if response.status != HTTPStatus.OK:
            raise self._refusal(response, body)
        return body

    def _refusal(self, response: aiohttp.ClientResponse, body: bytes) -> Exception:
        """Turn a status into the error that says what to do."""
        status = response.status
        said = f"1Password answered {status} {self._quote(body)}".rstrip()
        if status == HTTPStatus.BAD_REQUEST:
            return _BadRequestError(said)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return PermanentError(
                f"{said}: the token was revoked, has expired or does not cover this; issue a new one and put it into "
                f"{self._account.token_setting}",
            )
        wait = response.headers.get("Retry-After")
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            said = f"{said}: the request quota is used up, by this or another client"
        if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.SERVICE_UNAVAILABLE and wait):
            pause = retry_after_seconds(wait, default=self._pause)
            self._quota.pause(pause)
            return ThrottledError(said, retry_after=pause)
        if status == HTTPStatus.NOT_FOUND or HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            return PermanentError(
                f"{said}: {self._account.events_url} is not the Events API; the token may have been cut off "
                f"({self._account.token_setting}) or {self._account.url_setting} is wrong",
            )
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
            return TransientError(f"{said}: see https://status.1password.com if it goes on")
        return PermanentError(f"{said}: this is not a documented answer; please report it")

    def _unreachable(self, error: aiohttp.ClientError) -> str:
        host = self._account.events_url
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return f"the host of {host} is unknown: check {self._account.url_setting} and DNS"
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
            return f"no trusted TLS connection to {host}: a proxy may be in between ({type(error).__name__})"
        return f"no whole answer from {host} ({type(error).__name__})"

    def _unexpected(self, found: str, body: bytes) -> TransientError:
        return TransientError(
            f"{self._account.events_url} answered 200 with {found}: {self._quote(body) or 'nothing'}: "
            f"a proxy may be in between, or {self._account.url_setting} is wrong",
        )

    def _quote(self, body: bytes) -> str:
        return quoted(body, secret=self._account.token.value)


class _BadRequestError(Exception):
    """400; what it means depends on what was sent."""
