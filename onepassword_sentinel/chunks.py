"""Rows packed into request bodies for the Logs Ingestion API."""

import gzip
import re
from collections.abc import Iterator, Sequence
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
    """A JSON array of rows, not yet compressed; `end` counts the page's rows up to and including its last."""

    body: bytes
    end: int

    def compressed(self) -> bytes:
        """The body as it goes over the wire; the same rows give the same bytes."""
        return gzip.compress(self.body, _GZIP_LEVEL, mtime=0)


class OversizedRowError(ValueError):
    """The row at `index` alone does not fit into a request; `size` is in bytes."""

    def __init__(self, index: int, size: int) -> None:
        super().__init__(f"row {index} has {size} bytes")
        self.index = index
        self.size = size


def row_prefix(event_type: EventType, backfill_id: str) -> bytes:
    """Begin a row: its label from the endpoint that was asked, and the backfill that it belongs to, if any."""
    columns: dict[str, str] = {"log_source": event_type}
    if backfill_id:
        columns["backfill_id"] = backfill_id
    return msgspec.json.encode(columns)[:-1]


def pack(items: Sequence[msgspec.Raw], prefix: bytes, *, start: int = 0) -> Iterator[Chunk]:
    """Splice `prefix` in front of each item from `start` on and pack the rows, in order, into as few chunks as fit.

    Raises:
        OversizedRowError: when it comes to a row that fits into no chunk; those before it have been yielded.

    """
    rows: list[bytes] = []
    size = 2  # the brackets
    for index in range(start, len(items)):
        fields = memoryview(items[index])[1:]
        row = b"".join((prefix, b"" if _NO_FIELDS.match(fields) else b",", fields))
        if len(row) + 2 > MAX_CHUNK_BYTES:
            if rows:
                yield Chunk(b"[" + b",".join(rows) + b"]", index)
            raise OversizedRowError(index, len(row))
        if rows and size + len(row) + 1 > MAX_CHUNK_BYTES:
            yield Chunk(b"[" + b",".join(rows) + b"]", index)
            rows, size = [], 2
        rows.append(row)
        size += len(row) + 1
    if rows:
        yield Chunk(b"[" + b",".join(rows) + b"]", len(items))
