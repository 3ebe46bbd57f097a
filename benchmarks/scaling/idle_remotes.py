"""Both remotes for many accounts that have nothing new, over TLS on one port, in a process of their own.

    python -m benchmarks.scaling.idle_remotes <folder for the certificate> <accounts>

On standard output it says where it listens and the accounts' tokens. Each line on standard input closes all
connections, as the minutes between two polls do, and is answered with what was asked since the line before.
"""

import json
import os
import socket
import sys
import threading
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt

from benchmarks.servers import BUNDLE
from local.onepassword import EVENT_TYPES
from local.onepassword.tokens import TokenIssuer
from local.tls import Certificates

# It never moves, so that every poll after the first finds nothing new.
CURSOR = "nothing-is-behind-this-cursor"


class IdleRemotes(ThreadingHTTPServer):
    """1Password without news, and Logs Ingestion that takes everything."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, certificates: Certificates) -> None:
        super().__init__(("127.0.0.1", 0), IdleRemote)
        self._context = certificates.server_context()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection, in its own thread, until it ends."""
        try:
            secured = self._context.wrap_socket(request, server_side=True)
        except OSError:
            return  # the client went away
        with self._lock:
            self._seen["connections"] += 1
            self._open.add(secured)
        try:
            super().finish_request(secured, client_address)
        except OSError:
            pass  # it was closed from either end
        finally:
            with self._lock:
                self._open.discard(secured)
            secured.close()

    def count(self, what: str) -> None:
        """Count a request."""
        with self._lock:
            self._seen[what] += 1

    def begin(self) -> dict[str, int]:
        """Close all connections; return what was seen, and forget it."""
        with self._lock:
            seen, self._seen = self._seen, Counter()
            for connection in self._open:
                with suppress(OSError):  # the other end was quicker
                    connection.shutdown(socket.SHUT_RDWR)
        return dict(seen)


class IdleRemote(BaseHTTPRequestHandler):
    """One connection; which account asks is what its token says."""

    protocol_version = "HTTP/1.1"
    # One write for an answer's head and body: to be woken up twice is no cost of the client's.
    wbufsize = -1
    server: IdleRemotes

    def do_GET(self) -> None:
        """Answer an introspection."""
        claims = jwt.decode(self.headers["Authorization"].split()[1], options={"verify_signature": False})
        uuid = claims["sub"]
        self._answer({"uuid": uuid, "account_uuid": uuid, "issued_at": "2026-01-01T00:00:00Z", "features": EVENT_TYPES})

    def do_POST(self) -> None:
        """Answer a request for a page, or take rows."""
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/dataCollectionRules/"):
            self._answer(None)
        else:
            self._answer({"cursor": CURSOR, "has_more": False, "items": []})

    def _answer(self, body: dict[str, Any] | None) -> None:
        self.server.count(self.path.partition("?")[0].rpartition("/")[2])
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(HTTPStatus.NO_CONTENT if body is None else HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


def main(folder: Path, accounts: int) -> None:
    """Listen, say where, and do as told until standard input ends."""
    certificates = Certificates()
    certificates.write_bundle(folder / BUNDLE)
    remotes = IdleRemotes(certificates)
    threading.Thread(target=remotes.serve_forever, daemon=True).start()
    host = f"localhost:{remotes.server_port}"
    now = datetime.now(UTC)
    tokens = [TokenIssuer(f"{number:026}").issue(host, EVENT_TYPES, now, None) for number in range(accounts)]
    _say({"url": f"https://{host}", "tokens": tokens})
    for _ in sys.stdin:
        _say(remotes.begin())


def _say(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.flush()
    os._exit(0)
