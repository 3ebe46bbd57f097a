"""Times as operators and 1Password write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from onepassword_sentinel.moments import format_moment, parse_moment


@pytest.mark.parametrize(
    "text",
    ["2026-11-01T00:00:00Z", "2026-11-01T01:00:00+01:00", "2026-10-31T19:00:00.000000000-05:00"],
)
def test_a_moment_is_read_in_utc(text: str) -> None:
    """Whatever offset it is written with, and with as many decimals as 1Password gives."""
    assert parse_moment(text) == datetime(2026, 11, 1, tzinfo=UTC)
    assert parse_moment(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must be a time such as"),
        ("yesterday", "must be a time such as"),
        ("1762000000", "must be a time such as"),
        ("2026-11-01", "must say its zone"),
        ("2026-11-01T00:00:00", "must say its zone"),
        ("0001-01-01T00:00:00+14:00", "outside the years"),
        ("9999-12-31T23:59:59-14:00", "outside the years"),
    ],
)
def test_what_is_no_moment_is_refused_with_what_is_expected(text: str, says: str) -> None:
    """The sentence goes behind a name: "start_time must say its zone"."""
    with pytest.raises(ValueError, match=says):
        parse_moment(text)


def test_a_moment_is_written_in_utc() -> None:
    """With a Z, as 1Password's own examples have it, and without losing microseconds."""
    moment = datetime(2026, 11, 1, 1, 2, 3, 456, tzinfo=timezone(timedelta(hours=1)))
    assert format_moment(moment) == "2026-11-01T00:02:03.000456Z"
    assert parse_moment(format_moment(moment)) == moment
