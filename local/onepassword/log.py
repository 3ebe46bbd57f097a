"""The event log of one stream: an order of arrival, which is not the order of the events' timestamps."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from local.onepassword.events import TIME_DRAWS, EventSource
from local.onepassword.timestamps import DAY, HOUR, MINUTE, SECOND

FOREVER: Final = 2**63 - 1
BACKLOG_DAYS: Final = 6.9  # inside the week that a collector asks for at first
BACKLOG_SPAN: Final = int(BACKLOG_DAYS * DAY)
_ARRIVAL_SPAN: Final = 2 * SECOND
_LATE_AT_LEAST: Final = 5 * MINUTE
_LATE_AT_MOST: Final = 26 * HOUR
_DISORDER_STEPS: Final = 8
_DISORDER: Final = 90 * SECOND
# RFC 3339 fractions of 0 to 9 digits occur, 9 most often; each entry is the unit that a timestamp is cut to.
_UNITS: Final = tuple(10 ** (9 - digits) for digits in (*(9,) * 22, 8, 7, 6, 6, 5, 4, 3, 3, 2, 1, 0, 0))


class Window(NamedTuple):
    """Event timestamps that a cursor selects, in nanoseconds since 1970: start inclusive, end exclusive.

    Which ends are inclusive is not documented by 1Password; this is the usual reading.
    """

    start: int
    end: int = FOREVER


class Stored(NamedTuple):
    """An event before it is rendered."""

    position: int
    digest: bytes
    timestamp: int


@dataclass(frozen=True, slots=True)
class Run:
    """Events that arrived together: all that is stored about them.

    Ordinary ones are ``step`` nanoseconds apart from ``origin`` on, out of order by a few neighbours; late ones lie
    5 minutes to 26 hours before ``origin``.
    """

    first: int
    count: int
    origin: int
    step: int
    late: bool

    def timestamp(self, index: int, digest: bytes) -> int:
        """When the event happened, by the draws in its digest, cut to 0 to 9 fractional digits."""
        draws = digest[TIME_DRAWS]
        fraction = int.from_bytes(draws[:4])
        if self.late:
            moment = self.origin - _LATE_AT_LEAST - (_LATE_AT_MOST - _LATE_AT_LEAST - SECOND) * fraction // 2**32
        else:
            on_time = (index - self.first) * self.step
            disorder = min(on_time, _DISORDER, _DISORDER_STEPS * self.step)
            moment = self.origin + on_time - disorder * fraction // 2**32
        unit = _UNITS[draws[4] % len(_UNITS)]
        return moment - moment % unit

    def candidates(self, window: Window, position: int) -> range:
        """Positions from ``position`` on that may lie in the window: all others need not be computed."""
        first, last = max(position, self.first), self.first + self.count
        if self.late:
            overlaps = window.start <= self.origin and self.origin - _LATE_AT_MOST < window.end
            return range(first, last) if overlaps else range(0)
        earliest = self.first + (window.start - self.origin) // self.step
        latest = self.first + (window.end - self.origin + _DISORDER + SECOND) // self.step + 1
        return range(max(first, earliest), min(last, latest))

    def lies_in(self, window: Window) -> bool:
        """Whether every event is in the window, as far as can be told without computing one."""
        latest = self.origin if self.late else self.origin + self.count * self.step
        earliest = self.origin - (_LATE_AT_MOST if self.late else SECOND)
        return window.start <= earliest and latest < window.end


class _Event(msgspec.Struct):
    uuid: str


class EventLog:
    """All events of one stream, in the order in which they reached 1Password's server."""

    def __init__(self, source: EventSource) -> None:
        self.source = source
        self._runs: list[Run] = []
        self._altered: dict[int, Callable[[bytes], bytes]] = {}
        self._length = 0
        self._newest = 0

    def __len__(self) -> int:
        return self._length

    def add_backlog(self, count: int, now: int) -> None:
        """Events of the last 6.9 days, evenly spread."""
        self.add_evenly(count, now - BACKLOG_SPAN + SECOND, now)

    def add_evenly(self, count: int, start: int, end: int) -> None:
        """Events that happened between two moments and arrived one after the other."""
        if count:
            self._add(Run(self._length, count, start, (end - start) // count, late=False))

    def add(self, count: int, now: int, *, late: bool = False) -> list[str]:
        """Let events arrive now, and return their uuids; late ones happened well before the newest event known."""
        if count < 1:
            return []
        if late:
            run = Run(self._length, count, self._newest or now, 1, late=True)
        else:
            run = Run(self._length, count, now - _ARRIVAL_SPAN, _ARRIVAL_SPAN // count or 1, late=False)
        self._add(run)
        return [self.source.uuid(self.source.digest(index)) for index in range(run.first, self._length)]

    def add_altered(self, moment: int, edit: Callable[[bytes], bytes]) -> None:
        """One event that arrives now, happened at ``moment``, and is given as ``edit`` makes it of a random one."""
        self._add(Run(self._length, 1, moment, 1, late=False))
        self.alter(self._length - 1, edit)

    def _add(self, run: Run) -> None:
        self._runs.append(run)
        self._length += run.count
        # Disorder reaches back a few steps only, so the newest event is among the last few.
        tail = range(max(run.first, self._length - _DISORDER_STEPS - 1), self._length)
        self._newest = max(self._newest, *(run.timestamp(i, self.source.digest(i)) for i in tail))

    def matching(self, window: Window, position: int = 0) -> Iterator[Stored]:
        """The events of the window, from a position in the order of arrival on."""
        digest_of = self.source.digest
        start = max(0, bisect_right(self._runs, position, key=lambda run: run.first) - 1)
        for number in range(start, len(self._runs)):
            run = self._runs[number]
            for index in run.candidates(window, position):
                digest = digest_of(index)
                timestamp = run.timestamp(index, digest)
                if window.start <= timestamp < window.end:
                    yield Stored(index, digest, timestamp)

    def uuids(self, window: Window) -> Iterator[str]:
        """The uuid of every event of the window, in order of arrival."""
        for run in self._runs:
            whole = run.lies_in(window)
            for index in run.candidates(window, 0):
                digest = self.source.digest(index)
                if whole or window.start <= run.timestamp(index, digest) < window.end:
                    yield self.source.uuid(digest)

    def uuid_at(self, position: int) -> str:
        """The uuid of the event in this place of the order of arrival."""
        return self.source.uuid(self.source.digest(position))

    def alter(self, position: int, edit: Callable[[bytes], bytes]) -> None:
        """From now on give the event in this place as ``edit`` makes it of the original, in place of an earlier edit.

        Its place in the ledger and in windows stays: ``ValueError`` if the edit is no JSON object with the event's
        uuid. ``IndexError`` if no event is there yet.
        """
        if not 0 <= position < self._length:
            raise IndexError(f"the log has no event {position}")
        stored = next(self.matching(Window(0), position))
        edited = msgspec.json.decode(edit(self.source.render(stored.digest, stored.timestamp)), type=_Event)
        if edited.uuid != self.source.uuid(stored.digest):
            raise ValueError("an event keeps its uuid")
        self._altered[position] = edit

    def before(self, window: Window, position: int, count: int) -> list[bytes]:
        """The last ``count`` rendered events of the window in front of a position, in order of arrival."""
        nearest = list(islice(self._backwards(window, position), count))
        return [self._render(stored) for stored in reversed(nearest)]

    def _backwards(self, window: Window, position: int) -> Iterator[Stored]:
        for run in reversed(self._runs):
            candidates = run.candidates(window, 0)
            for index in reversed(range(candidates.start, min(candidates.stop, position))):
                digest = self.source.digest(index)
                timestamp = run.timestamp(index, digest)
                if window.start <= timestamp < window.end:
                    yield Stored(index, digest, timestamp)

    def _render(self, stored: Stored) -> bytes:
        event = self.source.render(stored.digest, stored.timestamp)
        if self._altered and (edit := self._altered.get(stored.position)):
            return edit(event)
        return event

    def read(self, window: Window, position: int, limit: int) -> tuple[list[bytes], int, bool]:
        """At most ``limit`` rendered events, the position after the last of them, and whether more are there."""
        ahead = self.matching(window, position)
        page = list(islice(ahead, limit))
        more = next(ahead, None) is not None
        items = [self._render(stored) for stored in page]
        return items, page[-1].position + 1 if page else position, more
