"""When polls are due: an NCRONTAB expression, looked at before the Functions host sees it.

The host puts a timer function whose schedule it cannot read into error: nothing is polled any more, and nothing says
so. Therefore the app reads the setting itself when it is indexed, and gives the host a schedule that it surely takes.
Azure restarts the app when a setting changes, and then it is indexed anew.

What is accepted follows NCrontab 3.3.3, which the timer trigger reads schedules with. Stricter on purpose: a range that
runs backwards, which NCrontab turns around, a step of 0, which it takes for 1, and a day that never comes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SCHEDULE: Final = "POLL_SCHEDULE"
DEFAULT_SCHEDULE: Final = "0 */5 * * * *"
_DEFAULT_IN_WORDS: Final = "every 5 minutes"

_LONGEST: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART: Final = re.compile(
    r"(?:\*|(?P<start>[0-9]{1,4}|[A-Za-z]+)(?:-(?P<end>[0-9]{1,4}|[A-Za-z]+))?)(?:/(?P<step>[0-9]{1,4}))?"
)
# An abbreviation is as long as that or longer.
_SHORTEST_NAME: Final = 3


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the six: the values from `first` to `last`, and their names where they have some."""

    about: str
    first: int
    last: int
    names: tuple[str, ...] = ()

    def values(self, text: str) -> set[int]:
        """Read a list of values, ranges and steps.

        Raises:
            ValueError: it is none; the message says of which field.

        """
        return {value for part in text.split(",") for value in self._part(part)}

    def _part(self, text: str) -> range:
        found = _PART.fullmatch(text)
        if found is None:
            raise self._wrong()
        start, end, step = self.first, self.last, int(found["step"] or 1)
        if found["start"]:
            start = self._value(found["start"])
            # A step behind a single value goes on from there to the end.
            if found["end"] or not found["step"]:
                end = self._value(found["end"] or found["start"])
        if start > end or not step:
            raise self._wrong()
        return range(start, end + 1, step)

    def _value(self, text: str) -> int:
        if text.isdigit():
            value = int(text)
            if self.first <= value <= self.last:
                return value
        elif len(text) >= _SHORTEST_NAME:
            for number, name in enumerate(self.names, self.first):
                if name.startswith(text.lower()):
                    return number
        raise self._wrong()

    def _wrong(self) -> ValueError:
        return ValueError(f"its {self.about} are wrong")


_MONTHS: Final = _Field(
    "months",
    1,
    12,
    (
        *("january", "february", "march", "april", "may", "june"),
        *("july", "august", "september", "october", "november", "december"),
    ),
)
_WEEKDAYS: Final = _Field(
    "weekdays", 0, 6, ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
)
_DAYS: Final = _Field("days", 1, 31)
_FIELDS: Final = (
    _Field("seconds", 0, 59),
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _DAYS,
    _MONTHS,
    _WEEKDAYS,
)


def poll_schedule(values: Mapping[str, str], problems: list[str]) -> str:
    """Read the setting; where it is missing or wrong, give the default, which polls every 5 minutes."""
    try:
        return read_ncrontab(values.get(SCHEDULE, "").strip() or DEFAULT_SCHEDULE)
    except ValueError as error:
        problems.append(
            f"{SCHEDULE} must be an NCRONTAB expression of six fields, seconds first, such as {DEFAULT_SCHEDULE} "
            f"({error}); until it is, 1Password is polled {_DEFAULT_IN_WORDS}"
        )
        return DEFAULT_SCHEDULE


def read_ncrontab(text: str) -> str:
    """Check an expression, and write it with six fields; one of five begins at the full minute, as in Azure.

    Raises:
        ValueError: it is none; the message says why, and does not quote it.

    """
    fields = [field for field in text.split(" ") if field]
    if len(fields) == len(_FIELDS) - 1:
        fields.insert(0, "0")
    if len(fields) != len(_FIELDS):
        raise ValueError(f"its fields are {len(fields)}")
    read = {field: field.values(value) for field, value in zip(_FIELDS, fields, strict=True)}
    if not any(_LONGEST[month - 1] >= min(read[_DAYS]) for month in read[_MONTHS]):
        raise ValueError("its day never comes")
    return " ".join(fields)
