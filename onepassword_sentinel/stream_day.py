"""A stream's last day as counts for each quarter of an hour, so that nobody has to read its runs to know it.

The entity of the stream keeps them, and changes them only within operations that happen anyway.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

LENGTH: Final = timedelta(minutes=15)
# The present quarter of an hour and those of the day before it.
MOST: Final = 97


class QuarterHour(NamedTuple):
    """The runs that began in one quarter of an hour; an array of numbers on the wire, to stay small.

    `number` counts quarters of an hour since 1970, `most` are the events of the run that delivered most.
    """

    number: int
    runs: int = 0
    events: int = 0
    most: int = 0
    bytes: int = 0
    failed: int = 0

    @property
    def at(self) -> datetime:
        """When it began."""
        return datetime.fromtimestamp(self.number * LENGTH.total_seconds(), UTC)


type Day = tuple[QuarterHour, ...]


def number_of(time: datetime) -> int:
    """Number the quarter of an hour in which a time lies."""
    return int(time.timestamp() // LENGTH.total_seconds())


def counted(day: Sequence[QuarterHour], began_at: datetime, now: datetime, **counts: int) -> Day:
    """Add counts of the run that began at a time, and forget what is older than a day or lies in the future.

    `most` replaces a smaller one; the others are added.
    """
    by_number = {quarter.number: quarter for quarter in day}
    number = number_of(began_at)
    old = by_number.get(number, QuarterHour(number))
    added = {name: getattr(old, name) + count for name, count in counts.items() if name != "most"}
    by_number[number] = old._replace(most=max(old.most, counts.get("most", 0)), **added)
    present = number_of(now)
    # Clocks of two instances may differ a little. One that is far ahead must not push out what was really counted.
    return tuple(by_number[number] for number in sorted(by_number) if present - MOST < number <= present + 1)[-MOST:]
