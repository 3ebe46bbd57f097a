"""The way of a page's events into the table: as chunks, in order, each row once, and none of them skipped in silence.

A row can be at fault itself. Azure refuses a chunk as a whole and names no row, so the chunk is halved until the row
stands alone; it goes to dead letters, and so does one that fits into no request. A row with a field that Azure would
cut, which it does without a word, is delivered and kept as a dead letter too.

When Azure refuses one row after the other, it is not the rows: the rule is wrong, and an operator has to mend it. So a
row counts as refused on its own only if another one of this transfer is accepted, and no more than a few in a row are
taken for it. It is kept first all the same, as suspected: if the storage fails, nothing behind the row may have been
uploaded, or it would be uploaded again. Only when it is decided is it called refused.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec

from onepassword_sentinel.chunks import MAX_CHUNK_BYTES, Chunk, pack, row_prefix
from onepassword_sentinel.dead_letters import DeadLetter, DeadLetters, Reason
from onepassword_sentinel.errors import ConnectorError, PermanentError, RowsRefusedError
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.page import Page
from onepassword_sentinel.recent_events import RecentEvents
from onepassword_sentinel.tally import Tally
from onepassword_sentinel.time_limits import NO_CUT_OFF, CutOff

# What is longer is cut without a word (Azure Monitor service limits, custom logs: size of field values).
MAX_FIELD_BYTES: Final = 65_536
# So many rows refused one after the other are no longer taken for the rows' own fault.
MOST_REFUSED_IN_A_ROW: Final = 20

_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class RowSink(Protocol):
    """Where chunks go to."""

    async def upload(self, stream: str, body: bytes) -> None:
        """Deliver a gzip-compressed JSON array; returning means that it is acknowledged."""


@dataclass(slots=True)
class Delivery:
    """One transfer's deliveries: to `stream` of the rule, or to dead letters under the cursor's `key`.

    Nothing begins after the `cut_off`. What has begun is waited for: an upload that is torn may have been stored.
    """

    sink: RowSink
    dead_letters: DeadLetters
    stream: str
    event_type: EventType
    key: str
    label: str
    backfill_id: str = ""
    cut_off: CutOff = NO_CUT_OFF
    utc_now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _recent: RecentEvents = field(default_factory=RecentEvents)
    _accepts: bool = False
    _refused_in_a_row: int = 0
    _suspects: list[DeadLetter] = field(default_factory=list)
    _refused: list[DeadLetter] = field(default_factory=list)
    _cut: set[int] = field(default_factory=set)

    def remember(self, uuids: Iterable[str]) -> None:
        """Take note of events that were delivered before: what is met again is left out."""
        self._recent.add(uuids)

    async def deliver(self, page: Page, start: int, tally: Tally) -> AsyncIterator[int]:
        """Deliver the events of a page from `start` on; yield again and again how many of the page's are dealt with.

        Raises:
            PermanentError: one row after the other is refused, or an operator must act for another reason.
            TransientError, ThrottledError: as the sink and the dead letters do.
            CutOffError: more is left to deliver.

        """
        prefix = row_prefix(self.event_type, self.backfill_id)
        places = self._recent.places_of_new(page.uuids, start)
        tally.repeated += len(page.items) - start - len(places)
        try:
            for chunk in pack(page.items, prefix, places):
                await self._keep_cut_rows(page, chunk)
                async for done in self._upload(page, chunk, tally):
                    yield done
            self._decide_at_the_end(tally)
        finally:
            with suppress(TimeoutError):
                async with self.cut_off.tidying():
                    await self._discard_suspects()
                    await self._call_refused()

    async def _upload(self, page: Page, chunk: Chunk, tally: Tally) -> AsyncIterator[int]:
        waiting = [chunk]
        while waiting:
            part = waiting.pop()
            if not part.fits:
                detail = f"a row of {part.size:,} bytes; Azure takes {MAX_CHUNK_BYTES:,} in a request"
                await self._keep(self._letter(page, part.places[0], "too_large", 0, detail))
                tally.dead_letters += 1
            else:
                self.cut_off.check()
                try:
                    await self.sink.upload(self.stream, part.compressed())
                except RowsRefusedError as refusal:
                    if len(part.places) > 1:
                        waiting.extend(reversed(part.halves()))
                    else:
                        await self._suspect(page, part.places[0], refusal)
                    continue
                self._accepts, self._refused_in_a_row = True, 0
                tally.dead_letters += sum(place in part.places for place in self._cut)
                self._condemn_suspects(tally)
                tally.chunks += 1
                tally.bytes += part.size
                tally.events += len(part.places)
            if not self._suspects:
                yield part.end

    async def _suspect(self, page: Page, place: int, refusal: RowsRefusedError) -> None:
        letter = self._letter(page, place, "suspected", refusal.status, str(refusal))
        await self._keep(letter)
        self._suspects.append(letter)
        self._refused_in_a_row += 1
        if self._refused_in_a_row > MOST_REFUSED_IN_A_ROW:
            raise self._not_the_rows()

    def _decide_at_the_end(self, tally: Tally) -> None:
        """Take the rows that were refused last for what they are, if this transfer has seen one accepted."""
        if self._suspects and not self._accepts:
            raise self._not_the_rows()
        self._condemn_suspects(tally)

    def _not_the_rows(self) -> PermanentError:
        refused, detail = self._refused_in_a_row, self._suspects[-1].detail
        if refused > MOST_REFUSED_IN_A_ROW:
            return PermanentError(f"Azure refused {refused} rows one after the other, each on its own: {detail}")
        rows = "the only row there is" if refused == 1 else f"each of the {refused} rows there are"
        return PermanentError(
            f"Azure refused {rows}, so that it may not be the row's fault: {detail} (as soon as another event of this "
            "stream is accepted, what is refused beside it becomes a dead letter and the stream goes on)",
        )

    def _condemn_suspects(self, tally: Tally) -> None:
        """Decide that the rows are at fault themselves; they are passed from now on."""
        tally.dead_letters += len(self._suspects)
        self._refused += self._suspects
        self._suspects.clear()

    async def _call_refused(self) -> None:
        """Change the reason of letters whose rows are rejected for sure.

        The letters are kept already, so a storage that fails loses nothing: the next page tries again.
        """
        for letter in tuple(self._refused):
            with suppress(ConnectorError):
                await self.dead_letters.keep(replace(letter, reason="refused"))
                self._refused.remove(letter)

    async def _discard_suspects(self) -> None:
        """Take back what was kept of rows that will be tried again; what stays behind is still called suspected."""
        with suppress(ConnectorError):
            while self._suspects:
                await self.dead_letters.discard(self._suspects.pop())

    async def _keep(self, letter: DeadLetter) -> None:
        self.cut_off.check()
        await self.dead_letters.keep(letter)

    async def _keep_cut_rows(self, page: Page, chunk: Chunk) -> None:
        """Keep them before the upload: should the storage fail after it, the rows would have to be uploaded again."""
        self._cut.clear()
        if not chunk.fits or chunk.longest <= MAX_FIELD_BYTES:
            return
        for place, row in zip(chunk.places, chunk.fields, strict=True):
            if len(row) > MAX_FIELD_BYTES and (fields := _fields_to_be_cut(page.items[place])):
                detail = f"Azure cuts fields at {MAX_FIELD_BYTES:,} bytes: {', '.join(fields)}"
                await self._keep(self._letter(page, place, "cut", 0, detail))
                self._cut.add(place)

    def _letter(self, page: Page, place: int, reason: Reason, status: int, detail: str) -> DeadLetter:
        return DeadLetter(
            key=self.key,
            stream=self.label,
            event_type=self.event_type,
            backfill_id=self.backfill_id,
            event=bytes(page.items[place]),
            uuid=page.uuid(place),
            reason=reason,
            status=status,
            detail=detail,
            time=self.utc_now(),
        )


def long_fields(event: msgspec.Raw) -> list[str]:
    """Name the fields of an event that are longer than Azure keeps."""
    return [name for name, value in _FIELDS.decode(event).items() if _kept_size(value) > MAX_FIELD_BYTES]


def _fields_to_be_cut(event: msgspec.Raw) -> list[str]:
    try:
        return long_fields(event)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []  # not a text that Azure takes, either


def _kept_size(value: msgspec.Raw) -> int:
    """Bytes of a value in its column: a text without quotes and escapes, all else as its JSON."""
    raw = bytes(value)
    if len(raw) > MAX_FIELD_BYTES and raw.startswith(b'"'):
        return len(msgspec.json.decode(raw, type=str).encode(errors="surrogatepass"))
    return len(raw)
