"""What is remembered of a stream between runs, and who may change it: the cursor, a lease and a fencing number.

Two runs that read the same cursor would deliver the same pages, so `begin` grants the stream to one run at a time, with
a number that grows with each grant. `commit` and `release` are refused under an older number: a run that comes back
from the dead does no harm. A run that never comes back leaves a lease that runs out.

Each of the three returns the state as it is now and whether the operation was accepted. The entity keeps the state as a
dict; times are the orchestration's.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from onepassword_sentinel.position import Position


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream's memory. Times are RFC 3339 in UTC, empty where there is none; `events` counts since the beginning."""

    position: Position = field(default_factory=Position)
    fence: int = 0
    holder: str = ""
    lease_until: str = ""
    newest: str = ""
    moved_at: str = ""
    recovered_at: str = ""
    succeeded_at: str = ""
    outcome: str = ""
    error: str = ""
    events: int = 0
    v: int = 1

    def is_held_under(self, fence: int) -> bool:
        """Tell whether this number is in force: the run that was granted it has not ended and was not taken over."""
        return bool(self.holder) and self.fence == fence


def begin(
    state: StreamState,
    *,
    holder: str,
    now: datetime,
    lease: timedelta,
    start_time: str,
    end_time: str | None,
) -> tuple[StreamState, bool]:
    """Grant the stream to `holder` under the next number, unless a lease stands.

    A stream that never ran is given its beginning here, once: were it worked out anew by each run, a first run that
    fails would push the beginning on and leave a gap.
    """
    if state.lease_until and datetime.fromisoformat(state.lease_until) > now:
        return state, False
    position = state.position
    if position.cursor is None and position.start_time is None:
        position = Position(start_time=start_time, end_time=end_time)
    return replace(
        state,
        position=position,
        fence=state.fence + 1,
        holder=holder,
        lease_until=(now + lease).isoformat(),
    ), True


def commit(
    state: StreamState,
    *,
    fence: int,
    now: datetime,
    lease: timedelta,
    position: Position,
    newest: str,
    events: int,
    recovered: bool,
) -> tuple[StreamState, bool]:
    """Move the position, if `fence` is still the number in force; the lease begins anew."""
    if not state.is_held_under(fence):
        return state, False
    moved = position != state.position
    return replace(
        state,
        position=position,
        lease_until=(now + lease).isoformat(),
        newest=newest or state.newest,
        moved_at=now.isoformat() if moved else state.moved_at,
        recovered_at=now.isoformat() if recovered else state.recovered_at,
        events=state.events + events,
    ), True


def release(state: StreamState, *, fence: int, now: datetime, outcome: str, error: str) -> tuple[StreamState, bool]:
    """Give the stream back and note how the run ended, if `fence` is still the number in force."""
    if not state.is_held_under(fence):
        return state, False
    return replace(
        state,
        holder="",
        lease_until="",
        outcome=outcome,
        error=error,
        succeeded_at=state.succeeded_at if error else now.isoformat(),
    ), True
