"""RFC 3339 to and from nanoseconds since 1970: the API's precision, which ``datetime`` would truncate."""

import re
from datetime import UTC, datetime, timedelta, timezone

SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)


def utcnow() -> datetime:
    """The wall clock, the simulator's default."""
    return datetime.now(UTC)


def to_ns(moment: datetime) -> int:
    """Nanoseconds since 1970 of an aware datetime, exactly (a float would lose microseconds)."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def parse_rfc3339(text: str) -> int:
    """Nanoseconds since 1970 of a date-time with ``Z`` or an offset; ``ValueError`` for anything else."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"not an RFC 3339 date-time: {text!r}")
    seconds, fraction, offset = match.groups()
    return to_ns(datetime.fromisoformat(seconds + offset)) + int((fraction or "").ljust(9, "0"))


def format_rfc3339(ns: int, offset_hours: int = 0) -> str:
    """Go's RFC3339Nano, which the API's timestamps look like: 0 to 9 fractional digits, no trailing zeros."""
    seconds, fraction = divmod(ns, SECOND)
    digits = f".{fraction:09d}".rstrip("0") if fraction else ""
    if offset_hours:
        zone = timezone(timedelta(hours=offset_hours))
        local = datetime.fromtimestamp(seconds, zone).isoformat()
        return local[:19] + digits + local[19:]
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19] + digits + "Z"
