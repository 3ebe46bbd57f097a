"""How one live stream is doing, from its cursor and its runs of the last day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from onepassword_sentinel.runs import Run
from onepassword_sentinel.status import Health, LastFailure, PolledEvents, StreamStatus
from onepassword_sentinel.stream_state import CAUGHT_UP, StreamState

_BEHIND: Final = {
    "more": "catching up: more events wait",
    "throttled": "told to wait; goes on by itself",
    "busy": "another run held the stream",
    "superseded": "another run took the stream over",
    "stopped": "its run was stopped; the next poll goes on",
    "reset": "moved by an operator; the next poll goes on from there",
}


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What is known of a stream; `runs` are its own, oldest first, `latest_poll` the last one that has ended."""

    key: str
    state: StreamState
    runs: Sequence[Run]
    latest_poll: Run | None
    dead_letters: int | None

    def describe(self, now: datetime) -> StreamStatus:
        """Describe it for an operator."""
        account_uuid, _, event_type = self.key.rpartition("-")
        health, explanation = self._health()
        account = self._account()
        today = [run for run in self.runs if run.started_at.date() == now.astimezone(UTC).date()]
        return StreamStatus(
            key=self.key,
            label=f"{account.lower()}-{event_type}" if account else event_type,
            account=account,
            account_uuid=account_uuid,
            event_type=event_type,
            health=health,
            explanation=explanation,
            lag_seconds=self._lag(now),
            succeeded_at=self.state.succeeded_at,
            newest=self.state.newest,
            events_total=self.state.events,
            events_today=sum(run.counted("events") for run in today),
            bytes_today=sum(run.counted("bytes") for run in today),
            polled=tuple(
                PolledEvents(run.started_at, run.counted("events"), run.state == "failed") for run in self.runs
            ),
            dead_letters=self.dead_letters,
            last_failure=self._last_failure(),
        )

    def _account(self) -> str:
        """Name the account as the settings did when it was last polled."""
        if not self.runs:
            return ""
        stream = self.runs[-1].input.get("stream")
        return str(stream.get("account") or "") if isinstance(stream, dict) else ""

    def _health(self) -> tuple[Health, str]:
        ended = [run for run in self.runs if run.ended]
        latest = ended[-1] if ended else None
        if self.state.outcome == "reset":
            return "behind", _BEHIND["reset"]
        if self.latest_poll and (latest is None or latest.started_at < self.latest_poll.started_at):
            return "unpolled", "the latest poll did not ask for it: its token no longer covers it, or cannot be used"
        if latest is None:
            return ("behind", "the first poll is under way") if self.runs else ("unpolled", "not polled for a day")
        return _health_after(latest)

    def _lag(self, now: datetime) -> float | None:
        """Since when nothing newer is in the table: the last time all was delivered, or else the newest event."""
        since = self.state.succeeded_at if self.state.outcome in CAUGHT_UP else self.state.newest
        return max(0.0, (now - since).total_seconds()) if since else None

    def _last_failure(self) -> LastFailure | None:
        failed = [run for run in self.runs if run.state == "failed"]
        if not failed:
            return None
        message = failed[-1].told("failure") or failed[-1].error
        over = any(run.state == "completed" and run.started_at > failed[-1].started_at for run in self.runs)
        return LastFailure(failed[-1].updated_at, message, over)


def _health_after(run: Run) -> tuple[Health, str]:
    if run.state == "failed":
        return "failing", "the latest poll failed"
    outcome = "stopped" if run.state == "stopped" else run.told("outcome")
    if outcome in CAUGHT_UP:
        return "healthy", "everything is delivered"
    return "behind", _BEHIND.get(outcome, outcome)
