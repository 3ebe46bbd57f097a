"""A run of one stream as its orchestrator knows it: what it has achieved, how it stands, and what it says of that."""

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from onepassword_sentinel.dead_letters import CONTAINER
from onepassword_sentinel.errors import Failure
from onepassword_sentinel.payloads import DrainRequest
from onepassword_sentinel.sentences import shortened
from onepassword_sentinel.stream_lease import NO_BEGINNING
from onepassword_sentinel.stream_operations import OperationRejectedError
from onepassword_sentinel.stream_requests import Begin, Commit, Release
from onepassword_sentinel.stream_state import CAUGHT_UP, Grant, StreamState
from onepassword_sentinel.stuck_runs import WAITING_FOR
from onepassword_sentinel.tally import Tally
from onepassword_sentinel.transfer import Transfer
from onepassword_sentinel.window import Window

# What a backfill, which has no next tick, goes on from in a generation of its own.
GOES_ON = frozenset({"more", "throttled", "stalled"})
# A custom status is a column of a table, and is written at every step.
_LONGEST_FAILURE: Final = 1_000


@dataclass(slots=True)
class StreamRun:
    """One generation's work.

    `state` is the stream's as this run knows it, `parent_id` the instance that started it, `done` its last commit.
    """

    request: DrainRequest
    state: StreamState = field(default_factory=StreamState)
    parent_id: str = ""
    tally: Tally = field(init=False)
    outcome: str = "running"
    failure: Failure | None = None
    done: Commit | None = None

    def __post_init__(self) -> None:
        self.tally = replace(self.request.tally)

    @property
    def error(self) -> str:
        """What failed, in a sentence; empty if nothing did."""
        return self.failure.message if self.failure else ""

    @property
    def stalls(self) -> int:
        """How often the run has waited in vain since it last delivered anything."""
        return 0 if self.tally.events > self.request.tally.events else self.request.stalls

    def begin(self, holder: str, execution: str, now: datetime, ended: Grant | None = None) -> Begin:
        """Ask for the stream; `ended` is a grant whose run is known to have ended."""
        request = self.request
        return Begin(
            holder=holder,
            now=now,
            lease_seconds=request.pacing.lease_seconds,
            start_time=request.start_time,
            end_time=request.end_time,
            transfer_limit=request.pacing.transfer_limit,
            run_at=request.run_at,
            account=request.stream.account,
            parent_id=self.parent_id,
            execution=execution,
            ended=ended,
        )

    def granted(self) -> None:
        """Note that the stream is this run's, however long it had to wait for it."""
        self.outcome, self.failure = "running", None
        # A turn that runs again has another time; the stream remembers when the run first asked.
        self.request = replace(self.request, run_at=self.state.run.at if self.state.run else self.request.run_at)

    def refused(self, now: datetime) -> None:
        """Note why the stream was not granted."""
        state, label = self.state, self.request.stream.label
        if left := state.seconds_to_wait(now):
            until = f"{state.not_before:%H:%M:%S} UTC"
            self.outcome = "throttled"
            self.failure = Failure("throttled", f"{state.error} (asked to wait until {until})", left)
            return
        if not state.has_begun and self.request.start_time is None:
            self.outcome = "failed"
            self.failure = Failure("permanent", f"{label}: {NO_BEGINNING}")
            return
        until = f" until {state.lease_until:%H:%M:%S} UTC" if state.lease_until else ""
        why = (
            f"{state.holder} holds the stream{until}" if state.holder else "another run has asked for the stream since"
        )
        self.outcome = "busy"
        self.failure = Failure("transient", f"{label}: {why}")

    def attempts_failed(self, message: str) -> None:
        """Note that the transfer achieved nothing, however often it was tried."""
        self.failure = Failure("transient", self.named(message))
        patient = self.request.is_backfill and self.stalls < self.request.pacing.most_stalls
        self.outcome = "stalled" if patient else "failed"

    def call_failed(self, error: Exception) -> None:
        """Note that the cursor did not do what it was called for; what it rejected is not worth another attempt."""
        self.attempts_failed(str(error))
        if isinstance(error, OperationRejectedError):
            self.outcome, self.failure = "failed", Failure("permanent", self.error)

    def named(self, sentence: str) -> str:
        """Name the stream in front of a sentence that does not."""
        label = self.request.stream.label
        return sentence if f"{label}: " in sentence else f"{label}: {sentence}"

    def lost(self, *, repeated: int = 0) -> None:
        """Note that the run does not hold the stream any more."""
        message = f"{self.request.stream.label}: another run took the stream over, or its cursor was reset or purged"
        if repeated:
            message += f"; {repeated} events may be repeated"
        self.outcome, self.failure = "superseded", Failure("transient", message)

    def stopped(self) -> None:
        """Note that an operator stopped the run."""
        message = f"{self.request.stream.label}: stopped by an operator; what was delivered is committed"
        self.outcome, self.failure = "stopped", Failure("transient", message)

    def transferred(self, result: Transfer) -> float:
        """Note how the run would end here; if as `more` or `throttled`, return in how many seconds it can go on."""
        pacing = self.request.pacing
        self.failure = result.failure
        if result.failure is None:
            done = "recovered" if self.tally.recovered else "ok"
            self.outcome = "more" if result.more else done
            if pacing.requests_per_minute is None:
                return 0.0
            return max(0.0, result.tally.requests * 60 / pacing.requests_per_minute - result.tally.seconds)
        match result.failure.kind:
            case "throttled":
                self.outcome = "throttled"
                return result.failure.retry_after
            case "transient":
                # It got somewhere before it failed, so it is worth going on, but not at once.
                self.outcome = "more"
                return pacing.retry_seconds
            case _:
                self.outcome = "failed"
                return 0.0

    def release(self, now: datetime) -> Release:
        """Give the stream back."""
        wait = self.failure.retry_after if self.failure and self.outcome == "throttled" else 0.0
        grant = self.state.grant
        return Release(grant.fence, now, self.outcome, self.error, wait, grant.holder, grant.execution, self.done)

    @property
    def pause(self) -> float:
        """How many seconds to wait before the next generation."""
        match self.outcome:
            case "throttled":
                return self.failure.retry_after if self.failure else 0.0
            case "stalled":
                return self.request.pacing.stall_seconds
            case _:
                return 0.0

    def next_generation(self) -> DrainRequest:
        """Carry over what this one leaves."""
        stalls = self.stalls + 1 if self.outcome == "stalled" else self.stalls
        return replace(self.request, tally=self.tally, stalls=stalls)

    def custom_status(self, *, waiting_for: str = "") -> dict[str, Any]:
        """What Durable Functions Monitor and the status page show while the run goes on, and of a failed one.

        `waiting_for` names the operation of the stream's entity that the run is about to call.
        """
        newest = self.state.newest
        status = {
            "stream": self.request.stream.label,
            "outcome": self.outcome,
            "events": self.tally.events,
            "pages": self.tally.pages,
            "bytes": self.tally.bytes,
            "newest": newest.isoformat() if newest else "",
            "failure": shortened(self.error, _LONGEST_FAILURE),
        }
        if waiting_for:
            status[WAITING_FOR] = waiting_for
        if self.request.start_time and self.request.end_time:
            window = Window.parse(self.request.start_time, self.request.end_time)
            done = self.outcome in CAUGHT_UP
            status |= {
                "backfill": self.request.backfill_id,
                "percent": 100.0 if done else window.percent(newest),
            }
        return status

    def summary(self, instance_id: str, now: datetime) -> dict[str, Any]:
        """Put the run into one flat dict: its output, and its row in the health table."""
        stream, newest = self.request.stream, self.state.newest
        lag = (now - newest).total_seconds() if self.tally.events and newest else None
        notes = [self.error] if self.error else []
        if self.tally.recovered:
            notes.append(
                f"{stream.label}: 1Password rejected the cursor; a start time has replaced it, so up to 48 hours may "
                "be repeated"
            )
        if kept := self.tally.dead_letters:
            events = "1 event is" if kept == 1 else f"{kept:,} events are"
            notes.append(f"{stream.label}: {events} kept in the blob container {CONTAINER}, with the reason")
        counts = {name: value for name, value in asdict(self.tally).items() if name not in ("drift", "recovered")}
        return {
            "outcome": self.outcome,
            "account": stream.account,
            "account_uuid": stream.account_key,
            "event_type": str(stream.event_type),
            **counts,
            "lag_seconds": lag,
            "drift": " ".join(sorted(self.tally.drift)),
            "error": "; ".join(notes),
            "instance_id": instance_id,
            "backfill_id": self.request.backfill_id,
        }
