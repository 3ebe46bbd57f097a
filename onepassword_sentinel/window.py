"""The stretch of time that a backfill is about."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from onepassword_sentinel.moments import parse_moment
from onepassword_sentinel.stream_state import StreamState


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to before `end`, in UTC."""

    start: datetime
    end: datetime

    @classmethod
    def parse(cls, start_time: str, end_time: str) -> Self:
        """Read both ends, RFC 3339."""
        return cls(parse_moment(start_time), parse_moment(end_time))

    def percent(self, newest: datetime | None) -> float:
        """Say where the newest delivered event lies. Only a finished stream is at 100."""
        if newest is None or newest <= self.start or self.end <= self.start:
            return 0.0
        return min(round(100 * (newest - self.start) / (self.end - self.start), 1), 99.9)

    def seconds_left(self, state: StreamState) -> float | None:
        """Estimate how long the present run will need for the rest, if it goes on as it went so far."""
        if state.run is None or state.moved_at is None or state.newest is None:
            return None
        covered = state.newest - max(state.run.newest or self.start, self.start)
        if covered.total_seconds() <= 0:
            return None
        return max(0.0, (state.moved_at - state.run.at).total_seconds() * ((self.end - state.newest) / covered))


def events_per_second(state: StreamState) -> float | None:
    """Measure the present run; None before it has delivered anything."""
    if state.run is None or state.moved_at is None or state.events <= state.run.events:
        return None
    seconds = (state.moved_at - state.run.at).total_seconds()
    return (state.events - state.run.events) / seconds if seconds > 0 else None
