"""Remotes that a test scripts: pages by cursor, a sink that fails where told, dead letters in a dict."""

import asyncio
import gzip
import json
from datetime import timedelta
from typing import Any

from onepassword_sentinel.dead_letters import DeadLetter
from onepassword_sentinel.delivery import Delivery
from onepassword_sentinel.errors import ConnectorError, RowsRefusedError
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.kept_letters import KeptLetter, Listing
from onepassword_sentinel.page import Page
from onepassword_sentinel.position import Position
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.time_limits import NO_CUT_OFF, CutOff
from onepassword_sentinel.transfer import Drain, Transfer
from tests.core.conftest import NOW

START = Position(start_time="2026-11-15T00:00:00Z")
OLD = NOW - timedelta(days=1)


def event(index: int, size: int = 0) -> dict[str, Any]:
    return {"uuid": f"U{index}", "timestamp": f"2026-11-20T00:00:{index % 60:02}Z", "aux_info": "x" * size}


class Source:
    """Pages by cursor: the n-th page is behind cursor `n`; the last repeats its cursor."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.pages = list(pages)
        self.asked: list[str | None] = []
        self.failing: dict[str | None, ConnectorError] = {}

    async def fetch_page(self, event_type: EventType, position: Position) -> Page:
        assert event_type is EventType.AUDIT_EVENTS
        self.asked.append(position.cursor)
        await asyncio.sleep(0)
        if error := self.failing.pop(position.cursor, None):
            raise error
        index = int(position.cursor or 0)
        items = self.pages[index] if index < len(self.pages) else []
        behind = min(index + 1, len(self.pages))
        body = {"cursor": str(behind), "has_more": behind < len(self.pages), "items": items}
        return Page.parse(json.dumps(body).encode())


class Sink:
    """Keeps what it acknowledges; fails at the n-th upload where told, and refuses rows for ever."""

    def __init__(self, *refused: str) -> None:
        self.rows: list[dict[str, Any]] = []
        self.uploads = 0
        self.failing: dict[int, ConnectorError] = {}
        self.refused = set(refused)

    async def upload(self, stream: str, body: bytes) -> None:
        assert stream == "Custom-Events"
        self.uploads += 1
        await asyncio.sleep(0)
        if error := self.failing.get(self.uploads):
            raise error
        rows = json.loads(gzip.decompress(body))
        if any(row.get("uuid") in self.refused for row in rows):
            raise RowsRefusedError("Logs Ingestion answered 400", status=400)
        self.rows += rows

    @property
    def uuids(self) -> list[str]:
        return [row["uuid"] for row in self.rows]


class Letters:
    """Dead letters by blob name; fails at the n-th request where told."""

    def __init__(self) -> None:
        self.kept: dict[str, DeadLetter] = {}
        self.requests = 0
        self.failing: dict[int, ConnectorError] = {}

    async def keep(self, letter: DeadLetter) -> None:
        self._count()
        self.kept[letter.name] = letter

    async def discard(self, letter: DeadLetter) -> None:
        self._count()
        self.kept.pop(letter.name, None)

    def _count(self) -> None:
        self.requests += 1
        if error := self.failing.get(self.requests):
            raise error

    @property
    def uuids(self) -> list[str]:
        return sorted(letter.uuid for letter in self.kept.values())

    @property
    def reasons(self) -> dict[str, str]:
        return {letter.uuid: letter.reason for letter in self.kept.values()}


def drain(
    source: Source, sink: Sink, letters: Letters | None = None, cut_off: CutOff = NO_CUT_OFF, **options: Any
) -> Drain:
    delivery = Delivery(
        sink=sink,
        dead_letters=letters or Letters(),
        stream="Custom-Events",
        event_type=EventType.AUDIT_EVENTS,
        key="ACC-auditevents",
        label="auditevents",
        cut_off=cut_off,
        utc_now=lambda: NOW,
    )
    options.setdefault("commit", _accepts)
    return Drain(source, delivery, utc_now=lambda: NOW, **options)


async def _accepts(_: Transfer, *, last: bool) -> bool:
    return not last


async def run(
    source: Source, sink: Sink, position: Position = START, letters: Letters | None = None, **options: Any
) -> Transfer:
    return await drain(source, sink, letters, **options).run(StreamState(position=position))


def letter(index: int, **fields: Any) -> DeadLetter:
    given = {
        "key": "ACC-auditevents",
        "stream": "auditevents",
        "event_type": EventType.AUDIT_EVENTS,
        "backfill_id": "",
        "event": json.dumps(event(index)).encode(),
        "uuid": f"U{index}",
        "reason": "refused",
        "status": 400,
        "detail": "Logs Ingestion answered 400",
        "time": OLD,
    }
    return DeadLetter(**(given | fields))


class Shelf:
    """Dead letters as a storage has them: by name; fails at the n-th request where told."""

    def __init__(self, *letters: DeadLetter) -> None:
        self.events = {letter.name: letter.event for letter in letters}
        self.metadata: dict[str, dict[str, str]] = {letter.name: letter.metadata for letter in letters}
        self.done: list[str] = []
        self.failing: dict[int, ConnectorError] = {}
        self.requests = 0
        self.vanishing: set[str] = set()

    async def listing(self, limit: int, marker: str = "") -> Listing:
        self._count("list")
        names = sorted(name for name in self.events if name >= marker)
        letters = tuple(self._kept(name) for name in names[:limit])
        return Listing(letters, names[limit] if len(names) > limit else "")

    async def find(self, name: str) -> KeptLetter | None:
        self._count("find")
        return self._kept(name) if name in self.events else None

    async def read(self, name: str) -> bytes | None:
        self._count("read")
        return None if name in self.vanishing else self.events.get(name)

    async def relabel(self, name: str, letter: DeadLetter) -> None:
        self._count("relabel")
        if name in self.metadata:
            self.metadata[name] = letter.metadata

    async def delete(self, name: str) -> None:
        self._count("delete")
        self.events.pop(name, None)
        self.metadata.pop(name, None)

    def _kept(self, name: str) -> KeptLetter:
        return KeptLetter.read(name, self.metadata[name], size=len(self.events[name]), written=OLD)

    def _count(self, what: str) -> None:
        self.requests += 1
        self.done.append(what)
        if error := self.failing.get(self.requests):
            raise error

    @property
    def uuids(self) -> list[str]:
        return sorted(json.loads(event)["uuid"] for event in self.events.values())

    @property
    def reasons(self) -> dict[str, str]:
        return {about["uuid"]: about["reason"] for about in self.metadata.values()}
