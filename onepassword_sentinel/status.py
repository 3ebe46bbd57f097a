"""How the connector is doing, for the status page and its JSON: what was seen, in the terms of an operator.

Times are in UTC, durations in seconds, sizes in bytes.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from onepassword_sentinel.runs import RunState

type BackfillStreamState = Literal["waiting", "running", "completed", "failed", "stopped"]
# healthy: everything was delivered when the latest poll ended. behind: more waits, or a remote asked to be left alone.
# failing: the latest poll failed. unpolled: the latest poll did not ask for the stream, or there is none.
type Health = Literal["healthy", "behind", "failing", "unpolled"]


@dataclass(frozen=True, slots=True)
class PolledEvents:
    """What the polls that began in one quarter of an hour delivered of a stream.

    `at` is when it began, `most` are the events of the poll that delivered most, `failed` the polls that failed.
    """

    at: datetime
    polls: int
    events: int
    most: int
    bytes: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class LastFailure:
    """The newest failure, of the last day or still without a later success; `over` if a later poll succeeded."""

    at: datetime
    message: str
    over: bool


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """One account's events of one type.

    Attributes:
        key: the cursor's, which a reset names.
        label: what messages call the stream.
        explanation: why it has this health, in a few words.
        lag_seconds: how far the table is behind 1Password: since when nothing newer has been delivered; None before the
            first success.
        newest: the time of the newest event delivered.
        polled: the quarters of an hour of the last day in which it was polled, oldest first.
        dead_letters: how many wait in storage; None if that cannot be told.

    """

    key: str
    label: str
    account: str
    account_uuid: str
    event_type: str
    health: Health
    explanation: str
    lag_seconds: float | None
    succeeded_at: datetime | None
    newest: datetime | None
    events_total: int
    events_today: int
    bytes_today: int
    polled: tuple[PolledEvents, ...] = ()
    dead_letters: int | None = None
    last_failure: LastFailure | None = None


@dataclass(frozen=True, slots=True)
class BackfillStreamStatus:
    """How far a backfill is with one stream; `percent` is the position in the window, `pages` are all so far."""

    label: str
    key: str
    instance_id: str
    state: BackfillStreamState
    events: int
    pages: int
    percent: float
    events_per_second: float | None
    seconds_left: float | None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class BackfillStatus:
    """One backfill; `instance_id` is its latest run's. `account` is the name that it is about, None: all of them."""

    id: str
    instance_id: str
    state: RunState
    start_time: str
    end_time: str
    started_at: datetime | None
    events: int
    percent: float
    streams: tuple[BackfillStreamStatus, ...] = ()
    account: str | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class PollStatus:
    """One poll.

    Attributes:
        events: of the streams that did not fail.
        counts: the number of streams by outcome.
        outcomes: by stream label; of many streams only a few, those that are not ok first.

    """

    instance_id: str
    started_at: datetime
    ended_at: datetime | None
    state: RunState
    events: int
    counts: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """Everything at once.

    Attributes:
        summary: the overall state in one sentence.
        problems: what is wrong beyond single streams: settings, the latest poll's failure, polls that do not come or
            do not end, and what could not be read.
        polls: the newest first.
        dead_letters_problem: why they cannot be counted; empty if they can.

    """

    checked_at: datetime
    version: str
    healthy: bool
    summary: str
    problems: tuple[str, ...] = ()
    streams: tuple[StreamStatus, ...] = ()
    backfills: tuple[BackfillStatus, ...] = ()
    polls: tuple[PollStatus, ...] = ()
    dead_letters_problem: str = ""
