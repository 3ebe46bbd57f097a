"""What orchestrations and activities are given: small, versioned, and without a single event in it."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from onepassword_sentinel.discovery import Stream
from onepassword_sentinel.retry_after import DEFAULT_SECONDS
from onepassword_sentinel.stream_state import Commit, StreamState
from onepassword_sentinel.tally import Tally
from onepassword_sentinel.transfer import Transfer


@dataclass(frozen=True, slots=True)
class Pacing:
    """How long and how often; all times in seconds.

    Attributes:
        budget_seconds: a poll's run of a stream ends after so long, before the next tick; None: when nothing waits.
        transfer_pages: an activity returns after so many pages.
        transfer_seconds: ... or after so long.
        commit_seconds: meanwhile it commits what it delivered, at most so often. A commit costs a fifth of what it
            costs to deliver a page.
        transfer_limit: an activity is cut off after so long; well inside the platform's `functionTimeout`.
        attempts: how often an activity that achieved nothing is run, the first time included.
        retry_seconds: the wait before the second attempt; it doubles from one to the next.
        throttle_seconds: how long 1Password is left alone when it throttles without saying for how long.
        lease_seconds: how long a run that does not come back blocks its stream. It has to cover all attempts with
            their waits, 4 x 150 + 5 + 10 + 20, and the longest wait for a remote that throttles within a poll's
            budget, or a slow run loses its stream to the next one while it works.

    """

    budget_seconds: float | None = 240.0
    transfer_pages: int = 20
    transfer_seconds: float = 60.0
    commit_seconds: float = 1.0
    transfer_limit: float = 150.0
    attempts: int = 4
    retry_seconds: float = 5.0
    throttle_seconds: float = DEFAULT_SECONDS
    lease_seconds: float = 900.0


@dataclass(frozen=True, slots=True)
class PollRequest:
    """The input of `poll`; empty does."""

    pacing: Pacing = Pacing()
    v: int = 1


@dataclass(frozen=True, slots=True)
class DrainRequest:
    """The input of `drain_stream`, for polls and backfills alike.

    `key` names the cursor: a live stream's, or the backfill's own. `tally` is what earlier generations of the same
    run counted.
    """

    stream: Stream
    key: str
    start_time: str
    end_time: str | None = None
    backfill_id: str = ""
    pacing: Pacing = Pacing()
    tally: Tally = field(default_factory=Tally)
    v: int = 1

    def with_tally(self, tally: Tally) -> Self:
        """Carry counts over into the next generation."""
        return replace(self, tally=tally)


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """The input of `transfer_events`: the stream's state as the run knows it, and what to do with it."""

    stream: Stream
    key: str
    state: StreamState
    may_start_over: bool = True
    backfill_id: str = ""
    pacing: Pacing = Pacing()
    v: int = 1

    def commit(self, done: Transfer, now: datetime) -> Commit:
        """Say to the cursor what the transfer achieved."""
        return Commit(
            fence=self.state.fence,
            moves=done.moves,
            now=now,
            lease_seconds=self.pacing.lease_seconds,
            position=done.position,
            newest=done.newest,
            events=done.events,
            recovered=bool(done.tally.recovered),
        )
