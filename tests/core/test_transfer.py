"""The transfer loop: the position follows acknowledgements, whatever fails when."""

import asyncio
import json
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.patience import until, within
from onepassword_sentinel.dead_letters import DeadLetter
from onepassword_sentinel.errors import (
    ConnectorError,
    CursorRejectedError,
    Failure,
    PermanentError,
    ThrottledError,
    TransientError,
)
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.page import Page
from onepassword_sentinel.position import Position
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.time_limits import CutOff
from onepassword_sentinel.transfer import Budget, Transfer
from tests.core import stopped_transfer
from tests.core.scripted import START, Letters, Sink, Source, drain, event, run
from tests.processes import python, stopped


async def test_everything_is_delivered_in_order_and_counted() -> None:
    """All pages, one request each, labelled, and the position behind the last."""
    source, sink = Source([event(0), event(1)], [], [event(2)]), Sink()
    done = await run(source, sink)
    assert sink.uuids == ["U0", "U1", "U2"]
    assert {row["log_source"] for row in sink.rows} == {"auditevents"}
    assert done.position == replace(START, cursor="3", tail=("U0", "U1", "U2"))
    assert (done.tally.events, done.tally.pages, done.tally.chunks, done.tally.requests, done.more) == (
        3,
        3,
        2,
        3,
        False,
    )
    assert done.newest == datetime(2026, 11, 20, 0, 0, 2, tzinfo=UTC)
    assert done.failure is None


async def test_the_page_behind_is_fetched_while_one_is_uploaded() -> None:
    """Latency of the two remotes overlaps."""
    order: list[str] = []
    fetched = asyncio.Event()

    class Watched(Sink):
        async def upload(self, stream: str, body: bytes) -> None:
            order.append("upload begins")
            await asyncio.wait_for(fetched.wait(), within(30))
            await super().upload(stream, body)
            order.append("upload ends")

    class Asked(Source):
        async def fetch_page(self, event_type: EventType, position: Position) -> Page:
            order.append(f"fetch {position.cursor}")
            if position.cursor == "1":
                fetched.set()
            return await super().fetch_page(event_type, position)

    await run(Asked([event(0)], [event(1)]), Watched())
    assert order.index("upload begins") < order.index("fetch 1") < order.index("upload ends")


@pytest.mark.parametrize(
    ("budget", "cursor"),
    [(Budget(pages=2), "2"), (Budget(seconds=0), "1"), (Budget(pages=1), "1")],
    ids=["pages", "seconds", "one page"],
)
async def test_a_budget_stops_between_pages_and_says_that_more_waits(budget: Budget, cursor: str) -> None:
    """An activity is bounded; what is left is for the next."""
    done = await run(Source(*[[event(n)] for n in range(5)]), Sink(), budget=budget)
    assert (done.position.cursor, done.more, done.failure) == (cursor, True, None)


@pytest.mark.parametrize(("seconds", "cursors"), [(0.0, ["1", "2", "3"]), (60.0, ["3"])], ids=["at once", "at the end"])
async def test_what_was_delivered_is_committed_on_the_way(seconds: float, cursors: list[str]) -> None:
    """Positions are numbered on from the stream's, and events counted on, so that a late commit can be told."""
    committed: list[Transfer] = []
    ended: list[bool] = []

    async def commit(done: Transfer, *, last: bool) -> bool:
        committed.append(replace(done))
        ended.append(last)
        return True

    source, sink = Source([event(0), event(1)], [event(2)], [event(3)]), Sink()
    work = drain(source, sink, commit=commit, budget=Budget(commit_seconds=seconds))
    done = await work.run(StreamState(position=START, moves=7, events=100))
    assert [step.position.cursor for step in committed] == cursors
    # Two rows and a page, then a row and a page each time.
    passed = {"1": 3, "2": 5, "3": 7}
    assert [step.moves for step in committed] == [7 + passed[cursor] for cursor in cursors]
    assert [step.events for step in committed][-1] == done.events == 104
    assert committed[-1] == done
    assert ended == [False] * (len(cursors) - 1) + [True]


async def test_a_transfer_stops_at_the_next_page_where_nobody_commits() -> None:
    """What nobody commits is delivered again. It is no failure, and the last commit is sent all the same."""
    said: list[tuple[str | None, bool]] = []

    async def refuse(done: Transfer, *, last: bool) -> bool:
        said.append((done.position.cursor, last))
        return False

    source, sink = Source([event(0), event(1)], [event(2)], [event(3)]), Sink()
    work = drain(source, sink, commit=refuse, budget=Budget(commit_seconds=0.0))
    done = await work.run(StreamState(position=START, moves=7))
    assert (done.position.cursor, done.more, done.failure, done.tally.events) == ("1", True, None, 2)
    assert said == [("1", False), ("1", True)]


async def test_twins_number_the_same_place_alike() -> None:
    """The platform may run an activity twice at once: whoever came farther counts, however often each has committed."""
    pages = [[event(0), event(1)], [], [event(2)]]
    twins = {seconds: dict[str, int]() for seconds in (0.0, 60.0)}
    for seconds, numbers in twins.items():

        async def commit(done: Transfer, *, last: bool, numbers: dict[str, int] = numbers) -> bool:
            numbers[str(done.position.cursor)] = done.moves
            return True

        work = drain(Source(*pages), Sink(), commit=commit, budget=Budget(commit_seconds=seconds))
        await work.run(StreamState(position=START, moves=7))
    eager, late = twins.values()
    assert late == {"3": eager["3"]}
    assert eager["1"] < eager["2"] < eager["3"]


async def test_nothing_new_commits_nothing() -> None:
    """An idle poll costs the cursor nothing."""
    committed: list[Transfer] = []

    async def commit(done: Transfer, *, last: bool) -> bool:
        committed.append(done)
        return True

    source = Source([event(0)])
    done = await drain(source, Sink(), commit=commit).run(StreamState(position=START.after_page("1"), moves=7))
    assert (committed, done.moves) == ([], 7)


async def test_a_failing_page_keeps_those_before_it() -> None:
    """Failure is data, beside what was achieved."""
    source, sink = Source([event(0)], [event(1)]), Sink()
    source.failing["1"] = TransientError("1Password answered 500")
    done = await run(source, sink)
    assert sink.uuids == ["U0"]
    assert done.position.cursor == "1"
    assert done.failure == Failure("transient", "auditevents: 1Password answered 500")


@pytest.mark.parametrize(
    "error",
    [TransientError("503"), ThrottledError("429", retry_after=9), PermanentError("403")],
    ids=lambda error: error.kind,
)
async def test_a_refused_chunk_names_the_stream_and_commits_nothing_of_itself(error: ConnectorError) -> None:
    """The position stays in front of what was not acknowledged."""
    source, sink = Source([event(0)], [event(1)]), Sink()
    sink.failing[1] = error
    done = await run(source, sink)
    assert (done.position, done.tally.events) == (START, 0)
    assert done.failure is not None
    assert (done.failure.kind, done.failure.message) == (error.kind, f"auditevents: {error}")
    assert done.failure.retry_after == getattr(error, "retry_after", 0)


async def test_a_page_of_several_chunks_goes_on_behind_the_last_acknowledged_one() -> None:
    """Chunks that Azure has are not sent again when a later one of the same page fails."""
    source, sink = Source([event(n, size=400_000) for n in range(5)], [event(5)]), Sink()
    sink.failing[2] = TransientError("503")
    first = await run(source, sink)
    assert (first.position.cursor, first.position.rows_done, first.position.last_uuid) == (None, 2, "U1")
    second = await run(source, sink, first.position)
    assert sink.uuids == [f"U{n}" for n in range(6)]
    assert second.position == replace(START, cursor="2", tail=tuple(f"U{n}" for n in range(6)))
    assert (first.tally.events, second.tally.events) == (2, 4)


async def test_a_page_that_changed_is_delivered_whole() -> None:
    """Only a page with the same event in the same place may be continued: rather a repeated row than a lost one."""
    source, sink = Source([event(9), event(0), event(1)]), Sink()
    done = await run(source, sink, START.within_page(1, ["U8"]))
    assert sink.uuids == ["U9", "U0", "U1"]
    assert done.tally.events == 3


async def test_an_unmoved_cursor_with_events_is_not_delivered() -> None:
    """The next request would bring the same events again."""
    source, sink = Source([event(0)], [event(1)]), Sink()
    stuck = Page.parse(json.dumps({"cursor": "1", "has_more": True, "items": [event(1)]}).encode())
    source.fetch_page = _always(stuck)  # type: ignore[method-assign]
    done = await run(source, sink, START.after_page("1"))
    assert (sink.rows, done.position.cursor) == ([], "1")
    assert done.failure is not None
    assert "does not move on" in done.failure.message


async def test_an_unmoved_cursor_without_events_ends_the_run() -> None:
    """An idle stream repeats its cursor; a has_more that never ends must not loop."""
    stuck = Page.parse(b'{"cursor":"1","has_more":true,"items":[]}')
    source = Source()
    source.fetch_page = _always(stuck)  # type: ignore[method-assign]
    done = await run(source, Sink(), START.after_page("1"))
    assert (done.more, done.tally.pages, done.failure) == (False, 1, None)


def _always(page: Page) -> Callable[[EventType, Position], Any]:
    async def fetch_page(_: EventType, __: Position) -> Page:
        return page

    return fetch_page


async def test_a_rejected_cursor_is_replaced_by_a_time_behind_the_newest_event() -> None:
    """Late item usages land behind the newest event, so two days are asked for again."""
    source = Source([event(0)], [event(1)])
    source.failing["1"] = CursorRejectedError("1Password answered 400")
    done = await run(source, Sink())
    assert done.position == Position(start_time="2026-11-18T00:00:00Z", tail=("U0",))
    assert (done.tally.recovered, done.more, done.failure) == (1, True, None)


async def test_a_rejected_cursor_of_a_stream_without_events_begins_where_it_began() -> None:
    """Nothing was delivered yet, so the first start still holds."""
    source = Source([], [event(1)])
    source.failing["1"] = CursorRejectedError("1Password answered 400")
    done = await run(source, Sink())
    assert (done.position, done.tally.recovered) == (START, 1)


async def test_a_cursor_is_not_replaced_again_and_again() -> None:
    """Each replacement repeats two days: shortly after one, a rejection is an operator's affair."""
    source = Source([event(0)])
    source.failing["0"] = CursorRejectedError("1Password answered 400")
    position = START.after_page("0")
    done = await run(source, Sink(), position, may_start_over=False)
    assert (done.position, done.tally.recovered) == (position, 0)
    assert done.failure is not None
    assert done.failure.kind == "permanent"


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("progress", [True, False])
async def test_a_page_that_hangs_is_cut_off_with_everything_kept(*, progress: bool) -> None:
    """An activity ends well inside the platform's time limit; it has failed only if it achieved nothing."""

    class Hanging(Source):
        async def fetch_page(self, event_type: EventType, position: Position) -> Page:
            if not progress or position.cursor:
                await asyncio.sleep(600)
            return await super().fetch_page(event_type, position)

    cut_off = CutOff(time.monotonic(), within(0.3), within(600))
    done = await run(Hanging([event(0)], [event(1)]), sink := Sink(), cut_off=cut_off)
    assert (sink.uuids, done.position.cursor, done.more) == ((["U0"], "1", True) if progress else ([], None, True))
    assert (done.failure is None) is progress
    if done.failure:
        assert done.failure.kind == "transient"
        assert "cut off after" in done.failure.message


async def test_an_upload_that_outlasts_the_cut_off_is_waited_for() -> None:
    """Azure may be storing it: torn and sent again, its rows would be doubled."""
    cut_off = CutOff(time.monotonic(), within(0.5), 600)

    class Slow(Sink):
        async def upload(self, stream: str, body: bytes) -> None:
            await until(lambda: time.monotonic() > cut_off.began + cut_off.seconds)
            await super().upload(stream, body)

    done = await run(Source([event(0)], [event(1)]), sink := Slow(), cut_off=cut_off)
    assert (sink.uuids, done.position.cursor, done.failure, done.more) == (["U0"], "1", None, True)


@pytest.mark.parametrize("pages", [[[event(0, 800_000), event(1, 800_000)]], [[event(0)], [event(1)]]], ids=len)
async def test_no_upload_begins_after_the_cut_off(pages: list[list[dict[str, Any]]]) -> None:
    """Neither of the same page nor of the next: the next transfer begins behind what was acknowledged."""
    clock = Clock()

    class Late(Sink):
        async def upload(self, stream: str, body: bytes) -> None:
            await super().upload(stream, body)
            clock.now = 90.0

    done = await run(source := Source(*pages), sink := Late(), cut_off=CutOff(0.0, 90, 150, clock))
    assert (sink.uuids, done.more, done.failure) == (["U0"], True, None)
    await run(source, sink, done.position)
    assert sink.uuids == ["U0", "U1"]


async def test_no_dead_letter_is_kept_after_the_cut_off() -> None:
    """A storage that is slow for each of many letters does not make an activity endless."""
    clock = Clock()

    class Late(Letters):
        async def keep(self, letter: DeadLetter) -> None:
            await super().keep(letter)
            clock.now += 60.0

    letters, source = Late(), Source([event(number, size=2_000_000) for number in range(4)])
    done = await run(source, Sink(), letters=letters, cut_off=CutOff(0.0, 90, 150, clock))
    assert (letters.uuids, done.position.rows_done, done.more) == (["U0", "U1"], 2, True)


async def test_a_process_that_was_stopped_beyond_its_cut_off_uploads_nothing_more() -> None:
    """Its lease may have run out meanwhile, and another run may deliver the rest."""
    async with python("-m", "tests.core.stopped_transfer", stdout=asyncio.subprocess.PIPE) as process:
        await stopped(process)
        await asyncio.sleep(stopped_transfer.CUT_OFF)
        process.send_signal(signal.SIGCONT)
        output, _ = await process.communicate()
    assert json.loads(output) == {"delivered": ["U0"], "rows_done": 1, "more": True}


async def test_drift_is_noted_once_per_key() -> None:
    """An unknown key is delivered like the rest and reported."""
    done = await run(Source([{**event(0), "risk": 1}], [{**event(1), "risk": 2}]), Sink())
    assert done.tally.drift == {"risk"}


@given(st.lists(st.integers(0, 4), max_size=6), st.sets(st.integers(1, 12), max_size=5), st.integers(1, 3))
def test_whatever_uploads_fail_nothing_is_lost_or_doubled(sizes: list[int], failing: set[int], pages: int) -> None:
    """Run after run from the position that the last one left, until nothing waits."""
    numbers = iter(range(100))
    source = Source(*[[event(next(numbers), size=300_000) for _ in range(size)] for size in sizes])
    sink = Sink()
    sink.failing = {number: TransientError("503") for number in failing}

    async def runs() -> None:
        position, more = START, True
        for _ in range(40):
            done = await run(source, sink, position, budget=Budget(pages=pages))
            position, more = done.position, done.more or done.failure is not None
            if not more:
                return

    asyncio.run(runs())
    assert sink.uuids == [f"U{n}" for n in range(sum(sizes))]


def test_the_position_keeps_a_backfills_window() -> None:
    """Moving on never drops the window."""
    window = replace(START, end_time="2026-11-16T00:00:00Z")
    moved = (window.after_page("c"), window.within_page(1, ["U"]), window.restarted("2026-11-15T10:00:00Z"))
    assert {position.end_time for position in moved} == {window.end_time}
