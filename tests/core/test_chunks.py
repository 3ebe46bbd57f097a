"""Rows are packed in order into requests that Azure takes."""

import gzip
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepassword_sentinel.chunks import MAX_CHUNK_BYTES, OversizedRowError, pack, row_prefix
from onepassword_sentinel.event_types import EventType

PREFIX = row_prefix(EventType.AUDIT_EVENTS, "")

members = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()))


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


@given(st.lists(members, max_size=20), st.integers(0, 20))
def test_rows_are_the_events_with_their_label_in_front(events: list[dict[str, object]], start: int) -> None:
    """Nothing of an event is changed, left out or reordered, whatever is in it."""
    rows = [
        row for chunk in pack([raw(event) for event in events], PREFIX, start=start) for row in json.loads(chunk.body)
    ]
    assert rows == [{"log_source": "auditevents", **event} for event in events[start:]]


@settings(max_examples=30)
@given(st.lists(st.integers(1, 400_000), min_size=1, max_size=30))
def test_no_chunk_exceeds_the_limit_and_every_row_is_in_one(sizes: list[int]) -> None:
    """A chunk stays within a megabyte before compression, and its end counts the rows so far."""
    items = [raw({"uuid": index, "x": "x" * size}) for index, size in enumerate(sizes)]
    chunks = list(pack(items, PREFIX))
    assert all(len(chunk.body) <= MAX_CHUNK_BYTES for chunk in chunks)
    rows = [json.loads(chunk.body) for chunk in chunks]
    assert [row["uuid"] for chunk in rows for row in chunk] == list(range(len(sizes)))
    assert [sum(map(len, rows[: index + 1])) for index in range(len(rows))] == [chunk.end for chunk in chunks]


def test_chunks_are_filled() -> None:
    """A chunk ends only when the next row does not fit: requests are counted by the remote."""
    items = [raw({"x": "x" * 100_000})] * 10
    assert [chunk.end for chunk in pack(items, PREFIX)] == [9, 10]


@pytest.mark.parametrize("item", [b"{}", b"{ }", b"{\n\t}"])
def test_an_empty_event_stays_valid_json(item: bytes) -> None:
    """No comma is left behind where an event has no members."""
    (chunk,) = pack([msgspec.Raw(item)], PREFIX)
    assert json.loads(chunk.body) == [{"log_source": "auditevents"}]


def test_a_row_that_fits_nowhere_stops_after_those_before_it() -> None:
    """What can be delivered is, and the row that cannot is named by its place."""
    chunks = pack([raw({"x": 1}), raw({"x": "x" * MAX_CHUNK_BYTES}), raw({"x": 2})], PREFIX)
    assert next(chunks).end == 1
    with pytest.raises(OversizedRowError, match=r"row 1 has 1\d{6} bytes"):
        next(chunks)


def test_a_row_of_just_the_limit_fits() -> None:
    """The limit holds for the body with its brackets."""
    filler = MAX_CHUNK_BYTES - 2 - len(PREFIX) - len(b',"x":""}')
    (chunk,) = pack([msgspec.Raw(b'{"x":"' + b"x" * filler + b'"}')], PREFIX)
    assert len(chunk.body) == MAX_CHUNK_BYTES


def test_a_backfill_labels_its_rows() -> None:
    """Rules can leave history out."""
    (chunk,) = pack([raw({"x": 1})], row_prefix(EventType.ITEM_USAGES, 'b"1'))
    assert json.loads(chunk.body) == [{"log_source": "itemusages", "backfill_id": 'b"1', "x": 1}]


def test_compression_is_reproducible() -> None:
    """The same rows give the same bytes, which unpack to the body."""
    (chunk,) = pack([raw({"x": 1})], PREFIX)
    assert chunk.compressed() == chunk.compressed()
    assert gzip.decompress(chunk.compressed()) == chunk.body
