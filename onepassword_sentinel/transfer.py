"""The main job: page an event type and deliver what comes, page by page.

The cursor advances only after Azure acknowledged every row of the page that it follows, or a dead letter has it; so
nothing is lost, and a retry repeats at most the one chunk whose acknowledgement was lost on the wire.

1. Fetch the page at the position.
2. While it is delivered, the page behind it is fetched already.
3. What is dealt with moves the position: within the page, and behind it after the last row.
4. Commit now and then, and at the end: should the process die, little is delivered again.
5. Stop when nothing more waits, the budget is used up, or something fails; say how far it came, and what failed.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from onepassword_sentinel.delivery import Delivery
from onepassword_sentinel.errors import (
    ConnectorError,
    CursorRejectedError,
    Failure,
    PermanentError,
    TransientError,
)
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.moments import format_moment
from onepassword_sentinel.page import Page
from onepassword_sentinel.position import Position
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.tally import Tally
from onepassword_sentinel.time_limits import CutOffError

# After a rejected cursor: how far behind the newest delivered event to begin again. Item usages arrive as late as the
# client that made them synchronises (Events API, item usage actions), so some lie behind the newest one.
RECOVERY_OVERLAP: Final = timedelta(hours=48)


class EventSource(Protocol):
    """Where pages come from."""

    async def fetch_page(self, event_type: EventType, position: Position) -> Page:
        """Get the page at a position."""


@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop although more waits; looked at between pages.

    Attributes:
        pages: how many at most.
        seconds: for how long at most.
        commit_seconds: how long after the last commit what was delivered is committed again.

    """

    pages: int = 20
    seconds: float = 60.0
    commit_seconds: float = 1.0


@dataclass(slots=True)
class Transfer:
    """What one transfer achieved; also the output of `transfer_events`.

    `position`, its number `moves`, `newest`, `events`, `bytes` and `pages` are where the stream stands now. The number
    grows with rows and pages passed: of two transfers that the platform began from the same place, the one that came
    farther has the higher one. `more` says that more waits, `failure` what stopped the transfer. Nothing was done where
    the run is over: `superseded` by another one that holds the stream, or `stopped` by an operator.
    """

    position: Position
    moves: int = 0
    newest: datetime | None = None
    events: int = 0
    more: bool = True
    superseded: bool = False
    stopped: bool = False
    tally: Tally = field(default_factory=Tally)
    failure: Failure | None = None
    bytes: int = 0
    pages: int = 0
    v: int = 1


class _NobodyCommitsError(Exception):
    """The cursor takes no more from this transfer, or cannot be told."""


class CommitTransfer(Protocol):
    """What tells the cursor how far it came."""

    async def __call__(self, done: Transfer, *, last: bool) -> bool:
        """Tell it; `last`: nothing more comes of this transfer. Return whether it would accept more."""


@dataclass(frozen=True, slots=True)
class Drain:
    """One event type on its way from a source to where its events are kept."""

    source: EventSource
    delivery: Delivery
    commit: CommitTransfer
    may_start_over: bool = True
    budget: Budget = Budget()
    utc_now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: Callable[[], float] = time.monotonic

    async def run(self, state: StreamState) -> Transfer:
        """Transfer from where the stream stands.

        Every `ConnectorError` ends up in the result, beside what was achieved before it. At the cut-off of the delivery
        no page is waited for any more and no upload begins; one that has begun ends by itself. It is a failure only
        where nothing was achieved.
        """
        started = self.clock()
        done = Transfer(state.position, state.moves, state.newest, state.events, bytes=state.bytes, pages=state.pages)
        self.delivery.remember(state.position.tail)
        try:
            await self._pages(done, state, started + self.budget.seconds)
        except _NobodyCommitsError:
            done.more = True
        except CutOffError as error:
            done.more = True
            if done.position == state.position:
                done.failure = Failure.of(error, who=self.delivery.label)
        except CursorRejectedError as error:
            self._start_over(done, error)
        except ConnectorError as error:
            done.failure = Failure.of(error, who=self.delivery.label)
        done.tally.seconds = self.clock() - started
        if done.position != state.position:
            with suppress(_NobodyCommitsError):
                await self._commit(done, state, last=True)
        return done

    async def _pages(self, done: Transfer, state: StreamState, deadline: float) -> None:
        committed = self.clock()
        page = await self._fetch(done, done.position)
        while True:
            done.tally.pages += 1
            behind = done.position.after_page(page.cursor)
            # An unmoved cursor would bring the same page again; the next run asks anew.
            moved = page.cursor != done.position.cursor
            if page.items and not moved:
                raise TransientError(
                    f"1Password gave {len(page.items)} events and a cursor that does not move on; "
                    "none of them was delivered, as the next request would bring them again",
                )
            done.more = page.has_more and moved
            ahead = None
            if done.more and done.tally.pages < self.budget.pages and self.clock() < deadline:
                ahead = asyncio.create_task(self._fetch(done, behind))
            try:
                await self._deliver(done, page)
                done.position = done.position.after_page(page.cursor)
                done.moves += moved
                if ahead is None:
                    return
                if self.clock() - committed >= self.budget.commit_seconds:
                    # Cut off like a read, because the last commit says it again.
                    await self.delivery.cut_off.read(self._commit(done, state))
                    committed = self.clock()
                page = await ahead
            except BaseException:
                if ahead is not None:
                    ahead.cancel()
                    await asyncio.gather(ahead, return_exceptions=True)
                raise

    async def _commit(self, done: Transfer, state: StreamState, *, last: bool = False) -> None:
        done.events = state.events + done.tally.events
        done.bytes = state.bytes + done.tally.bytes
        done.pages = state.pages + done.tally.pages
        if not await self.commit(done, last=last):
            # What nobody commits comes again.
            raise _NobodyCommitsError

    async def _fetch(self, done: Transfer, position: Position) -> Page:
        done.tally.requests += 1
        return await self.delivery.cut_off.read(self.source.fetch_page(self.delivery.event_type, position))

    async def _deliver(self, done: Transfer, page: Page) -> None:
        """Deliver what the position has not got behind it yet of the page."""
        start = done.position.rows_done
        if start and (len(page.items) < start or page.uuid(start - 1) != done.position.last_uuid):
            # The page is not the one that was begun: deliver it whole, as a repeated row is better than a lost one.
            start = 0
        done.tally.drift |= page.unknown_keys(self.delivery.event_type)
        async for end in self.delivery.deliver(page, start, done.tally):
            self._move(done, page, start, end)
            start = end
        self._move(done, page, start, len(page.items))
        newest = page.newest(now=self.utc_now())
        if newest is not None and (done.newest is None or newest > done.newest):
            done.newest = newest

    def _move(self, done: Transfer, page: Page, start: int, end: int) -> None:
        done.position = done.position.within_page(end, page.last_uuids(start, end))
        done.moves += end - start

    def _start_over(self, done: Transfer, error: CursorRejectedError) -> None:
        """Replace a rejected cursor by a time, far enough behind for late events."""
        if not self.may_start_over:
            # Every time repeats two days of events: done again and again, it would flood the table.
            done.failure = Failure.of(
                PermanentError(f"{error}, shortly after it was replaced for the same reason"), who=self.delivery.label
            )
            return
        if done.newest is not None:
            start = format_moment(done.newest - RECOVERY_OVERLAP)
        elif done.position.start_time is not None:
            start = done.position.start_time
        else:
            done.failure = Failure.of(
                PermanentError(f"{error}, and no time is known to begin again from"), who=self.delivery.label
            )
            return
        done.position = done.position.restarted(start)
        done.moves += 1
        done.tally.recovered += 1
        done.more = True
