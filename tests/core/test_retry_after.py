"""Retry-After comes in seconds, as a date, or not at all."""

import pytest

from onepassword_sentinel.retry_after import retry_after_seconds
from tests.core.conftest import NOW


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 60),
        ("7", 7),
        (" 7 ", 7),
        ("0", 1),
        ("99999", 3600),
        ("Sun, 22 Nov 2026 12:01:30 GMT", 90),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 1),
        ("Sun, 22 Nov 2026 12:01:30 -0000", 90),
        ("soon", 60),
        ("-5", 60),
        ("", 60),
    ],
)
def test_every_form_is_read(value: str | None, seconds: float) -> None:
    """At least a second, at most an hour, and a minute where nothing usable is said."""
    assert retry_after_seconds(value, now=NOW) == seconds
