"""A day of polls becomes bars that neither hide nor invent anything."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from onepassword_sentinel.status import PolledEvents
from status_page.sparkline import HEIGHT, SLOT_WIDTH, SLOTS, WIDTH, Sparkline, sparkline
from tests.status_page.conftest import NOW, polled, quarter


def drawn(polls: list[PolledEvents] | tuple[PolledEvents, ...]) -> Sparkline:
    line = sparkline(polls, NOW)
    assert line is not None
    return line


def bars(line: Sparkline) -> list[tuple[int, int]]:
    """Read where each bar begins and how high it is."""
    return [(int(x), int(height)) for x, height in re.findall(r"M(\d+) \d+v-(\d+)", line.bars)]


@pytest.mark.parametrize("polls", [(), (quarter(7, hours=25),), (quarter(7, hours=24),)])
def test_a_day_without_polls_is_not_drawn(polls: tuple[PolledEvents, ...]) -> None:
    """What is older than a day does not count, nor the quarter of an hour in which the day begins."""
    assert sparkline(polls, NOW) is None


@pytest.mark.parametrize("minutes", [1, 5, 15, 60])
def test_bars_stay_within_the_drawing(minutes: int) -> None:
    """However often the connector polls, there are at most as many bars as slots, each at its own place."""
    found = bars(drawn(polled(minutes=minutes)))
    places = [x for x, _ in found]
    # Half of the first quarter of an hour may be older than a day.
    assert len(found) == len(set(places))
    assert min(SLOTS, 24 * 60 // minutes) - 1 <= len(found) <= SLOTS
    assert (min(places) >= 0, max(places) <= WIDTH - SLOT_WIDTH) == (True, True)
    assert all(0 < height < HEIGHT for _, height in found)


def test_a_bar_is_as_high_as_the_largest_poll_of_its_slot() -> None:
    """A peak is not averaged away, and many small polls do not make one."""
    day = [quarter(100, hours=12), replace(quarter(100, hours=6, polls=3), most=50)]
    assert [height for _, height in bars(drawn(day))] == [46, 23]
    assert drawn(day).most == 100


def test_heights_are_in_proportion() -> None:
    """Twice the events, twice the height."""
    (_, low), (_, high) = bars(drawn([quarter(500, hours=3), quarter(1_000, hours=2)]))
    assert high == 2 * low


def test_none_one_and_no_poll_look_different() -> None:
    """A single event is seen beside a thousand, and a poll without events beside no poll."""
    polls = [quarter(0, hours=3), quarter(1, hours=2), quarter(1_000, hours=1)]
    nothing, one, most = (height for _, height in bars(drawn(polls)))
    assert 0 < nothing < one < most


def test_a_day_without_events_is_drawn_flat() -> None:
    """There is no largest poll to measure by, and nothing divides by it."""
    line = drawn([quarter(0, hours=3)])
    assert [height for _, height in bars(line)] == [1]


def test_failed_polls_are_marked_below_the_line() -> None:
    """A failure is told by its place and in words, not by its colour."""
    line = drawn(polled(failed=(1, 2, 100)))
    assert line.failures.count("M") == 2
    assert all(f"{line.base + 4}h" in mark for mark in line.failures.split("z") if mark)
    assert line.text.endswith(", 3 failed")
    assert [slot.text for slot in line.slots if "failed" in slot.text][-1].endswith("2 failed")
    assert drawn(polled()).failures == ""


def test_the_text_says_what_the_drawing_shows() -> None:
    """Who cannot see it learns how many polls there were, the largest, and how many events came in all."""
    quarters = [replace(quarter(1_241, hours=2, polls=3), most=1_234), quarter(7, hours=1)]
    assert drawn(quarters).text == "events per poll, last 24 h: 4 polls, max 1,234, total 1,248"
    assert drawn(quarters[1:]).text == "events per poll, last 24 h: 1 poll, max 7, total 7"


def test_a_slot_tells_its_polls() -> None:
    """Hovering a bar shows the time and the figures that the bar cannot."""
    alone = drawn([quarter(1, hours=23, minutes=45)]).slots[0]
    assert (alone.x, alone.text) == (0, "12:15 to 12:30 UTC: 1 poll, 1 event")
    both = drawn([replace(quarter(1_001, hours=23, minutes=45, polls=2, failed=1), most=1_000)]).slots[0]
    assert both.text == "12:15 to 12:30 UTC: 2 polls, 1,001 events, at most 1,000 in a poll, 1 failed"


def test_a_poll_ahead_of_the_clock_is_the_latest() -> None:
    """Clocks differ; its bar is the last one, not outside."""
    line = drawn([replace(quarter(7), at=NOW + timedelta(minutes=16))])
    assert bars(line)[0][0] == WIDTH - SLOT_WIDTH
