"""A page of the Events API: its cursor, and its items as the bytes they came in."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from onepassword_sentinel.event_types import KNOWN_KEYS, EventType
from onepassword_sentinel.position import TAIL


class MalformedPageError(ValueError):
    """The body is not a page; the message says in a few words what it is instead."""


class _Body(msgspec.Struct):
    cursor: str
    has_more: bool
    items: list[msgspec.Raw]


class _Stamp(msgspec.Struct):
    uuid: str = ""
    timestamp: str = ""


_BODY: Final = msgspec.json.Decoder(_Body)
_STAMP: Final = msgspec.json.Decoder(_Stamp)
_KEYS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: `items` are the events' own bytes, never decoded as a whole; `size` is the body's in bytes."""

    cursor: str
    has_more: bool
    items: list[msgspec.Raw]
    size: int

    @classmethod
    def parse(cls, body: bytes) -> "Page":
        """Split a response body.

        Raises:
            MalformedPageError: it is not UTF-8, not JSON, or JSON of another shape.

        """
        try:
            # The decoder skips over the items without looking into their strings, so this is checked for it.
            if not body.isascii():
                body.decode()
            page = _BODY.decode(body)
        except UnicodeDecodeError as error:
            raise MalformedPageError("text that is not UTF-8") from error
        except msgspec.ValidationError as error:
            raise MalformedPageError(f"JSON that is not a page ({error})") from error
        except msgspec.DecodeError as error:
            detail = str(error).removeprefix("JSON is malformed: ")
            raise MalformedPageError(f"malformed JSON ({detail})") from error
        if any(bytes(memoryview(item)[:1]) != b"{" for item in page.items):
            raise MalformedPageError("JSON that is not a page (an item is not an object)")
        return cls(page.cursor, page.has_more, page.items, len(body))

    def uuid(self, index: int) -> str:
        """Name the event in this place; empty if it has no uuid."""
        return stamp(self.items[index])[0]

    def uuids(self, start: int, end: int) -> list[str]:
        """Name the last events before `end`, as many as a position remembers, but none before `start`."""
        return [self.uuid(place) for place in range(max(start, end - TAIL), end)]

    def newest(self, *, now: datetime) -> datetime | None:
        """Find the newest event's time, looked for where it is to be expected: first and last.

        Item usages carry the time of the client's clock, which can lie in the future: `now` is the latest that counts.
        """
        if not self.items:
            return None
        times = [moment for item in (self.items[0], self.items[-1]) if (moment := _moment(stamp(item)[1]))]
        return min(max(times), now) if times else None

    def unknown_keys(self, event_type: EventType) -> frozenset[str]:
        """Name the keys of the first event that its event type is not known to have: the schema has drifted."""
        if not self.items:
            return frozenset()
        return frozenset(_KEYS.decode(self.items[0])) - KNOWN_KEYS[event_type]


def stamp(item: msgspec.Raw) -> tuple[str, str]:
    """Read an event's uuid and timestamp; what is absent or no text is empty."""
    try:
        found = _STAMP.decode(item)
    except msgspec.DecodeError:
        return "", ""
    return found.uuid, found.timestamp


def _moment(timestamp: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
