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
        seconds, run = _measured_seconds(state), state.run
        if not seconds or run is None or run.newest is None or state.newest is None or state.newest <= run.newest:
            return None
        return max(0.0, seconds * ((self.end - state.newest) / (state.newest - run.newest)))


def events_per_second(state: StreamState) -> float | None:
    """Measure the present run; None before it has got anywhere."""
    seconds = _measured_seconds(state)
    if not seconds or state.run is None or state.events <= state.run.events:
        return None
    return (state.events - state.run.events) / seconds


def _measured_seconds(state: StreamState) -> float:
    if state.run is None or state.run.measured_at is None or state.moved_at is None:
        return 0.0
    return max(0.0, (state.moved_at - state.run.measured_at).total_seconds())
