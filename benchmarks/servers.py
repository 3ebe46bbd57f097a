"""Both remotes in one process, fast enough that whoever is measured is never kept waiting.

    python -m benchmarks.servers <folder for the certificate>

The pages are made beforehand, a thread serves each connection, and what is uploaded is kept and looked at only when the
measurement is over. On standard output it says where it listens; on standard input it is told how many pages each
event type has from now on, and answers with what was asked and delivered since then. One JSON object a line.
"""

import gzip
import json
import os
import socket
import ssl
import sys
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import msgspec

from benchmarks.pages import item_lists
from local.onepassword import EVENT_TYPES
from local.onepassword.tokens import TokenIssuer
from local.tls import Certificates

ACCOUNT: Final = "BENCHBENCHBENCHBENCHBENCHB"
ISSUED_AT: Final = "2026-01-01T00:00:00Z"
BUNDLE: Final = "trusted.pem"


class Stream(Protocol):
    """What comes in on a connection."""

    def read(self, size: int, /) -> bytes:
        """Read so many bytes."""

    def readline(self) -> bytes:
        """Read up to the end of a line; nothing when the connection has ended."""


type Answer = tuple[HTTPStatus, list[bytes]]


class Remotes:
    """What the two remotes answer, and what they have seen."""

    def __init__(self) -> None:
        self._items = item_lists()
        self._lock = threading.Lock()
        self.begin(0)

    def begin(self, pages: int) -> None:
        """Have so many pages of each event type from now on, and forget what was seen."""
        self.pages = pages
        self.requests: Counter[str] = Counter()
        self.uploads: list[bytes] = []
        self.heads = 0

    def seen(self) -> dict[str, Any]:
        """Say what was asked and delivered: the events are counted in what arrived."""
        events = 0
        for body in self.uploads:
            plain = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
            rows = msgspec.json.decode(plain, type=list[msgspec.Raw])
            events += sum(b'"healthevents"' not in bytes(row) for row in rows)
        sent = self.heads + sum(map(len, self.uploads))
        return {"requests": dict(self.requests), "upload_bytes": sent, "events": events}

    def answer(self, method: str, target: str, body: bytes, head_bytes: int) -> Answer:
        """Answer a request to either remote; `head_bytes`: what came before its body."""
        path = urlsplit(target).path
        name = path.rpartition("/")[2]
        with self._lock:
            if path.startswith("/dataCollectionRules/"):
                # Rows of the health table are no events of 1Password.
                if name.endswith("Health"):
                    self.requests["health"] += 1
                else:
                    self.requests["upload"] += 1
                    self.uploads.append(body)
                    self.heads += head_bytes
                return HTTPStatus.NO_CONTENT, []
            self.requests[name] += 1
        if name == "introspect":
            found = {
                "uuid": ACCOUNT,
                "account_uuid": ACCOUNT,
                "issued_at": "2026-01-01T00:00:00Z",
                "features": EVENT_TYPES,
            }
            return HTTPStatus.OK, [json.dumps(found).encode()]
        if method == "POST" and name in self._items:
            return HTTPStatus.OK, self._page(name, body)
        return HTTPStatus.NOT_FOUND, [b"{}"]

    def _page(self, event_type: str, body: bytes) -> list[bytes]:
        place = int(json.loads(body).get("cursor", 0))
        items = self._items[event_type]
        found = items[place % len(items)] if place < self.pages else b"[]"
        behind = min(place + 1, self.pages)
        more = "true" if behind < self.pages else "false"
        return [f'{{"cursor":"{behind}","has_more":{more},"items":'.encode(), found, b"}"]


def serve(connection: socket.socket, answer: Callable[[str, str, bytes, int], Answer]) -> None:
    """Answer the requests of one connection until it ends."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, connection.makefile("rb", 1 << 18) as stream:
        while line := stream.readline():
            method, target, _ = line.decode("latin-1").split(" ", 2)
            head_bytes, headers = _headers(stream)
            length = int(headers.get("content-length", 0))
            body = stream.read(length)
            status, parts = answer(method, target, body, len(line) + head_bytes)
            size = sum(map(len, parts))
            head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Length: {size}\r\n"
            # In one record if it is small: to be woken up twice is no cost of the client's.
            first = f"{head}Content-Type: application/json\r\n\r\n".encode() + b"".join(parts[:1])
            connection.sendall(first)
            for part in parts[1:]:
                connection.sendall(part)


def _headers(stream: Stream) -> tuple[int, dict[str, str]]:
    """Read the headers; tell how many bytes they were, too."""
    size, headers = 0, {}
    for line in iter(stream.readline, b""):
        size += len(line)
        if not line.strip():
            break
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return size, headers


def listen(context: ssl.SSLContext, remotes: Remotes) -> int:
    """Serve in threads that end with the process; return the port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def handle(connection: socket.socket) -> None:
        try:
            serve(context.wrap_socket(connection, server_side=True), remotes.answer)
        except OSError:
            connection.close()  # the client went away

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return int(listener.getsockname()[1])


def main(folder: Path) -> None:
    """Listen, say where, and do as told until standard input ends."""
    remotes, certificates = Remotes(), Certificates()
    certificates.write_bundle(folder / BUNDLE)
    port = listen(certificates.server_context(), remotes)
    token = TokenIssuer(ACCOUNT).issue(f"localhost:{port}", EVENT_TYPES, datetime.now(UTC), None)
    _say({"url": f"https://localhost:{port}", "token": token})
    for line in sys.stdin:
        seen = remotes.seen()
        remotes.begin(json.loads(line)["pages"])
        _say(seen)


def _say(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    sys.stdout.flush()
    os._exit(0)
