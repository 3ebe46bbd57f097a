"""What a rule or a hunting query is tried with."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.content.planted import Planted

type Rows = Sequence[Planted]


@dataclass(frozen=True, slots=True)
class RuleCase:
    """Rows on which a rule alerts, and rows that look alike on which it must not."""

    rule: str
    """The stem of the file in sentinel/rules."""
    fires: Mapping[str, Rows]
    """What each is called, and its rows: of each the rule makes exactly one alert at NOW."""
    quiet: Mapping[str, Rows]
    """Near misses, two or more: no alert."""
    expect: Mapping[str, Any]
    """What the alert of the first of `fires` says: column to value, at least these."""
    lasting: bool = False
    """It alerts on a state of the connector: again at each run, for as long as that lasts."""
    absence: bool = False
    """It alerts on what is not there: in an empty table too."""
    unfilled: Collection[str] = ()
    """Columns of entities that the first of `fires` leaves empty: it happened to a group, say, and to no person."""


@dataclass(frozen=True, slots=True)
class HuntingCase:
    """Rows that a hunting query finds, and rows that it must leave alone."""

    query: str
    """The stem of the file in sentinel/hunting."""
    found: Rows
    """The query gives rows at NOW."""
    expect: Mapping[str, Any]
    """What the first of them says: column to value, at least these."""
    left_alone: Mapping[str, Rows]
    """Near misses, one or more: no row."""
