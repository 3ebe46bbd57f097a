"""Figures and times are told as a person would tell them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from status_page import words
from tests.status_page.conftest import NOW


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "just now"),
        (1.9, "just now"),
        (2, "2 seconds ago"),
        (119.9, "119 seconds ago"),
        (120, "2 minutes ago"),
        (7_199, "119 minutes ago"),
        (7_200, "2 hours ago"),
        (172_799, "47 hours ago"),
        (172_800, "2 days ago"),
        (86_400 * 1_500, "1,500 days ago"),
        (-1, "just now"),
        (-90, "in 90 seconds"),
        (-7_200, "in 2 hours"),
    ],
)
def test_relative_times(seconds: float, told: str) -> None:
    """A time is told by its distance, in the unit that says most, behind or ahead."""
    assert words.relative(NOW - timedelta(seconds=seconds), NOW) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-3, "0.0 s"),
        (0.04, "0.0 s"),
        (0.68, "0.7 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (45.4, "45 s"),
        (59.7, "1 min"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3_599.6, "1 h"),
        (8_040, "2 h 14 min"),
        (86_400, "1 d"),
        (100_800, "1 d 4 h"),
        (86_400 * 1_200 + 59, "1,200 d"),
    ],
)
def test_durations(seconds: float, told: str) -> None:
    """Two units are enough, and rounding never yields 60 of one."""
    assert words.duration(seconds) == told


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (8_123_456, "8.1 MB"),
        (999_960, "1.0 MB"),
        (2_500_000_000, "2.5 GB"),
        (7 * 10**12, "7.0 TB"),
        (1234 * 10**12, "1,234.0 TB"),
    ],
)
def test_sizes(count: int, told: str) -> None:
    """Sizes are in decimal units."""
    assert words.size(count) == told


@pytest.mark.parametrize(
    ("value", "told"), [(-1, "0 %"), (0.9, "0 %"), (42.6, "42 %"), (99.99, "99 %"), (100, "100 %"), (130, "100 %")]
)
def test_percents(value: float, told: str) -> None:
    """What is not done does not read as 100 %."""
    assert words.percent(value) == told


@pytest.mark.parametrize(("value", "told"), [(0, "0.0/s"), (0.44, "0.4/s"), (9.9, "9.9/s"), (1_830.7, "1,830/s")])
def test_rates(value: float, told: str) -> None:
    """A slow rate keeps a decimal, a fast one needs none."""
    assert words.rate(value) == told


def test_numbers() -> None:
    """Thousands are separated, and one is singular."""
    assert words.number(1_234_567) == "1,234,567"
    assert [words.counted(count, "poll") for count in (0, 1, 1_000)] == ["0 polls", "1 poll", "1,000 polls"]


def test_exact_times_are_in_utc() -> None:
    """Whatever the zone, a time is shown in UTC, to the second."""
    moment = datetime(2026, 11, 22, 14, 0, 5, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert words.exact(moment) == "2026-11-22 12:00:05 UTC"
    assert words.iso(moment) == "2026-11-22T12:00:05Z"


@pytest.mark.parametrize(
    "text", ["2026-07-01T00:00:00Z", "2026-07-01T02:00:00+02:00", "2026-07-01T00:00:00", "2026-07-01"]
)
def test_a_time_kept_as_text_is_read(text: str) -> None:
    """A time without a zone is in UTC."""
    assert words.as_moment(text) == datetime(2026, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "<script>"])
def test_what_is_no_time_is_none(text: str) -> None:
    """Such a text is shown as it is."""
    assert words.as_moment(text) is None
