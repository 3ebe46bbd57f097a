"""A page's way into the table: a row that is at fault itself holds up nobody, and nothing is lost or doubled for it."""

import asyncio
import hashlib
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.patience import within
from onepassword_sentinel.dead_letters import DeadLetter
from onepassword_sentinel.delivery import MAX_FIELD_BYTES, MOST_REFUSED_IN_A_ROW
from onepassword_sentinel.errors import PermanentError, ThrottledError, TransientError
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.position import TAIL
from onepassword_sentinel.time_limits import CutOff
from onepassword_sentinel.transfer import Budget
from tests.core.conftest import NOW
from tests.core.scripted import START, Letters, Sink, Source, event, run


def page(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [event(index) for index in range(first, first + count)]


async def test_one_bad_row_in_a_thousand_becomes_a_dead_letter() -> None:
    """Halving finds it in about twenty requests; all others are delivered, in order, and the position passes it."""
    source, sink, letters = Source(page(1000)), Sink("U617"), Letters()
    done = await run(source, sink, letters=letters)
    assert sink.uuids == [f"U{n}" for n in range(1000) if n != 617]
    assert letters.reasons == {"U617": "refused"}
    assert (done.failure, done.position.cursor) == (None, "1")
    assert (done.tally.events, done.tally.dead_letters) == (999, 1)
    assert sink.uploads <= 21


async def test_a_dead_letter_has_the_events_own_bytes_and_says_why() -> None:
    """Whoever finds it needs nothing else: the stream, the reason, Azure's answer and the time."""
    letters = Letters()
    await run(Source(page(2)), Sink("U1"), letters=letters)
    (letter,) = letters.kept.values()
    raw = json.dumps(event(1)).encode()
    assert letter == DeadLetter(
        key="ACC-auditevents",
        stream="auditevents",
        event_type=EventType.AUDIT_EVENTS,
        backfill_id="",
        event=raw,
        uuid="U1",
        reason="refused",
        status=400,
        detail="Logs Ingestion answered 400",
        time=NOW,
    )
    assert letter.name == f"ACC-auditevents/{hashlib.sha256(raw).hexdigest()[:32]}.json"


def test_metadata_is_what_a_blob_can_carry() -> None:
    """Headers are ASCII, and the service takes 8 KB of them; what is empty is left out."""
    letter = DeadLetter(
        "k", "acme-auditevents", EventType.AUDIT_EVENTS, "", b"{}", "U", "refused", 400, "said “Größe”…" * 999, NOW
    )
    assert all(value.isascii() and value for value in letter.metadata.values())
    assert sum(len(name) + len(value) for name, value in letter.metadata.items()) < 8192
    assert letter.metadata["detail"].startswith('said "Gr\\xf6\\xdfe"...')
    assert letter.metadata["time"] == "2026-11-22T12:00:00.000Z"
    assert "backfill_id" not in letter.metadata


async def test_a_row_too_large_for_a_request_becomes_a_dead_letter() -> None:
    """Azure is not even asked; those before and behind it are delivered."""
    source, sink, letters = Source([event(0), event(1, size=2_000_000), event(2)]), Sink(), Letters()
    done = await run(source, sink, letters=letters)
    assert sink.uuids == ["U0", "U2"]
    assert letters.reasons == {"U1": "too_large"}
    (letter,) = letters.kept.values()
    assert ("a row of 2,000," in letter.detail, letters.requests) == (True, 1)
    assert (done.failure, done.tally.dead_letters, done.tally.events) == (None, 1, 2)


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"aux_info": "x" * MAX_FIELD_BYTES}, False),
        ({"aux_info": "x" * (MAX_FIELD_BYTES + 1)}, True),
        ({"aux_info": "é" * (MAX_FIELD_BYTES // 2)}, False),
        ({"aux_info": "é" * (MAX_FIELD_BYTES // 2 + 1)}, True),
        ({"details": {"value": "x" * MAX_FIELD_BYTES}}, True),
        ({"a": "x" * 40_000, "b": "x" * 40_000}, False),
    ],
    ids=["just", "over", "escaped just", "escaped over", "object", "many fields"],
)
async def test_a_field_that_azure_would_cut_is_kept_whole(fields: dict[str, Any], kept: bool) -> None:  # noqa: FBT001
    """The row is delivered all the same; what counts is the value, not how it is written."""
    source, sink, letters = Source([{**event(0), **fields}]), Sink(), Letters()
    done = await run(source, sink, letters=letters)
    assert sink.uuids == ["U0"]
    assert letters.reasons == ({"U0": "cut"} if kept else {})
    assert (done.tally.events, done.tally.dead_letters) == (1, int(kept))


async def test_when_every_row_is_refused_it_is_not_the_rows() -> None:
    """A wrong rule must not empty a stream into dead letters: it fails, after a few requests, and keeps nothing."""
    source, letters = Source(page(1000)), Letters()
    sink = Sink(*(f"U{n}" for n in range(1000)))
    done = await run(source, sink, letters=letters)
    assert done.failure is not None
    assert (done.failure.kind, done.position, done.tally.dead_letters) == ("permanent", START, 0)
    assert f"refused {MOST_REFUSED_IN_A_ROW + 1} rows one after the other" in done.failure.message
    assert letters.kept == {}
    assert sink.uploads < 4 * MOST_REFUSED_IN_A_ROW


async def test_what_a_wrong_rule_refused_is_never_called_refused() -> None:
    """The storage fails just when the letters are taken back: a replay must not deliver what the stream delivers."""
    letters = Letters()
    letters.failing = {4: TransientError("storage")}
    failed = await run(Source(page(3)), Sink("U0", "U1", "U2"), letters=letters)
    assert failed.failure is not None
    assert failed.failure.kind == "permanent"
    assert letters.reasons == dict.fromkeys(("U0", "U1", "U2"), "suspected")
    mended = Sink()
    await run(Source(page(3)), mended, failed.position, letters=letters)
    assert mended.uuids == ["U0", "U1", "U2"]
    assert set(letters.reasons.values()) == {"suspected"}


async def test_a_storage_that_fails_after_the_decision_repeats_nothing() -> None:
    """The letter is kept already; only its better name is missing."""
    letters = Letters()
    letters.failing = {2: TransientError("storage")}
    sink = Sink("U1")
    done = await run(Source(page(3)), sink, letters=letters)
    assert (done.failure, done.tally.dead_letters, sink.uuids) == (None, 1, ["U0", "U2"])
    assert letters.reasons == {"U1": "suspected"}


async def test_what_could_not_be_called_refused_is_called_so_after_the_next_page() -> None:
    """A storage that fails for a moment leaves no letter suspected for ever."""
    letters = Letters()
    letters.failing = {2: TransientError("storage")}
    await run(Source(page(3), page(3, 3)), Sink("U1"), letters=letters)
    assert letters.reasons == {"U1": "refused"}


async def test_a_storage_that_hangs_after_the_decision_does_not_outlast_the_activity() -> None:
    """The letter is kept already, and its row is passed."""

    class Hanging(Letters):
        async def keep(self, letter: DeadLetter) -> None:
            if letter.reason == "refused":
                await asyncio.sleep(600)
            await super().keep(letter)

    letters, cut_off = Hanging(), CutOff(time.monotonic(), 600, within(0.3))
    done = await run(Source(page(3)), Sink("U1"), letters=letters, cut_off=cut_off)
    assert (done.failure, done.position.cursor, letters.reasons) == (None, "1", {"U1": "suspected"})


async def test_a_rule_that_goes_wrong_in_the_middle_is_noticed_across_pages() -> None:
    """Small pages whose rows are all refused add up: what was accepted before them does not excuse them for ever."""
    source, letters = Source(page(5), *(page(5, 5 * number) for number in range(1, 9))), Letters()
    sink = Sink(*(f"U{n}" for n in range(5, 45)))
    done = await run(source, sink, letters=letters)
    assert done.failure is not None
    assert f"refused {MOST_REFUSED_IN_A_ROW + 1} rows one after the other" in done.failure.message
    assert (done.position.cursor, len(letters.kept)) == ("5", MOST_REFUSED_IN_A_ROW)


async def test_a_lone_refused_row_waits_for_one_that_is_accepted() -> None:
    """Nobody can tell a bad row from a bad rule as long as nothing is accepted; the next event tells."""
    source, sink, letters = Source(page(1)), Sink("U0"), Letters()
    first = await run(source, sink, letters=letters)
    assert first.failure is not None
    assert "the only row there is" in first.failure.message
    assert (first.position, letters.kept) == (START, {})
    source.pages = [page(2)]
    second = await run(source, sink, first.position, letters=letters)
    assert (second.failure, sink.uuids, letters.uuids) == (None, ["U1"], ["U0"])


async def test_a_row_too_large_does_not_lead_past_one_that_is_only_suspected() -> None:
    """What is behind a refused row may be dealt with, but the position waits in front of it until it is decided."""
    source, sink, letters = Source([event(0), event(1, size=2_000_000)]), Sink("U0"), Letters()
    first = await run(source, sink, letters=letters)
    assert first.failure is not None
    assert (first.position, letters.uuids) == (START, ["U1"])
    source.pages[0].append(event(2))
    second = await run(source, sink, first.position, letters=letters)
    assert (second.failure, sink.uuids, letters.uuids) == (None, ["U2"], ["U0", "U1"])


async def test_a_stretch_of_bad_rows_at_the_end_is_taken_for_bad_rows() -> None:
    """The page's other rows were accepted, so it is not the rule."""
    source, sink, letters = Source(page(10)), Sink("U8", "U9"), Letters()
    done = await run(source, sink, letters=letters)
    assert (done.failure, done.tally.events, letters.uuids) == (None, 8, ["U8", "U9"])
    assert done.position.tail[-1] == "U9"


async def test_nothing_behind_a_bad_row_is_uploaded_before_it_is_kept() -> None:
    """The storage is out of reach: the position stays in front of the row, so nothing behind it may be there yet."""
    source, sink, letters = Source(page(8)), Sink("U3"), Letters()
    letters.failing = {1: TransientError("storage cannot be reached")}
    first = await run(source, sink, letters=letters)
    assert first.failure is not None
    assert (first.failure.kind, sink.uuids) == ("transient", ["U0", "U1", "U2"])
    assert first.position.rows_done <= 3
    second = await run(source, sink, first.position, letters=letters)
    assert second.failure is None
    assert sink.uuids == [f"U{n}" for n in range(8) if n != 3]
    assert letters.uuids == ["U3"]


async def test_a_fault_in_the_middle_of_halving_repeats_nothing() -> None:
    """Each accepted part moves the position, so that the next run goes on behind it."""
    source, sink, letters = Source(page(16)), Sink("U9"), Letters()
    sink.failing = {4: ThrottledError("429", retry_after=1)}
    position, uploads = START, []
    for _ in range(3):
        done = await run(source, sink, position, letters=letters)
        position = done.position
        uploads.append(sink.uploads)
    assert sorted(sink.uuids) == sorted(f"U{n}" for n in range(16) if n != 9)
    assert letters.uuids == ["U9"]
    assert position.cursor == "1"


async def test_an_event_on_two_pages_is_delivered_once() -> None:
    """1Password gave it again: within a run, at the seam of two runs, and on one page."""
    source, sink = Source([event(0), event(1)], [event(1), event(2), event(2)], [event(2), event(0), event(3)]), Sink()
    first = await run(source, sink, budget=Budget(pages=2))
    second = await run(source, sink, first.position)
    assert sink.uuids == ["U0", "U1", "U2", "U3"]
    assert (first.tally.repeated, second.tally.repeated) == (2, 2)
    assert second.position.cursor == "3"


async def test_events_without_a_uuid_are_never_taken_for_the_same() -> None:
    """What cannot be recognised is delivered, however alike it looks."""
    nameless = {"timestamp": "2026-11-20T00:00:00Z"}
    source, sink = Source([nameless, {**nameless, "uuid": 7}], [nameless]), Sink()
    await run(source, sink)
    assert len(sink.rows) == 3


async def test_the_position_remembers_a_bounded_number_of_events() -> None:
    """It passes through orchestration messages."""
    done = await run(Source(page(1000)), Sink())
    assert done.position.tail == tuple(f"U{n}" for n in range(1000 - TAIL, 1000))


@settings(max_examples=150)
@given(
    sizes=st.lists(st.integers(0, 12), min_size=1, max_size=4),
    bad=st.sets(st.integers(0, 47), max_size=6),
    uploads=st.sets(st.integers(1, 40), max_size=4),
    storage=st.sets(st.integers(1, 12), max_size=3),
    pages=st.integers(1, 3),
)
def test_whatever_is_refused_and_whatever_fails_every_event_is_in_one_place(
    sizes: list[int], bad: set[int], uploads: set[int], storage: set[int], pages: int
) -> None:
    """Table or dead letters, once, and in order; only what is bad to the last may wait for the event behind it."""
    numbers = iter(range(100))
    source = Source(*[[event(next(numbers), size=200_000) for _ in range(size)] for size in sizes])
    sink, letters = Sink(*(f"U{n}" for n in bad)), Letters()
    sink.failing = {number: TransientError("503") for number in uploads}
    letters.failing = {number: TransientError("storage") for number in storage}

    async def runs() -> None:
        position = START
        for _ in range(60):
            done = await run(source, sink, position, letters=letters, budget=Budget(pages=pages))
            position = done.position
            if done.failure is None and not done.more:
                return
            if done.failure and done.failure.kind == "permanent":
                # An accepted event tells bad rows from a bad rule: let one more arrive.
                source.pages[int(position.cursor or 0)].append(event(900 + len(sink.uuids)))

    asyncio.run(runs())
    good = [f"U{n}" for n in range(sum(sizes)) if n not in bad]
    assert [uuid for uuid in sink.uuids if int(uuid[1:]) < 900] == good
    really_bad = {f"U{n}" for n in bad if n < sum(sizes)}
    assert really_bad <= letters.reasons.keys()
    # A replay delivers what is called refused: none of it may be in the table. A storage that failed may have left some
    # that are only suspected.
    refused = {uuid for uuid, reason in letters.reasons.items() if reason == "refused"}
    assert refused <= really_bad
    assert storage or refused == really_bad


def test_kinds_stay_apart() -> None:
    """A page that fails for the storage's sake is the operator's affair only if the storage says so."""
    source, letters = Source(page(2)), Letters()
    letters.failing = {1: PermanentError("give the role")}
    done = asyncio.run(run(source, Sink("U0"), letters=letters))
    assert done.failure is not None
    assert (done.failure.kind, done.failure.message) == ("permanent", "auditevents: give the role")
