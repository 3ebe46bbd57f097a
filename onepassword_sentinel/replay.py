"""Deliver dead letters again: those that Azure refused, one by one, each taken out as soon as it is acknowledged.

One row a request, and its dead letter deleted before the next one goes: should the process die in between, one row is
repeated and no more. If the deletion fails, the name is carried along, and nothing else is done before it is deleted.

A row that is only suspected (`delivery`) is left alone: its stream may still deliver it, or has.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from onepassword_sentinel.chunks import MAX_CHUNK_BYTES, Chunk, pack, row_prefix
from onepassword_sentinel.delivery import MAX_FIELD_BYTES, RowSink, long_fields
from onepassword_sentinel.errors import ConnectorError, Failure, RowsRefusedError
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.kept_letters import KeptLetter, KeptLetters
from onepassword_sentinel.replay_run import Place, ReplayBatch, ReplayCounts
from onepassword_sentinel.time_limits import NO_CUT_OFF, CutOff, CutOffError


@dataclass(frozen=True, slots=True)
class Replay:
    """Dead letters on their way to `stream` of the rule.

    Attributes:
        letters_per_batch: a batch ends after so many.
        seconds: ... or after so long, which is looked at between two of them.
        cut_off: no upload begins after it, and no letter is waited for.

    """

    letters: KeptLetters
    sink: RowSink
    stream: str
    cut_off: CutOff = NO_CUT_OFF
    letters_per_batch: int = 100
    seconds: float = 30.0
    clock: Callable[[], float] = time.monotonic

    async def run(self, place: Place) -> ReplayBatch:
        """Replay a batch from there on.

        Every `ConnectorError` ends up in the result, beside what was achieved before it. The cut-off is a failure only
        where nothing was achieved.
        """
        batch = ReplayBatch(place)
        try:
            await self._take_out_delivered(batch)
            await self._replay_from(batch, self.clock() + self.seconds)
        except CutOffError as error:
            if batch.place == place:
                batch.failure = Failure.of(error)
        except ConnectorError as error:
            batch.failure = Failure.of(error)
        return batch

    async def _replay_from(self, batch: ReplayBatch, deadline: float) -> None:
        listed = await self.cut_off.read(self.letters.listing(self.letters_per_batch, batch.place.marker))
        for letter in listed.letters:
            if letter.name <= batch.place.after:
                continue
            await self._replay(letter, batch)
            batch.place = replace(batch.place, after=letter.name)
            if self.clock() >= deadline:
                return
        batch.place = Place(listed.marker)
        batch.more = bool(listed.marker)

    async def _replay(self, letter: KeptLetter, batch: ReplayBatch) -> None:
        stays = _stays(letter)
        event = None if stays else await self.cut_off.read(self.letters.read(letter.name))
        if event is not None:
            row = _Row.of(letter, event)
            if row is None:
                stays = ReplayCounts(left=1)
            elif not row.chunk.fits:
                stays = ReplayCounts(too_large=1)
            elif not await self._is_accepted(row):
                stays = ReplayCounts(refused=1)
            else:
                # Noted before anything else can fail.
                batch.place = replace(batch.place, after=letter.name, delivered=letter.name)
                batch.counts = batch.counts.plus(ReplayCounts(uploaded=1))
                await self._take_out(row, batch)
        if stays:
            batch.counts = batch.counts.plus(stays)

    async def _is_accepted(self, row: "_Row") -> bool:
        self.cut_off.check()
        try:
            await self.sink.upload(self.stream, row.chunk.compressed())
        except RowsRefusedError:
            return False
        return True

    async def _take_out_delivered(self, batch: ReplayBatch) -> None:
        """Take out the one that an earlier batch delivered and could not delete."""
        name = batch.place.delivered
        letter = await self.cut_off.read(self.letters.find(name)) if name else None
        event = await self.cut_off.read(self.letters.read(name)) if letter else None
        if letter and event is not None and (row := _Row.of(letter, event)):
            await self._take_out(row, batch)
        batch.place = replace(batch.place, delivered="")

    async def _take_out(self, row: "_Row", batch: ReplayBatch) -> None:
        """Delete it, unless Azure has cut the row: then nothing else has the event's whole fields."""
        name = row.letter.name
        if row.long_fields:
            detail = f"Azure cuts fields at {MAX_FIELD_BYTES:,} bytes: {', '.join(row.long_fields)}"
            await self.letters.relabel(name, row.letter.as_cut(row.event_type, row.event, detail))
        else:
            await self.letters.delete(name)
        batch.place = replace(batch.place, delivered="")


def _stays(letter: KeptLetter) -> ReplayCounts | None:
    """Tell what a letter counts as that need not be read to know that it stays."""
    if letter.known_type is None or letter.reason == "suspected":
        return ReplayCounts(left=1)
    if letter.reason == "cut":
        return ReplayCounts(cut=1)
    if letter.reason == "too_large" or letter.size > MAX_CHUNK_BYTES:
        return ReplayCounts(too_large=1)
    return None


@dataclass(frozen=True, slots=True)
class _Row:
    """A letter's row, as its stream would have delivered it; `long_fields` are those that Azure cuts."""

    letter: KeptLetter
    event_type: EventType
    event: bytes
    chunk: Chunk
    long_fields: list[str]

    @classmethod
    def of(cls, letter: KeptLetter, event: bytes) -> "_Row | None":
        """Make it; None if this is no event, whoever put it there."""
        event_type, event = letter.known_type, event.strip()
        if event_type is None:
            return None
        try:
            fields = long_fields(msgspec.Raw(event))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        (chunk,) = pack([msgspec.Raw(event)], row_prefix(event_type, letter.backfill_id), [0])
        return cls(letter, event_type, event, chunk, fields)
