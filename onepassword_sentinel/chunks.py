"""Rows packed into request bodies for the Logs Ingestion API."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, repeat
from operator import add
from typing import Final, Self

import msgspec

from onepassword_sentinel.compression import compress
from onepassword_sentinel.event_types import EventType

# One call takes 1 MB, compressed and uncompressed alike (Azure Monitor service limits, Logs Ingestion API). Whether
# that is 1,000,000 or 1,048,576 bytes is not said, so the smaller one holds.
MAX_CHUNK_BYTES: Final = 1_000_000
# What is left of an object without members: no comma may stand in front of it. Only short ones are looked at, as an
# event has 500 bytes and more.
_NO_FIELDS: Final = re.compile(rb"\s*}")
_SHORT: Final = 64


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that go to Azure in one request; `places` says where in the page each one's event stands.

    A row is the `prefix`, which is the same for all, and the event's own bytes without their opening brace, `fields`:
    they are copied once, when the body is put together. `size` is the body's before compression, with the commas and
    the brackets, `longest` that of the longest event, less its brace; both in bytes.
    """

    prefix: bytes
    fields: Sequence[memoryview | bytes]
    places: Sequence[int]
    size: int
    longest: int

    @classmethod
    def of(cls, prefix: bytes, fields: Sequence[memoryview | bytes], places: Sequence[int]) -> Self:
        """Make a chunk of rows; there is one at least."""
        # Once for all: each look at the lengths of 1,000 views takes 0.04 ms, a hundredth of what a page takes.
        lengths = list(map(len, fields))
        return cls(prefix, fields, places, sum(lengths) + len(lengths) * (len(prefix) + 1) + 1, max(lengths))

    @property
    def fits(self) -> bool:
        """Whether Azure takes a body of this size. Only a single row can be larger."""
        return self.size <= MAX_CHUNK_BYTES

    @property
    def end(self) -> int:
        """How far the page is dealt with once this chunk is."""
        return self.places[-1] + 1

    def compressed(self) -> bytes:
        """The body as it goes over the wire; the same rows give the same bytes."""
        rows = list(self.fields)
        # One join copies the body once; the brackets around it would copy it again.
        rows[0] = b"".join((b"[", self.prefix, rows[0]))
        rows[-1] = b"".join((rows[-1], b"]"))
        return compress((b"," + self.prefix).join(rows))

    def halves(self) -> tuple[Self, Self]:
        """Split at the middle row, to find the one that is at fault."""
        middle = len(self.places) // 2
        return (
            self.of(self.prefix, self.fields[:middle], self.places[:middle]),
            self.of(self.prefix, self.fields[middle:], self.places[middle:]),
        )


def row_prefix(event_type: EventType, backfill_id: str) -> bytes:
    """Begin a row: its label from the endpoint that was asked, and the backfill that it belongs to, if any."""
    columns: dict[str, str] = {"log_source": event_type}
    if backfill_id:
        columns["backfill_id"] = backfill_id
    return msgspec.json.encode(columns)[:-1] + b","


def pack(items: Sequence[msgspec.Raw], prefix: bytes, places: Sequence[int]) -> Iterator[Chunk]:
    """Splice `prefix` in front of the items at `places` and pack the rows, in order, into as few chunks as fit.

    A row that fits into no request comes alone, as a chunk that does not fit.
    """
    fields: list[memoryview | bytes] = [memoryview(items[place])[1:] for place in places]
    lengths = list(map(len, fields))
    if min(lengths, default=_SHORT) < _SHORT:
        # The label once more, so that no comma is the last.
        fields = [prefix[1:-1] + b"}" if _NO_FIELDS.match(of_one) else of_one for of_one in fields]
        lengths = list(map(len, fields))
    # Where each row, and the comma behind it, ends in a body of all rows.
    ends = list(accumulate(map(add, lengths, repeat(len(prefix) + 1)), initial=1))
    start = 0
    while start < len(fields):
        stop = max(start + 1, bisect_right(ends, ends[start] + MAX_CHUNK_BYTES - 1, start) - 1)
        yield Chunk.of(prefix, fields[start:stop], places[start:stop])
        start = stop
