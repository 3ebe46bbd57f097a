"""The last day of a stream's polls as bars: the geometry, which page.html draws as inline SVG."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from onepassword_sentinel.status import PolledEvents
from status_page.words import counted, number

DAY: Final = timedelta(days=1)
# A quarter of an hour each: wide enough to be seen on a phone, however often the connector polls.
SLOTS: Final = 96
SLOT_WIDTH: Final = 10
WIDTH: Final = SLOTS * SLOT_WIDTH
HEIGHT: Final = 60
_SLOT: Final = DAY / SLOTS
_BAR_WIDTH: Final = 7
_BASE: Final = 48
_TALLEST: Final = 46
# A poll without events is not the same as no poll, and a single event is not the same as none.
_NO_EVENTS: Final = 1
_SHORTEST: Final = 4


@dataclass(frozen=True, slots=True)
class Slot:
    """Where one slot begins, and what it holds in words."""

    x: int
    text: str


@dataclass(frozen=True, slots=True)
class Sparkline:
    """The drawing; a bar is as high as the largest poll of its slot, and failures are marks below the line."""

    bars: str
    failures: str
    slots: tuple[Slot, ...]
    polls: int
    most: int
    latest: int
    failed: int
    width: int = WIDTH
    height: int = HEIGHT
    base: int = _BASE

    @property
    def text(self) -> str:
        """The same for who cannot see it."""
        failed = f", {number(self.failed)} failed" if self.failed else ""
        polls = counted(self.polls, "poll")
        return f"events per poll, last 24 h: {polls}, max {number(self.most)}, latest {number(self.latest)}{failed}"


def sparkline(polled: Iterable[PolledEvents], now: datetime) -> Sparkline | None:
    """Lay out the polls of the day before `now`, given oldest first; None if there was none."""
    begin = now - DAY
    polls = [poll for poll in polled if poll.at >= begin]
    if not polls:
        return None
    slots: dict[int, list[PolledEvents]] = {}
    for poll in polls:
        # The poll's clock and the reader's may differ by a little.
        slots.setdefault(min((poll.at - begin) // _SLOT, SLOTS - 1), []).append(poll)
    most = max(poll.events for poll in polls)
    return Sparkline(
        bars="".join(_bar(index, max(poll.events for poll in held), most) for index, held in slots.items()),
        failures="".join(_mark(index) for index, held in slots.items() if any(poll.failed for poll in held)),
        slots=tuple(Slot(index * SLOT_WIDTH, _told(begin + index * _SLOT, held)) for index, held in slots.items()),
        polls=len(polls),
        most=most,
        latest=polls[-1].events,
        failed=sum(poll.failed for poll in polls),
    )


def _bar(index: int, events: int, most: int) -> str:
    height = max(round(_TALLEST * events / most), _SHORTEST) if events > 0 else _NO_EVENTS
    return f"M{index * SLOT_WIDTH} {_BASE}v-{height}h{_BAR_WIDTH}v{height}z"


def _mark(index: int) -> str:
    return f"M{index * SLOT_WIDTH} {_BASE + 4}h{_BAR_WIDTH}V{HEIGHT}h-{_BAR_WIDTH}z"


def _told(begin: datetime, held: Sequence[PolledEvents]) -> str:
    failed = sum(poll.failed for poll in held)
    most = max(poll.events for poll in held)
    events = counted(most, "event") if len(held) == 1 else f"up to {counted(most, 'event')} each"
    times = f"{begin.astimezone(UTC):%H:%M} to {(begin + _SLOT).astimezone(UTC):%H:%M} UTC"
    return f"{times}: {counted(len(held), 'poll')}, {events}" + (f", {number(failed)} failed" if failed else "")
