"""Dead letters' second way into the table: each once, and none of them lost on it."""

import asyncio
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.patience import until, within
from onepassword_sentinel.chunks import MAX_CHUNK_BYTES
from onepassword_sentinel.delivery import MAX_FIELD_BYTES
from onepassword_sentinel.errors import ConnectorError, PermanentError, ThrottledError, TransientError
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.replay import Replay
from onepassword_sentinel.replay_run import Place, ReplayBatch, ReplayCounts
from onepassword_sentinel.time_limits import CutOff
from tests.core.scripted import Shelf, Sink, event, letter

START = Place()


def replay(shelf: Shelf, sink: Sink, **options: Any) -> Replay:
    return Replay(shelf, sink, "Custom-Events", **options)


async def replay_all(shelf: Shelf, sink: Sink, **options: Any) -> list[ReplayBatch]:
    """Replay batch by batch, as the orchestration does, but go on whatever fails."""
    batches, place = [], START
    for _ in range(100):
        batches.append(await replay(shelf, sink, **options).run(place))
        place = batches[-1].place
        if batches[-1].failure is None and not batches[-1].more:
            return batches
    raise AssertionError("no end")


def total(batches: list[ReplayBatch]) -> ReplayCounts:
    counts = ReplayCounts()
    for batch in batches:
        counts = counts.plus(batch.counts)
    return counts


async def test_what_azure_takes_by_now_is_delivered_and_taken_out() -> None:
    """Each becomes the row that its stream would have delivered, and nothing of it stays."""
    shelf, sink = Shelf(letter(1), letter(2, backfill_id="b1"), letter(3, event_type=EventType.ITEM_USAGES)), Sink()
    (batch,) = await replay_all(shelf, sink)
    assert (batch.counts, batch.failure, batch.place) == (ReplayCounts(uploaded=3), None, START)
    assert sorted(sink.rows, key=lambda row: row["uuid"]) == [
        {"log_source": "auditevents", **event(1)},
        {"log_source": "auditevents", "backfill_id": "b1", **event(2)},
        {"log_source": "itemusages", **event(3)},
    ]
    assert shelf.events == {}


async def test_each_is_taken_out_before_the_next_one_goes() -> None:
    """Should the process die in between, one row is repeated and no more."""
    shelf = Shelf(letter(1), letter(2))
    await replay_all(shelf, Sink())
    assert shelf.done == ["list", "read", "delete", "read", "delete"]


async def test_what_cannot_be_delivered_stays_and_is_counted_for_what_it_is() -> None:
    """Refused again stays; nothing is uploaded of what fits into no request or is in the table already."""
    shelf = Shelf(
        letter(1),
        letter(2),
        letter(3, reason="too_large"),
        letter(4, reason="cut"),
        letter(5, event=json.dumps(event(5, size=MAX_CHUNK_BYTES)).encode()),
    )
    sink = Sink("U1")
    batches = await replay_all(shelf, sink)
    assert total(batches) == ReplayCounts(uploaded=1, refused=1, too_large=2, cut=1)
    assert (sink.uuids, sink.uploads) == (["U2"], 2)
    assert shelf.uuids == ["U1", "U3", "U4", "U5"]


@pytest.mark.parametrize(
    "damage",
    [
        {"event_type": "signins"},
        {"event_type": ""},
        {"reason": ""},
        {"reason": "whatever"},
    ],
    ids=str,
)
async def test_one_whose_metadata_is_damaged_is_left_alone(damage: dict[str, str]) -> None:
    """Nobody knows what row it would be; the others are delivered."""
    broken = letter(1)
    shelf, sink = Shelf(broken, letter(2)), Sink()
    shelf.metadata[broken.name].update(damage)
    (batch,) = await replay_all(shelf, sink)
    assert (batch.counts, batch.failure) == (ReplayCounts(uploaded=1, left=1), None)
    assert (sink.uuids, shelf.uuids) == (["U2"], ["U1"])


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'"text"', b'{"uuid":"U1"},{"uuid":"U2"}', b"\xff", b'{"uuid":"\xff"} {}', b"[" * 900_000],
    ids=lambda content: repr(content[:20]),
)
async def test_content_that_is_no_event_is_left_alone(content: bytes) -> None:
    """Whatever somebody put there makes no row, and no more than one."""
    shelf, sink = Shelf(letter(1, event=content)), Sink()
    (batch,) = await replay_all(shelf, sink)
    assert (batch.counts, batch.failure, sink.uploads) == (ReplayCounts(left=1), None, 0)
    assert list(shelf.events.values()) == [content]


async def test_an_event_that_was_edited_by_hand_is_delivered_as_it_is() -> None:
    """Its name says nothing about its content any more, and an editor's white space does no harm."""
    shelf, sink = Shelf(letter(1)), Sink()
    (name,) = shelf.events
    shelf.events[name] = b'\n {\n "uuid": "U9"\n}\n'
    (batch,) = await replay_all(shelf, sink)
    assert (batch.counts, sink.uuids, shelf.events) == (ReplayCounts(uploaded=1), ["U9"], {})


async def test_one_that_vanished_since_it_was_listed_is_no_error() -> None:
    """Somebody else took it out."""
    gone = letter(1)
    shelf, sink = Shelf(gone, letter(2)), Sink()
    shelf.vanishing = {gone.name}
    (batch,) = await replay_all(shelf, sink)
    assert (batch.counts, batch.failure, sink.uuids) == (ReplayCounts(uploaded=1), None, ["U2"])


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 100])
async def test_a_batch_is_bounded_and_what_stays_is_looked_at_once(batch_size: int) -> None:
    """The next batch goes on behind it, whether the letters before that place are still there or not."""
    shelf = Shelf(*(letter(index, reason="cut" if index % 3 == 0 else "refused") for index in range(9)))
    sink = Sink("U1", "U2")
    batches = await replay_all(shelf, sink, letters_per_batch=batch_size)
    assert total(batches) == ReplayCounts(uploaded=4, refused=2, cut=3)
    assert all(batch.counts.uploaded <= batch_size for batch in batches)
    assert sorted(sink.uuids) == ["U4", "U5", "U7", "U8"]
    assert [batch.more for batch in batches] == [True] * (len(batches) - 1) + [False]


async def test_a_batch_ends_when_its_time_is_over() -> None:
    """It has looked at one at least, so that the next one goes on from there."""
    shelf, sink = Shelf(*(letter(index) for index in range(3))), Sink("U0", "U1", "U2")
    batches = await replay_all(shelf, sink, clock=iter(range(0, 9_000, 40)).__next__)
    assert [batch.counts.refused for batch in batches] == [1, 1, 1, 0]
    assert sink.uploads == 3


async def test_a_remote_that_hangs_is_cut_off() -> None:
    """What was achieved is in the result; nothing achieved is a failure."""

    class Hanging(Shelf):
        async def read(self, name: str) -> bytes | None:
            if self.done.count("read"):
                await asyncio.sleep(600)
            return await super().read(name)

    shelf = Hanging(letter(1), letter(2))
    batch = await replay(shelf, Sink(), cut_off=CutOff(time.monotonic(), within(0.3), 600)).run(START)
    assert (batch.counts.uploaded, len(shelf.events), batch.more, batch.failure) == (1, 1, True, None)
    batch = await replay(shelf, Sink(), cut_off=CutOff(time.monotonic(), 0.01, 600)).run(batch.place)
    assert (batch.counts.uploaded, len(shelf.events)) == (0, 1)
    assert batch.failure is not None
    assert (batch.failure.kind, "cut off after" in batch.failure.message) == ("transient", True)


async def test_an_upload_is_not_torn_by_the_cut_off() -> None:
    """Azure may be storing the row; the letter is taken out, and no other upload begins."""
    cut_off = CutOff(time.monotonic(), within(0.5), 600)

    class Slow(Sink):
        async def upload(self, stream: str, body: bytes) -> None:
            await until(lambda: time.monotonic() > cut_off.began + cut_off.seconds)
            await super().upload(stream, body)

    shelf, sink = Shelf(letter(1), letter(2)), Slow()
    batch = await replay(shelf, sink, cut_off=cut_off).run(START)
    assert (sink.uploads, len(shelf.events), batch.failure) == (1, 1, None)


@pytest.mark.parametrize(
    "error",
    [ThrottledError("429", retry_after=7), TransientError("503"), PermanentError("give the role")],
    ids=lambda error: error.kind,
)
async def test_a_failure_comes_beside_what_was_achieved(error: ConnectorError) -> None:
    """The next batch goes on where this one was stopped, and repeats nothing."""
    shelf, sink = Shelf(*(letter(index) for index in range(4))), Sink()
    sink.failing = {3: error}
    batches = await replay_all(shelf, sink)
    assert [batch.counts.uploaded for batch in batches] == [2, 2]
    assert batches[0].failure is not None
    assert (batches[0].failure.kind, batches[0].failure.retry_after) == (error.kind, getattr(error, "retry_after", 0))
    assert (len(sink.uuids), shelf.events) == (4, {})


async def test_one_that_could_not_be_deleted_is_deleted_before_anything_else_and_not_uploaded_again() -> None:
    """Its name is carried along until it is gone; it is counted once."""
    shelf, sink = Shelf(letter(1), letter(2)), Sink()
    shelf.failing = dict.fromkeys((3, 6), TransientError("storage"))
    batches = await replay_all(shelf, sink)
    first, second, third = batches
    assert first.place.delivered == second.place.delivered != ""
    assert [batch.counts.uploaded for batch in batches] == [1, 0, 1]
    assert second.place == first.place
    assert (sorted(sink.uuids), shelf.events, third.failure) == (["U1", "U2"], {}, None)
    assert shelf.done[3:9] == ["find", "read", "delete", "find", "read", "delete"]


async def test_a_name_that_is_carried_along_and_gone_already_is_no_error() -> None:
    """Somebody deleted it by hand, as the sentence of the failed run told."""
    shelf, sink = Shelf(letter(1)), Sink()
    batch = await replay(shelf, sink).run(Place(delivered="ACC-auditevents/gone.json"))
    assert (batch.failure, batch.place, sink.uuids) == (None, START, ["U1"])


async def test_what_azure_cuts_of_a_row_that_it_takes_now_is_not_lost() -> None:
    """The letter stays, as one whose row is in the table, but not whole; the next replay does not repeat it."""
    whole = json.dumps(event(1, size=MAX_FIELD_BYTES + 1)).encode()
    shelf, sink = Shelf(letter(1, event=whole, backfill_id="b1")), Sink()
    shelf.failing = {3: TransientError("storage")}
    assert total(await replay_all(shelf, sink)) == ReplayCounts(uploaded=1)
    (about,) = shelf.metadata.values()
    assert (about["reason"], about["detail"]) == ("cut", "Azure cuts fields at 65,536 bytes: aux_info")
    assert about == {**letter(1, backfill_id="b1", reason="cut", status=0, detail=about["detail"]).metadata}
    assert list(shelf.events.values()) == [whole]
    assert total(await replay_all(shelf, sink)) == ReplayCounts(cut=1)
    assert sink.uuids == ["U1"]


async def test_a_row_that_is_only_suspected_is_left_alone() -> None:
    """It was kept before it was known whether the row is at fault; if the rule was, its stream has delivered it."""
    shelf, sink = Shelf(letter(1, reason="suspected")), Sink()
    (batch,) = await replay_all(shelf, sink)
    assert (batch.counts, shelf.uuids, sink.uuids) == (ReplayCounts(left=1), ["U1"], [])


@settings(max_examples=150)
@given(
    count=st.integers(0, 8),
    bad=st.sets(st.integers(0, 7)),
    cut=st.sets(st.integers(0, 7)),
    long=st.sets(st.integers(0, 7)),
    uploads=st.sets(st.integers(1, 20), max_size=5),
    requests=st.sets(st.integers(1, 40), max_size=8),
    batch_size=st.integers(1, 4),
)
def test_whatever_fails_every_event_is_delivered_once_or_stays(
    count: int,
    bad: set[int],
    cut: set[int],
    long: set[int],
    uploads: set[int],
    requests: set[int],
    batch_size: int,
) -> None:
    """Whichever uploads and storage requests fail, and however often, as long as there is a next batch."""
    letters = [
        letter(
            index,
            event=json.dumps(event(index, size=70_000 if index in long else 0)).encode(),
            reason="cut" if index in cut else "refused",
        )
        for index in range(count)
    ]
    shelf, sink = Shelf(*letters), Sink(*(f"U{index}" for index in bad))
    sink.failing = {number: TransientError("503") for number in uploads}
    shelf.failing = {number: TransientError("storage") for number in requests}
    batches = asyncio.run(replay_all(shelf, sink, letters_per_batch=batch_size))
    every = set(range(count))
    good = every - bad - cut
    assert sorted(sink.uuids) == sorted(f"U{index}" for index in good)
    assert shelf.reasons == {f"U{index}": "cut" for index in every & (cut | (long & good))} | {
        f"U{index}": "refused" for index in every & bad - cut
    }
    assert total(batches).uploaded == len(good)
