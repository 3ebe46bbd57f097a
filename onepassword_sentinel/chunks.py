"""Rows packed into request bodies for the Logs Ingestion API."""

import gzip
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from onepassword_sentinel.event_types import EventType

# One call takes 1 MB, compressed and uncompressed alike (Azure Monitor service limits, Logs Ingestion API). Whether
# that is 1,000,000 or 1,048,576 bytes is not said, so the smaller one holds.
MAX_CHUNK_BYTES: Final = 1_000_000
# Level 1 costs a third of level 6 and its bodies are a seventh larger; the limit counts uncompressed bytes anyway.
_GZIP_LEVEL: Final = 1
# What is left of an empty object: no comma may stand before it.
_NO_FIELDS: Final = re.compile(rb"\s*}")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that go to Azure in one request; `places` says where in the page each one's event stands."""

    rows: list[bytes]
    places: list[int]

    @property
    def size(self) -> int:
        """Bytes of the body before compression: the rows, the commas between them and the brackets."""
        return sum(map(len, self.rows)) + len(self.rows) + 1

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
        return gzip.compress(b"[" + b",".join(self.rows) + b"]", _GZIP_LEVEL, mtime=0)

    def halves(self) -> tuple["Chunk", "Chunk"]:
        """Split at the middle row, to find the one that is at fault."""
        middle = len(self.rows) // 2
        return (
            Chunk(self.rows[:middle], self.places[:middle]),
            Chunk(self.rows[middle:], self.places[middle:]),
        )


def row_prefix(event_type: EventType, backfill_id: str) -> bytes:
    """Begin a row: its label from the endpoint that was asked, and the backfill that it belongs to, if any."""
    columns: dict[str, str] = {"log_source": event_type}
    if backfill_id:
        columns["backfill_id"] = backfill_id
    return msgspec.json.encode(columns)[:-1]


def pack(items: Sequence[msgspec.Raw], prefix: bytes, places: Iterable[int]) -> Iterator[Chunk]:
    """Splice `prefix` in front of the items at `places` and pack the rows, in order, into as few chunks as fit.

    A row that fits into no request comes alone, as a chunk that does not fit.
    """
    chunk, size = Chunk([], []), 2  # the brackets
    for place in places:
        fields = memoryview(items[place])[1:]
        row = b"".join((prefix, b"" if _NO_FIELDS.match(fields) else b",", fields))
        if chunk.rows and size + len(row) + 1 > MAX_CHUNK_BYTES:
            yield chunk
            chunk, size = Chunk([], []), 2
        chunk.rows.append(row)
        chunk.places.append(place)
        size += len(row) + (len(chunk.rows) > 1)
    if chunk.rows:
        yield chunk
