"""A day of polls becomes bars that neither hide nor invent anything."""

import re
from datetime import timedelta

import pytest

from onepassword_sentinel.status import PolledEvents
from status_page.sparkline import HEIGHT, SLOT_WIDTH, SLOTS, WIDTH, Sparkline, sparkline
from tests.status_page.conftest import NOW, ago, polled


def drawn(polls: list[PolledEvents] | tuple[PolledEvents, ...]) -> Sparkline:
    line = sparkline(polls, NOW)
    assert line is not None
    return line


def bars(line: Sparkline) -> list[tuple[int, int]]:
    """Read where each bar begins and how high it is."""
    return [(int(x), int(height)) for x, height in re.findall(r"M(\d+) \d+v-(\d+)", line.bars)]


@pytest.mark.parametrize("polls", [(), (PolledEvents(ago(hours=25), 7),)])
def test_a_day_without_polls_is_not_drawn(polls: tuple[PolledEvents, ...]) -> None:
    """What is older than a day does not count."""
    assert sparkline(polls, NOW) is None


@pytest.mark.parametrize("minutes", [1, 5, 15, 60])
def test_bars_stay_within_the_drawing(minutes: int) -> None:
    """However often the connector polls, there are at most as many bars as slots, each at its own place."""
    found = bars(drawn(polled(minutes=minutes)))
    places = [x for x, _ in found]
    assert len(found) == len(set(places)) == min(SLOTS, 24 * 60 // minutes)
    assert (min(places) >= 0, max(places) <= WIDTH - SLOT_WIDTH) == (True, True)
    assert all(0 < height < HEIGHT for _, height in found)


def test_a_bar_is_as_high_as_the_largest_poll_of_its_slot() -> None:
    """A peak is not averaged away."""
    line = drawn([PolledEvents(ago(hours=12, minutes=1), 3), PolledEvents(ago(hours=12, minutes=2), 100)])
    peak = drawn([PolledEvents(ago(hours=12, minutes=2), 100)])
    assert line.bars == peak.bars
    assert line.most == 100


def test_heights_are_in_proportion() -> None:
    """Twice the events, twice the height."""
    (_, low), (_, high) = bars(drawn([PolledEvents(ago(hours=3), 500), PolledEvents(ago(hours=2), 1_000)]))
    assert high == 2 * low


def test_none_one_and_no_poll_look_different() -> None:
    """A single event is seen beside a thousand, and a poll without events beside no poll."""
    polls = [PolledEvents(ago(hours=3), 0), PolledEvents(ago(hours=2), 1), PolledEvents(ago(hours=1), 1_000)]
    nothing, one, most = (height for _, height in bars(drawn(polls)))
    assert 0 < nothing < one < most


def test_a_day_without_events_is_drawn_flat() -> None:
    """There is no largest poll to measure by, and nothing divides by it."""
    line = drawn([PolledEvents(ago(hours=3), 0)])
    assert [height for _, height in bars(line)] == [1]


def test_failed_polls_are_marked_below_the_line() -> None:
    """A failure is told by its place and in words, not by its colour."""
    line = drawn(polled(failed=(0, 1, 100)))
    assert line.failures.count("M") == 2
    assert all(f"{line.base + 4}h" in mark for mark in line.failures.split("z") if mark)
    assert line.text.endswith(", 3 failed")
    assert [slot.text for slot in line.slots if "failed" in slot.text][-1].endswith("2 failed")
    assert drawn(polled()).failures == ""


def test_the_text_says_what_the_drawing_shows() -> None:
    """Who cannot see it learns how many polls there were, the largest and the latest."""
    polls = [PolledEvents(ago(hours=2), 1_234), PolledEvents(ago(hours=1), 7)]
    assert drawn(polls).text == "events per poll, last 24 h: 2 polls, max 1,234, latest 7"
    assert drawn(polls[:1]).text == "events per poll, last 24 h: 1 poll, max 1,234, latest 1,234"


def test_a_slot_tells_its_polls() -> None:
    """Hovering a bar shows the time and the figures that the bar cannot."""
    alone = drawn([PolledEvents(NOW - timedelta(days=1), 1)]).slots[0]
    assert (alone.x, alone.text) == (0, "12:00 to 12:15 UTC: 1 poll, 1 event")
    both = drawn([PolledEvents(ago(hours=24), 1), PolledEvents(ago(hours=24), 1_000, failed=True)]).slots[0]
    assert both.text == "12:00 to 12:15 UTC: 2 polls, up to 1,000 events each, 1 failed"


def test_a_poll_ahead_of_the_clock_is_the_latest() -> None:
    """Clocks differ; its bar is the last one, not outside."""
    line = drawn([PolledEvents(NOW + timedelta(seconds=30), 7)])
    assert bars(line)[0][0] == WIDTH - SLOT_WIDTH
