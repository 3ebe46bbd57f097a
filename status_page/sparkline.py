"""The last day of a stream's polls as bars: the geometry, which page.html draws as inline SVG."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from onepassword_sentinel.status import PolledEvents
from status_page.words import counted, number

DAY: Final = timedelta(days=1)
# A quarter of an hour each, as they are counted: wide enough to be seen on a phone, however often the connector polls.
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
    events: int
    failed: int
    width: int = WIDTH
    height: int = HEIGHT
    base: int = _BASE

    @property
    def text(self) -> str:
        """The same for who cannot see it."""
        failed = f", {number(self.failed)} failed" if self.failed else ""
        polls = counted(self.polls, "poll")
        return f"events per poll, last 24 h: {polls}, max {number(self.most)}, total {number(self.events)}{failed}"


def sparkline(polled: Iterable[PolledEvents], now: datetime) -> Sparkline | None:
    """Lay out the quarters of an hour of the day up to `now`, given oldest first; None if there was no poll."""
    last = now.timestamp() // _SLOT.total_seconds()
    slots: dict[int, PolledEvents] = {}
    for quarter in polled:
        # The poll's clock and the reader's may differ by a little.
        ago = max(int(last - quarter.at.timestamp() // _SLOT.total_seconds()), 0)
        if ago < SLOTS:
            slots[SLOTS - 1 - ago] = quarter
    if not slots:
        return None
    most = max(quarter.most for quarter in slots.values())
    return Sparkline(
        bars="".join(_bar(index, quarter.most, most) for index, quarter in slots.items()),
        failures="".join(_mark(index) for index, quarter in slots.items() if quarter.failed),
        slots=tuple(Slot(index * SLOT_WIDTH, _told(quarter)) for index, quarter in slots.items()),
        polls=sum(quarter.polls for quarter in slots.values()),
        most=most,
        events=sum(quarter.events for quarter in slots.values()),
        failed=sum(quarter.failed for quarter in slots.values()),
    )


def _bar(index: int, events: int, most: int) -> str:
    height = max(round(_TALLEST * events / most), _SHORTEST) if events > 0 else _NO_EVENTS
    return f"M{index * SLOT_WIDTH} {_BASE}v-{height}h{_BAR_WIDTH}v{height}z"


def _mark(index: int) -> str:
    return f"M{index * SLOT_WIDTH} {_BASE + 4}h{_BAR_WIDTH}V{HEIGHT}h-{_BAR_WIDTH}z"


def _told(quarter: PolledEvents) -> str:
    begin = quarter.at.astimezone(UTC)
    told = f"{begin:%H:%M} to {begin + _SLOT:%H:%M} UTC: {counted(quarter.polls, 'poll')}"
    told += f", {counted(quarter.events, 'event')}"
    if quarter.polls > 1:
        told += f", at most {number(quarter.most)} in a poll"
    return told + (f", {number(quarter.failed)} failed" if quarter.failed else "")
