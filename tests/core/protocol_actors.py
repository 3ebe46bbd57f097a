"""Who takes part in a stream's protocol: runs, their activities, and the messages that they send to the entity."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from onepassword_sentinel.position import Position
from onepassword_sentinel.stream_requests import Commit
from onepassword_sentinel.stream_state import Grant, StreamState

LEASE: Final = 900.0
LIMIT: Final = 150.0
START: Final = "2026-11-15T12:00:00Z"


@dataclass(eq=False)
class Run:
    """An execution of a run.

    `awaits` is the request whose answer it waits for, `work` the activity likewise, `done` its last commit; `has_twin`
    is set where one of its turns ran on two instances.
    """

    instance_id: str
    execution: str
    transfers: int
    skew: timedelta
    alive: bool = True
    released: bool = False
    refused: bool = False
    has_twin: bool = False
    awaits: "Message | None" = None
    work: "Activity | None" = None
    done: Commit | None = None


@dataclass(eq=False)
class Message:
    """An operation on its way to the entity; a signal has no caller."""

    payload: Any
    sent_at: datetime
    caller: Run | None = None


@dataclass(eq=False)
class Activity:
    """A transfer that a run has called.

    Attributes:
        given: the state in the call.
        skew: how far its instance's clock is ahead.
        repeats: what it delivers may come twice: the platform runs the call twice or lost it once.
        began_at: from when it may deliver, by its clock, once it knows of the grant; until `ends_at`.
        moves: how many events lie behind it.
        renewed: it has renewed the lease.
        resets: how many resets and purges there had been when it began.
        unseen: the messages that were on their way when it began.

    """

    run: Run
    given: StreamState
    skew: timedelta
    repeats: bool = False
    began_at: datetime | None = None
    ends_at: datetime | None = None
    moves: int = 0
    renewed: bool = False
    resets: int = 0
    unseen: tuple["Message", ...] = ()

    @property
    def grant(self) -> Grant:
        return self.given.grant


def grant_of(done: Commit) -> Grant:
    return Grant(done.fence, done.holder or "", done.execution)


def commit_of(activity: Activity, now: datetime, *, last: bool = False, by_run: bool = False) -> Commit:
    grant, moves = activity.grant, activity.moves
    position = Position(cursor=str(moves), start_time=START)
    return Commit(
        grant.fence,
        moves,
        now,
        LEASE,
        position,
        newest=None,
        events=moves,
        recovered=False,
        last=last,
        holder=grant.holder,
        execution=grant.execution,
        transfer=activity.given.transfer + by_run,
    )
