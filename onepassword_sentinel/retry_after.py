"""The Retry-After header."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

# Where a remote throttles without saying for how long: both remotes count by the minute.
DEFAULT_SECONDS: Final = 60.0
# No remote here has a longer window than an hour.
MAX_SECONDS: Final = 3600.0


def retry_after_seconds(value: str | None, *, default: float = DEFAULT_SECONDS, now: datetime | None = None) -> float:
    """Read seconds or an HTTP date (RFC 9110, 10.2.3); what is absent or unreadable means `default` seconds."""
    if value is None:
        return default
    text = value.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text)
    else:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return default
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    return min(max(seconds, 1.0), MAX_SECONDS)
