"""Where everything goes that the worker logs or prints: a file of JSON lines, and the recent warnings in memory."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

_WARNINGS_KEPT = 1000
_PRINTED_LINES_KEPT = 50
_PRINTED_CHUNK_BYTES = 65536
_ALARMING = frozenset({"WARNING", "ERROR", "CRITICAL"})


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record. ``logger`` is ``stdout`` for what was printed and ``host`` for what the host itself says."""

    time: str
    level: str
    logger: str
    message: str


class WorkerLog:
    """Writes records to a file, if there is one, and keeps those at WARNING and above.

    :ivar warnings: the most recent of them, oldest first.
    """

    def __init__(self, path: Path | None) -> None:
        self.warnings: deque[LogRecord] = deque(maxlen=_WARNINGS_KEPT)
        self._printed: deque[str] = deque(maxlen=_PRINTED_LINES_KEPT)
        self._path = path
        self._file: IO[str] | None = None

    def open(self) -> None:
        """Open the file for appending."""
        if self._path is not None and self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a", encoding="utf-8", buffering=1)

    def close(self) -> None:
        """Close the file; records that come later are only kept in memory."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def write(self, level: str, logger: str, message: str) -> None:
        """Take one record."""
        record = LogRecord(datetime.now(UTC).isoformat(timespec="milliseconds"), level, logger, message)
        if level in _ALARMING:
            self.warnings.append(record)
        if self._file is not None:
            fields = {"time": record.time, "level": level, "logger": logger, "message": message}
            self._file.write(json.dumps(fields, ensure_ascii=False) + "\n")

    def printed(self, line: str) -> None:
        """Take one line that the worker printed to standard output or standard error."""
        self._printed.append(line)
        self.write("INFO", "stdout", line)

    @property
    def last_words(self) -> str:
        """The last lines that the worker printed: the traceback, if it crashed."""
        return "\n".join(self._printed)


async def read_lines(stream: asyncio.StreamReader | None, take: Callable[[str], None]) -> None:
    """Hand on each line that the worker prints, to the stream's end."""
    # Not readline(): it fails on lines longer than its buffer, and what is printed is not ours to limit.
    rest = b""
    while stream is not None and (chunk := await stream.read(_PRINTED_CHUNK_BYTES)):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            take(line.decode(errors="replace"))
    if rest:
        take(rest.decode(errors="replace"))
