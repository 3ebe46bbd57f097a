"""The polls that run, and those that ended last, each as a small record.

A poll's own instance lies among thousands of its streams', where only the id is indexed. Polls signal their start and
their end; signals may arrive twice or in another order, and neither changes what is kept.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Self

import msgspec

from onepassword_sentinel.runs import Run
from onepassword_sentinel.sentences import shortened
from onepassword_sentinel.wire import from_wire

POLLS_SHOWN: Final = 12
# The outcome of each stream is kept for so many streams, those that are not ok first.
OUTCOMES_SHOWN: Final = 12
LONGEST_ERROR: Final = 2_000
# A poll that was terminated never signals its end.
RUNNING_KEPT: Final = 50
_FORGOTTEN_AFTER: Final = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class PollRecord:
    """How a poll ended; times are in UTC.

    Attributes:
        counts: the number of streams by outcome.
        outcomes: by stream label, of a few streams.

    """

    instance_id: str
    started_at: datetime
    ended_at: datetime
    state: Literal["completed", "failed", "stopped"]
    healthy: bool = False
    events: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    error: str = ""

    @classmethod
    def of(
        cls,
        instance_id: str,
        started_at: datetime,
        ended_at: datetime,
        *,
        outcomes: Mapping[str, str],
        healthy: bool = False,
        events: int = 0,
        error: str = "",
    ) -> Self:
        """Make the record of a poll from the outcome of each of its streams; it failed if there is an error."""
        return cls(
            instance_id,
            started_at,
            ended_at,
            "failed" if error else "completed",
            healthy=healthy,
            events=events,
            counts=dict(Counter(outcomes.values())),
            outcomes={label: outcomes[label] for label in worst_first(outcomes)[:OUTCOMES_SHOWN]},
            error=shortened(error, LONGEST_ERROR),
        )

    @classmethod
    def of_run(cls, run: Run) -> Self | None:
        """Make the record of a poll that did not leave one, as one that was terminated; None while it runs."""
        if run.state == "running":
            return None
        output = run.output
        streams = {label: _text(told, "outcome") for label, told in _dict(output, "streams").items()}
        counts = {name: count for name, count in _dict(output, "outcomes").items() if isinstance(count, int)}
        events = output.get("events")
        return cls(
            run.instance_id,
            run.started_at,
            run.updated_at,
            run.state,
            healthy=output.get("healthy") is True,
            events=events if isinstance(events, int) else 0,
            counts=counts,
            outcomes={label: streams[label] for label in worst_first(streams)[:OUTCOMES_SHOWN]},
            error=shortened(run.error, LONGEST_ERROR),
        )


@dataclass(frozen=True, slots=True)
class PollStart:
    """A poll that has begun, in UTC."""

    instance_id: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class RecentPolls:
    """The entity's state; the newest poll comes first.

    Attributes:
        polls: those that ended last.
        running: those that have begun and have not signalled their end, as one that was terminated never does.

    """

    polls: tuple[PollRecord, ...] = ()
    running: tuple[PollStart, ...] = ()
    v: int = 1


def read_recent_polls(stored: Callable[[], Any]) -> RecentPolls:
    """Read what the entity keeps; `stored` decodes it.

    What cannot be read, as that of another version may be, is nothing: polls fill the entity again.
    """
    try:
        return from_wire(RecentPolls, stored())
    except (msgspec.ValidationError, ValueError):
        return RecentPolls()


def started(recent: RecentPolls, start: PollStart) -> RecentPolls:
    """Note that a poll has begun, unless its end is known already."""
    by_id = {poll.instance_id: poll for poll in recent.running}
    known = by_id.get(start.instance_id)
    over = any(_ends(record, start) for record in recent.polls)
    if over or (known and known.started_at >= start.started_at):
        return recent
    by_id[start.instance_id] = start
    newest_first = sorted(by_id.values(), key=lambda poll: (poll.started_at, poll.instance_id), reverse=True)
    oldest = newest_first[0].started_at - _FORGOTTEN_AFTER
    kept = [poll for poll in newest_first[:RUNNING_KEPT] if poll.started_at >= oldest]
    return replace(recent, running=tuple(kept))


def ended(recent: RecentPolls, record: PollRecord) -> RecentPolls:
    """Keep a record; of two of one instance, which was restarted, the later one."""
    running = tuple(start for start in recent.running if not _ends(record, start))
    return replace(recent, polls=latest([*recent.polls, record]), running=running)


def _ends(record: PollRecord, start: PollStart) -> bool:
    return record.instance_id == start.instance_id and record.started_at >= start.started_at


def latest(records: Iterable[PollRecord]) -> tuple[PollRecord, ...]:
    """Keep the newest polls, each once."""
    by_id: dict[str, PollRecord] = {}
    for record in sorted(records, key=lambda record: record.ended_at):
        by_id[record.instance_id] = record
    newest_first = sorted(by_id.values(), key=lambda record: (record.started_at, record.instance_id), reverse=True)
    return tuple(newest_first[:POLLS_SHOWN])


def worst_first(outcomes: Mapping[str, str]) -> list[str]:
    """Order streams by their outcome: what failed, then what is not ok, then the rest."""
    return sorted(outcomes, key=lambda label: {"failed": 0, "ok": 2}.get(outcomes[label], 1))


def _dict(output: dict[str, Any], name: str) -> dict[str, Any]:
    value = output.get(name)
    return value if isinstance(value, dict) else {}


def _text(value: Any, name: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""
