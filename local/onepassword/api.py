"""What the Events API of one account answers, sockets aside."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from types import EllipsisType
from typing import Final

import msgspec

from local.onepassword.answers import (
    BAD_REQUEST,
    FEATURE_NOT_GRANTED,
    TOO_MANY_REQUESTS,
    UNAUTHORIZED,
    Answer,
    RefusedError,
)
from local.onepassword.cursors import Cursor, CursorSeal, RejectedPollError, read_poll
from local.onepassword.directory import Directory
from local.onepassword.events import EVENT_TYPES, EventSource, derived_uuid
from local.onepassword.log import BACKLOG_SPAN, EventLog, Window
from local.onepassword.rates import RequestRate
from local.onepassword.story import STORY_SPAN, Scene, Story
from local.onepassword.timestamps import DAY, SECOND, format_rfc3339, to_ns
from local.onepassword.tokens import Grant, TokenIssuer

RETENTION: Final = 120 * DAY  # 1Password docs, events-api/introduction
_EMPTY_PAGE_EVERY: Final = 40
_KEY_ORDERS: Final = ("chi", "cih", "hci", "hic", "ich", "ihc")  # cursor, has_more, items


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a stream, before it is JSON."""

    cursor: str
    has_more: bool
    items: Sequence[bytes]
    key_order: str = "chi"

    def encode(self) -> bytes:
        """The page as JSON; the order of its keys differs from page to page, as JSON objects may."""
        parts = {
            "c": b'"cursor":' + msgspec.json.encode(self.cursor),
            "h": b'"has_more":' + (b"true" if self.has_more else b"false"),
            "i": b'"items":[' + b",".join(self.items) + b"]",
        }
        return b"{" + b",".join(parts[key] for key in self.key_order) + b"}"


class EventsApi:
    """The logs, tokens, limits and cursors of one account.

    Attributes that may be changed at any time: ``empty_pages`` (now and then an empty page that says has_more),
    ``retry_after`` (seconds or a moment, sent with 429; 1Password documents no such header), ``cursor_padding``.
    """

    def __init__(
        self,
        *,
        seed: int,
        events: int,
        now: Callable[[], datetime],
        requests_per_minute: int,
        requests_per_hour: int,
        account_uuid: str | EllipsisType | None,
        story: bool,
    ) -> None:
        derived = derived_uuid(seed, "account")
        self.account_uuid = derived if isinstance(account_uuid, EllipsisType) else account_uuid
        self.integration_uuid = derived_uuid(seed, "integration")
        self.empty_pages = True
        self.retry_after: int | datetime | None = None
        self.now = now
        self.tokens = TokenIssuer(self.integration_uuid)
        directory = Directory(seed, self.account_uuid or derived)
        self.logs = {name: EventLog(EventSource(seed, name, directory)) for name in EVENT_TYPES}
        self._add_backlog(events, Story(directory, to_ns(now())).scenes if story else {})
        self.seal = CursorSeal()
        self._rate = RequestRate(requests_per_minute, requests_per_hour)
        self._earliest_start: dict[str, int] = {}
        # Which pages come back empty differs by seed and stream, but is early enough for a short run to meet one.
        self._empty_at = {name: 2 + hashlib.blake2b(f"{seed} {name}".encode()).digest()[0] % 6 for name in EVENT_TYPES}

    def _add_backlog(self, events: int, scenes: Mapping[str, Sequence[Scene]]) -> None:
        """Add so many past events to each stream: random ones, among them those of the story if all of it has room."""
        now = to_ns(self.now())
        told = scenes if all(len(each) <= events for each in scenes.values()) else {}
        for name, log in self.logs.items():
            if name not in told:
                log.add_backlog(events, now)
                continue
            others = events - len(told[name])
            since = others * STORY_SPAN // BACKLOG_SPAN
            log.add_evenly(others - since, now - BACKLOG_SPAN + SECOND, now - STORY_SPAN)
            for scene in told[name]:
                log.add_altered(scene.moment, scene.edit)
            log.add_evenly(since, now - STORY_SPAN, now)

    @property
    def cursor_padding(self) -> int:
        """Bytes added to every cursor that is given; one with fewer or more is as good when it comes back."""
        return self.seal.padding

    @cursor_padding.setter
    def cursor_padding(self, size: int) -> None:
        self.seal.padding = size

    def authorize(self, authorization: str | None) -> Grant:
        """The token's grant, and one request counted; ``RefusedError`` with 401 or 429."""
        grant = self.tokens.grant(authorization, self.now())
        if grant is None:
            raise RefusedError(UNAUTHORIZED)
        if not self._rate.admit(to_ns(self.now())):
            raise RefusedError(replace(TOO_MANY_REQUESTS, headers=self._retry_after_header()))
        return grant

    def introspect(self, authorization: str | None, *, version: int) -> Answer:
        """What the token is for, in the shape of version 1 (capitalised, without the account) or 2."""
        grant = self.authorize(authorization)
        issued = format_rfc3339(to_ns(grant.issued))
        body: dict[str, object]
        if version == 1:
            body = {"UUID": self.integration_uuid, "IssuedAt": issued, "Features": grant.features}
        else:
            body = {"uuid": self.integration_uuid, "issued_at": issued, "features": grant.features}
            if self.account_uuid is not None:
                body["account_uuid"] = self.account_uuid
        return Answer(200, msgspec.json.encode(body))

    def open_poll(self, event_type: str, authorization: str | None, body: bytes | None) -> tuple[Cursor, bool]:
        """The cursor that a poll means and whether it is a reset; ``RefusedError`` with 400, 401 or 429.

        ``body`` is None when it was not declared to be JSON.
        """
        grant = self.authorize(authorization)
        if event_type not in grant.features:
            raise RefusedError(FEATURE_NOT_GRANTED)
        if body is None:
            raise RefusedError(BAD_REQUEST)
        try:
            return read_poll(self.seal, event_type, body, to_ns(self.now()))
        except RejectedPollError as error:
            raise RefusedError(BAD_REQUEST) from error

    def page(self, event_type: str, cursor: Cursor) -> Page:
        """The page at a cursor. Nothing is remembered: the same cursor gives the same page, or a longer one."""
        window = self._retained(cursor.window)
        log = self.logs[event_type]
        due = self.empty_pages and cursor.page % _EMPTY_PAGE_EVERY == self._empty_at[event_type]
        if due and next(log.matching(window, cursor.position), None) is not None:
            return self.page_of(event_type, replace(cursor, page=cursor.page + 1), has_more=True)
        items, position, more = log.read(window, cursor.position, cursor.limit)
        following = replace(cursor, position=position, page=cursor.page + 1) if items else cursor
        return self.page_of(event_type, following, has_more=more, items=items)

    def before(self, event_type: str, cursor: Cursor, count: int) -> list[bytes]:
        """The last ``count`` events that a client was given on the way to a cursor; fewer if there are no more."""
        return self.logs[event_type].before(self._retained(cursor.window), cursor.position, count)

    def page_of(self, event_type: str, cursor: Cursor, *, has_more: bool, items: Sequence[bytes] = ()) -> Page:
        """A page with the given content."""
        order = _KEY_ORDERS[cursor.page % len(_KEY_ORDERS)]
        return Page(self.seal.seal(event_type, cursor), has_more, items, order)

    def begin(self, event_type: str, start: int) -> None:
        """Note that a client was given the stream from ``start`` (nanoseconds since 1970) on."""
        start = self._retained(Window(start)).start
        self._earliest_start[event_type] = min(start, self._earliest_start.get(event_type, start))

    def offered(self, event_type: str) -> Iterator[str]:
        """The uuid of every event that a client must have got, or must still get.

        That is every event, in order of arrival and whenever it arrives, from the earliest start_time on that an
        accepted reset cursor named for the stream; none as long as there was no such cursor.
        """
        start = self._earliest_start.get(event_type)
        if start is None:
            return
        yield from self.logs[event_type].uuids(Window(start))

    def add_events(self, event_type: str, count: int, *, late: bool = False) -> list[str]:
        """Let events arrive now, and return their uuids.

        Late ones happened 5 minutes to 26 hours before the stream's newest event, as item usages do whose client
        was offline (1Password docs, item-usage-actions).
        """
        return self.logs[event_type].add(count, to_ns(self.now()), late=late)

    def alter(self, event_type: str, position: int, edit: Callable[[bytes], bytes]) -> None:
        """Give the event in this place of the order of arrival changed from now on, whoever asks.

        ``edit`` gets the event as the API renders it and returns a JSON object with the same uuid; it is called for
        every answer that brings it. ``IndexError`` if there is no such event, ``ValueError`` if the uuid changed.
        """
        self.logs[event_type].alter(position, edit)

    def _retained(self, window: Window) -> Window:
        return window._replace(start=max(window.start, to_ns(self.now()) - RETENTION))

    def _retry_after_header(self) -> dict[str, str]:
        match self.retry_after:
            case None:
                return {}
            case datetime() as moment:
                return {"Retry-After": format_datetime(moment, usegmt=True)}
            case seconds:
                return {"Retry-After": str(seconds)}
