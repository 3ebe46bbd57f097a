"""How one live stream is doing, from what its cursor remembers."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from onepassword_sentinel.recent_polls import PollRecord
from onepassword_sentinel.runs import NO_MESSAGE, Run
from onepassword_sentinel.status import Health, LastFailure, PolledEvents, StreamStatus
from onepassword_sentinel.stream_state import CAUGHT_UP, UNREADABLE, StreamState

_DAY: Final = timedelta(days=1)
# A run that failed has given its stream back long before so much time has passed.
_RELEASED: Final = timedelta(minutes=1)
_BEHIND: Final = {
    "more": "catching up: more events wait",
    "throttled": "told to wait; goes on by itself",
    "busy": "another run held the stream",
    "superseded": "another run took the stream over, or its cursor was reset or purged",
    "stopped": "its run was stopped; the next poll goes on",
    "reset": "moved by an operator; the next poll goes on from there",
}


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What is known of a stream; `latest_poll` is the last one that has ended, `holder` the run that holds the stream.

    `longest_gap` is how long after a poll the next one may begin, as far as the schedule is known from polls.
    Only a run that was looked up is given as the holder: one that is not known to have ended is at work.
    """

    key: str
    state: StreamState
    latest_poll: PollRecord | None
    dead_letters: int | None
    holder: Run | None = None
    longest_gap: timedelta = _DAY

    def describe(self, now: datetime) -> StreamStatus:
        """Describe it for an operator."""
        account_uuid, _, event_type = self.key.rpartition("-")
        account = self.state.account
        label = f"{account.lower()}-{event_type}" if account else event_type
        health, explanation = self._health(label, now)
        polled = [
            PolledEvents(quarter.at, quarter.runs, quarter.events, quarter.most, quarter.bytes, quarter.failed)
            for quarter in self.state.day
            if quarter.at > now - _DAY
        ]
        today = [quarter for quarter in polled if quarter.at.date() == now.astimezone(UTC).date()]
        return StreamStatus(
            key=self.key,
            label=label,
            account=account,
            account_uuid=account_uuid,
            event_type=event_type,
            health=health,
            explanation=explanation,
            lag_seconds=self._lag(now),
            succeeded_at=self.state.succeeded_at,
            newest=self.state.newest,
            events_total=self.state.events,
            events_today=sum(quarter.events for quarter in today),
            bytes_today=sum(quarter.bytes for quarter in today),
            polled=tuple(polled),
            dead_letters=self.dead_letters,
            last_failure=self._last_failure(label, now),
        )

    def _health(self, label: str, now: datetime) -> tuple[Health, str]:
        state = self.state
        if state.outcome == UNREADABLE:
            return "failing", state.error
        if state.outcome == "reset":
            return "behind", _BEHIND["reset"]
        # A state of an earlier version knows when its last run began, and no more.
        asked_at = state.asked_at or (state.run.at if state.run else None)
        if asked_at and self.latest_poll and asked_at < self.latest_poll.started_at:
            return _not_asked_for(label, self.latest_poll)
        if asked_at is None or asked_at < now - max(_DAY, self.longest_gap):
            return "unpolled", "not polled for a day"
        if ended := self._ended_without_release(now):
            return _without_release(ended)
        return _after(state.refused.outcome if state.refused else state.outcome)

    def _ended_without_release(self, now: datetime) -> Run | None:
        """Return the holder if it has ended and still holds the stream.

        One that failed gives the stream back just before, perhaps after the state was read.
        """
        holder = self.holder
        if holder is None:
            return None
        return holder if holder.state == "stopped" or _failed_before(holder, now - _RELEASED) else None

    def _lag(self, now: datetime) -> float | None:
        """Since when nothing newer is in the table: the last time all was delivered, or else the newest event."""
        since = self.state.succeeded_at if self.state.outcome in CAUGHT_UP else self.state.newest
        return max(0.0, (now - since).total_seconds()) if since else None

    def _last_failure(self, label: str, now: datetime) -> LastFailure | None:
        if (ended := self._ended_without_release(now)) and ended.state == "failed":
            return LastFailure(ended.updated_at, _named(label, ended.error), over=False)
        failure = self.state.failure
        if failure is None or (failure.resolved_at and failure.at < now - _DAY):
            return None
        # The state has the whole message of the present failure, whose end says what to do.
        message = self.state.error if self.state.outcome == "failed" else failure.message
        return LastFailure(failure.at, _named(label, message), over=failure.resolved_at is not None)


def _failed_before(run: Run, time: datetime) -> bool:
    return run.state == "failed" and run.updated_at < time


def _not_asked_for(label: str, poll: PollRecord) -> tuple[Health, str]:
    """Say why a poll did not ask for a stream: a run that fails before it reaches the stream's entity leaves no trace.

    A record names a few of a poll's streams, those that failed first.
    """
    if poll.outcomes.get(label) == "failed":
        return "failing", "its run in the latest poll failed before it could ask for the stream"
    if poll.state == "stopped":
        return "unpolled", "the latest poll was terminated before it asked for it"
    named = sum(outcome == "failed" for outcome in poll.outcomes.values())
    if poll.counts.get("failed", 0) > named:
        return "failing", (
            "the latest poll did not ask for it: its run failed, or its token no longer covers it, or cannot be used"
        )
    return "unpolled", "the latest poll did not ask for it: its token no longer covers it, or cannot be used"


def _after(outcome: str) -> tuple[Health, str]:
    if outcome == "failed":
        return "failing", "the latest poll failed"
    if outcome in CAUGHT_UP:
        return "healthy", "everything is delivered"
    return "behind", _BEHIND.get(outcome, outcome) or "the first poll is under way"


def _without_release(holder: Run) -> tuple[Health, str]:
    """Say how a run ended that did not give the stream back."""
    if holder.state == "failed":
        return "failing", "its run failed and has not given the stream back; a later poll takes it over"
    return "behind", f"its run {holder.error}; a later poll takes the stream over"


def _named(label: str, message: str) -> str:
    message = message or NO_MESSAGE
    return message if f"{label}: " in message else f"{label}: {message}"
