"""Numbers, sizes, durations and times as a person reads them."""

from datetime import UTC, datetime
from typing import Final

# Up to twice a unit the smaller one tells more: "110 minutes ago", not "1 hour ago".
_RELATIVE: Final = ((120, 1, "seconds"), (7_200, 60, "minutes"), (172_800, 3_600, "hours"))
_DURATION: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_SIZES: Final = ("kB", "MB", "GB", "TB")
_STEP: Final = 1_000
_SHORT_SECONDS: Final = 10


def number(value: int) -> str:
    """1234 as "1,234"."""
    return f"{value:,}"


def counted(count: int, noun: str) -> str:
    """1 and "poll" as "1 poll", 2 as "2 polls"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def percent(value: float) -> str:
    """42.6 as "42 %": rounded down, because what is nearly done is not done."""
    return f"{int(min(max(value, 0.0), 100.0))} %"


def rate(per_second: float) -> str:
    """1234.5 as "1,234/s"; what is slow keeps a decimal."""
    return f"{per_second:.1f}/s" if per_second < _SHORT_SECONDS else f"{int(per_second):,}/s"


def size(count: int) -> str:
    """Tell bytes in decimal units, as Azure bills them."""
    if count < _STEP:
        return f"{count} B"
    value = float(count)
    for unit in _SIZES:
        value /= _STEP
        # 999.96 would be printed as 1,000.0 of the smaller unit.
        if round(value, 1) < _STEP:
            return f"{value:.1f} {unit}"
    return f"{value:,.1f} {_SIZES[-1]}"


def duration(seconds: float) -> str:
    """Tell a duration in its two largest units: "0.7 s", "45 s", "3 min 20 s", "1 d 4 h"."""
    seconds = max(seconds, 0.0)
    if round(seconds, 1) < _SHORT_SECONDS:
        return f"{seconds:.1f} s"
    left = round(seconds)
    for index, (unit_seconds, unit) in enumerate(_DURATION):
        if left < unit_seconds:
            continue
        whole, left = divmod(left, unit_seconds)
        rest = ""
        if index + 1 < len(_DURATION):
            next_seconds, next_unit = _DURATION[index + 1]
            rest = f" {left // next_seconds} {next_unit}" if left >= next_seconds else ""
        return f"{whole:,} {unit}{rest}"
    return f"{left} s"


def relative(moment: datetime, now: datetime) -> str:
    """Tell how long ago it was, or how far ahead it lies: "3 minutes ago", "in 2 hours"."""
    signed = (now - moment).total_seconds()
    seconds = abs(signed)
    if seconds < 2:  # noqa: PLR2004  # the first plural; clocks of two machines differ by as much
        return "just now"
    for limit, unit_seconds, unit in _RELATIVE:
        if seconds < limit:
            told = f"{int(seconds / unit_seconds)} {unit}"
            break
    else:
        told = f"{int(seconds / 86_400):,} days"
    return f"{told} ago" if signed > 0 else f"in {told}"


def exact(moment: datetime) -> str:
    """Tell the time itself, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def iso(moment: datetime) -> str:
    """Tell the time to a program."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def as_moment(text: str) -> datetime | None:
    """Read a time that was kept as text; None if it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
