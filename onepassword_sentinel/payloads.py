"""What orchestrations and activities are given: small, versioned, and without a single event in it."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from onepassword_sentinel.discovery import Stream
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.retry_after import DEFAULT_SECONDS
from onepassword_sentinel.stream_requests import Commit
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.tally import Tally
from onepassword_sentinel.time_limits import UPLOAD_LIMIT, CutOff
from onepassword_sentinel.transfer import Transfer


@dataclass(frozen=True, slots=True)
class Pacing:
    """How long and how often; all times in seconds.

    Attributes:
        budget_seconds: a poll's run of a stream ends after so long, before the next tick; None: when nothing waits.
        transfer_pages: an activity returns after so many pages: those of a minute's quota.
        transfer_seconds: ... or after so long, so that of many streams that are far behind each gets its turn long
            before its lease runs out; an instance has ten activities at work.
        commit_seconds: meanwhile it commits what it delivered, at most so often. A commit costs a fifth of what it
            costs to deliver a page.
        transfer_limit: the longest time an activity is at work; well inside the platform's `functionTimeout`.
        upload_limit: the longest time one upload takes. An activity begins no upload and waits for no page once less
            than this is left of its own limit, because an upload that is torn may have been stored.
        attempts: how often an activity that achieved nothing is run, the first time included.
        retry_seconds: the wait before the second attempt; it doubles from one to the next.
        throttle_seconds: how long 1Password is left alone when it throttles without saying for how long.
        lease_seconds: how long a run that says nothing keeps its stream where nobody can tell that it has ended. It has
            to cover all attempts with their waits, 4 x 150 + 5 + 10 + 20, and the longest wait for a remote that
            throttles within a poll's budget, or a slow run loses its stream to the next one while it works.
        requests_per_minute: a run pauses between transfers so that it asks 1Password no more often; None: as fast as
            the account's quota allows.
        stall_seconds: a run without a budget waits so long when all attempts have failed, and goes on.
        most_stalls: ... but fails after so many waits without a single event in between.

    """

    budget_seconds: float | None = 240.0
    transfer_pages: int = 600
    transfer_seconds: float = 30.0
    commit_seconds: float = 1.0
    transfer_limit: float = 150.0
    upload_limit: float = UPLOAD_LIMIT
    attempts: int = 4
    retry_seconds: float = 5.0
    throttle_seconds: float = DEFAULT_SECONDS
    lease_seconds: float = 900.0
    requests_per_minute: float | None = None
    stall_seconds: float = 300.0
    most_stalls: int = 12

    def cut_off(self, began: float, limit: float) -> CutOff:
        """Make the cut-off of an activity that began at a monotonic time, and has to end `limit` seconds later."""
        # A limit may be shorter than an upload's own, as in tests. Half of it is for the last upload then.
        seconds = limit - self.upload_limit if limit > self.upload_limit else limit / 2
        return CutOff(began, seconds, limit)


# What backfills leave to polls: 30,000 requests an hour are 500 a minute (1Password Events API, rate limits), so this
# is half of the tighter limit.
BACKFILL_REQUESTS_PER_MINUTE: Final = 250.0
# A backfill's stream pauses between transfers, not within one: with more pages in a row, three streams together would
# take the polls' share of a minute before they pause.
BACKFILL_TRANSFER_PAGES: Final = 20


@dataclass(frozen=True, slots=True)
class PollRequest:
    """The input of `poll`; empty does."""

    pacing: Pacing = Pacing()
    v: int = 1


@dataclass(frozen=True, slots=True)
class DrainRequest:
    """The input of `drain_stream`, for polls and backfills alike.

    `key` names the cursor: a live stream's, or the backfill's own. Without a `start_time` a stream that never ran does
    not begin. The rest is what earlier generations of the same run leave to the next: what they counted, when the run
    began, and how often it has waited in vain.
    """

    stream: Stream
    key: str
    start_time: str | None
    end_time: str | None = None
    backfill_id: str = ""
    pacing: Pacing = Pacing()
    tally: Tally = field(default_factory=Tally)
    run_at: datetime | None = None
    stalls: int = 0
    v: int = 1

    @property
    def is_backfill(self) -> bool:
        """Whether the run has no next tick to leave anything to."""
        return self.pacing.budget_seconds is None


@dataclass(frozen=True, slots=True)
class BackfillRequest:
    """The input of `backfill`: a window, RFC 3339, and whose events; see `backfill.read_backfill`.

    `event_types` are all that the token covers where there are none; `account` is a name, None for all accounts.
    """

    id: str
    start_time: str
    end_time: str
    event_types: tuple[EventType, ...] = ()
    account: str | None = None
    pacing: Pacing = Pacing(budget_seconds=None)
    v: int = 1

    def covers(self, stream: Stream) -> bool:
        """Tell whether the backfill is about this stream."""
        return self.account in (None, stream.account) and (
            not self.event_types or stream.event_type in self.event_types
        )

    def drain(self, stream: Stream, *, share: int) -> DrainRequest:
        """Make the request for one of `share` streams of the same account.

        The cursor's key names the account itself: should its name come to stand for another one, a resumed backfill
        does not go on there.
        """
        rate = self.pacing.requests_per_minute or BACKFILL_REQUESTS_PER_MINUTE
        return DrainRequest(
            stream=stream,
            key=f"{self.id}-{stream.key}",
            start_time=self.start_time,
            end_time=self.end_time,
            backfill_id=self.id,
            pacing=replace(
                self.pacing,
                budget_seconds=None,
                requests_per_minute=rate / share,
                transfer_pages=min(self.pacing.transfer_pages, BACKFILL_TRANSFER_PAGES),
            ),
        )


@dataclass(frozen=True, slots=True)
class ResetRequest:
    """The input of `reset_stream`: the cursor's key, and the time to move it to, RFC 3339."""

    key: str
    start_time: str
    v: int = 1


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

    def commit(self, done: Transfer, now: datetime, *, last: bool = False, by_run: bool = False) -> Commit:
        """Make the commit of what the transfer achieved.

        Args:
            done: what it achieved so far.
            now: the time of the commit, from which the lease is renewed.
            last: the activity delivers no more.
            by_run: the run commits the result; the transfer that follows has the next number.

        """
        return Commit(
            fence=self.state.fence,
            moves=done.moves,
            now=now,
            lease_seconds=self.pacing.lease_seconds,
            position=done.position,
            newest=done.newest,
            events=done.events,
            recovered=bool(done.tally.recovered),
            last=last,
            bytes=done.bytes,
            pages=done.pages,
            holder=self.state.holder,
            execution=self.state.execution,
            transfer=self.state.transfer + by_run,
        )
