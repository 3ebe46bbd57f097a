"""Rows are packed in order into requests that Azure takes."""

import gzip
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepassword_sentinel.chunks import MAX_CHUNK_BYTES, Chunk, pack, row_prefix
from onepassword_sentinel.event_types import EventType

PREFIX = row_prefix(EventType.AUDIT_EVENTS, "")

members = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()))


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def packed(items: list[msgspec.Raw], start: int = 0, prefix: bytes = PREFIX) -> list[Chunk]:
    return list(pack(items, prefix, range(start, len(items))))


def body(chunk: Chunk) -> bytes:
    return gzip.decompress(chunk.compressed())


@given(st.lists(members, max_size=20), st.integers(0, 20))
def test_rows_are_the_events_with_their_label_in_front(events: list[dict[str, object]], start: int) -> None:
    """Nothing of an event is changed, left out or reordered, whatever is in it."""
    rows = [row for chunk in packed([raw(event) for event in events], start) for row in json.loads(body(chunk))]
    assert rows == [{"log_source": "auditevents", **event} for event in events[start:]]


@settings(max_examples=30)
@given(st.lists(st.integers(1, 400_000), min_size=1, max_size=30))
def test_no_chunk_exceeds_the_limit_and_every_row_is_in_one(sizes: list[int]) -> None:
    """A chunk stays within a megabyte before compression, knows its size, and its end counts the rows so far."""
    items = [raw({"uuid": index, "x": "x" * size}) for index, size in enumerate(sizes)]
    chunks = packed(items)
    assert all(len(body(chunk)) == chunk.size <= MAX_CHUNK_BYTES for chunk in chunks)
    rows = [json.loads(body(chunk)) for chunk in chunks]
    assert [row["uuid"] for chunk in rows for row in chunk] == list(range(len(sizes)))
    assert [sum(map(len, rows[: index + 1])) for index in range(len(rows))] == [chunk.end for chunk in chunks]


def test_chunks_are_filled() -> None:
    """A chunk ends only when the next row does not fit: requests are counted by the remote."""
    items = [raw({"x": "x" * 100_000})] * 10
    assert [chunk.end for chunk in packed(items)] == [9, 10]


def test_only_the_places_asked_for_are_packed() -> None:
    """A chunk knows which of the page's events its rows are."""
    items = [raw({"uuid": index}) for index in range(5)]
    (chunk,) = pack(items, PREFIX, [0, 3])
    assert ([row["uuid"] for row in json.loads(body(chunk))], chunk.places, chunk.end) == ([0, 3], [0, 3], 4)


@given(st.integers(2, 40))
def test_halves_are_the_whole(count: int) -> None:
    """Halving again and again ends at single rows, in order, none of them missing."""
    waiting, single = packed([raw({"uuid": index}) for index in range(count)]), []
    while waiting:
        chunk = waiting.pop()
        if len(chunk.places) == 1:
            single.append(chunk.places[0])
        else:
            waiting += reversed(chunk.halves())
    assert single == list(range(count))


@pytest.mark.parametrize("item", [b"{}", b"{ }", b"{\n\t}"])
def test_an_empty_event_stays_valid_json(item: bytes) -> None:
    """No comma is left behind where an event has no members."""
    (chunk,) = packed([msgspec.Raw(item)])
    assert json.loads(body(chunk)) == [{"log_source": "auditevents"}]


def test_a_row_that_fits_nowhere_comes_alone_and_keeps_no_other() -> None:
    """What can be delivered is, whatever stands beside it."""
    chunks = packed([raw({"x": 1}), raw({"x": "x" * MAX_CHUNK_BYTES}), raw({"x": 2})])
    assert [(list(chunk.places), chunk.fits) for chunk in chunks] == [([0], True), ([1], False), ([2], True)]


def test_a_row_of_just_the_limit_fits() -> None:
    """The limit holds for the body with its brackets."""
    filler = MAX_CHUNK_BYTES - 2 - len(PREFIX) - len(b'"x":""}')
    just, over = (packed([msgspec.Raw(b'{"x":"' + b"x" * size + b'"}')])[0] for size in (filler, filler + 1))
    assert (len(body(just)), just.fits, over.fits) == (MAX_CHUNK_BYTES, True, False)


def test_a_backfill_labels_its_rows() -> None:
    """Rules can leave history out."""
    (chunk,) = packed([raw({"x": 1})], prefix=row_prefix(EventType.ITEM_USAGES, 'b"1'))
    assert json.loads(body(chunk)) == [{"log_source": "itemusages", "backfill_id": 'b"1', "x": 1}]


def test_compression_is_reproducible() -> None:
    """The same rows give the same bytes, at whatever time."""
    (first,), (second,) = packed([raw({"x": 1})]), packed([raw({"x": 1})])
    assert first.compressed() == second.compressed()
