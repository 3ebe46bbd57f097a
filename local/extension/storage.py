"""The storage account of the task hub: Azurite with blobs, queues and tables, over HTTP and in memory."""

import base64
import contextlib
import os
import secrets
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from local.azurite import LIFELINE, STARTS, TAKEN, AzuriteError, node
from local.patience import within

if TYPE_CHECKING:
    from azure.data.tables import TableClient

_PROGRAM: Final = Path(__file__).resolve().parents[2] / "node_modules/azurite/dist/src/azurite.js"
_HOST: Final = "127.0.0.1"
_ACCOUNT: Final = "taskhublocal"
_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 10
_LAST_WORDS_BYTES: Final = 2_000


class HubStorage:
    """A storage account with three services; several task hubs may share it.

    Attributes:
        ports: where each service listens; 0 before the start.

    """

    def __init__(self, folder: Path) -> None:
        """`folder` takes what Azurite prints."""
        self._folder = folder
        self._key = base64.b64encode(secrets.token_bytes(64)).decode()
        self._process: subprocess.Popen[bytes] | None = None
        self.ports = {"blob": 0, "queue": 0, "table": 0}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def connection_string(self, table_port: int | None = None) -> str:
        """What grants everything with the account's key; `table_port` is a proxy's that stands before the tables."""
        ports = {**self.ports, "table": table_port or self.ports["table"]}
        endpoints = "".join(
            f"{service.title()}Endpoint=http://{_HOST}:{port}/{_ACCOUNT};" for service, port in ports.items()
        )
        return f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey={self._key};{endpoints}"

    def start(self) -> None:
        """Start it on free ports of 127.0.0.1 and wait until all three services listen.

        Raises:
            AzuriteError: it or Node is not installed, or it ended or did not listen.

        """
        require_installed()
        self._folder.mkdir(parents=True, exist_ok=True)
        for left in reversed(range(STARTS)):
            self.ports = _free_ports("blob", "queue", "table")
            self._spawn()
            try:
                self._listens()
            except AzuriteError as error:
                self.stop()
                if TAKEN not in str(error) or not left:
                    raise
            except BaseException:
                self.stop()
                raise
            else:
                return

    def _spawn(self) -> None:
        options = [text for service, port in self.ports.items() for text in (f"--{service}Port", str(port))]
        flags = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
        with self._log.open("wb") as printed:
            self._process = subprocess.Popen(
                [node(), "--import", LIFELINE, str(_PROGRAM), *options, *flags],
                env={"AZURITE_ACCOUNTS": f"{_ACCOUNT}:{self._key}"},
                stdin=subprocess.PIPE,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> None:
        """End it, with all that it holds. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        process.terminate()
        try:
            process.wait(within(_STOP_SECONDS))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def check(self) -> None:
        """Raise AzuriteError if it has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            raise AzuriteError(
                f"Azurite, which stores the task hub, ended with code {self._process.returncode}. Its log: {self._log}"
            )

    def table(self, name: str) -> "TableClient":
        """Open a table, to look at and to change what the engine stored."""
        from azure.data.tables import TableClient  # noqa: PLC0415  # few commands look into tables

        return TableClient.from_connection_string(self.connection_string(), name)

    def _listens(self) -> None:
        limit = within(_START_SECONDS)
        give_up_at = time.monotonic() + limit
        waiting = list(self.ports.values())
        while waiting:
            if self._process is None or self._process.poll() is not None:
                raise AzuriteError(f"Azurite ended while it started:\n{self._last_words()}")
            if time.monotonic() > give_up_at:
                raise AzuriteError(f"Azurite did not listen within {limit:.0f} s:\n{self._last_words()}")
            try:
                socket.create_connection((_HOST, waiting[0]), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                waiting.pop(0)

    @property
    def _log(self) -> Path:
        return self._folder / "azurite.log"

    def _last_words(self) -> str:
        return self._log.read_bytes()[-_LAST_WORDS_BYTES:].decode(errors="replace").strip()


def require_installed() -> None:
    """Raise AzuriteError if Azurite is not installed."""
    if not _PROGRAM.exists():
        raise AzuriteError("Azurite is not installed: run `make azurite`.")


def _free_ports(*services: str) -> dict[str, int]:
    """Find a free port for each service; all are held until the last one is found."""
    with contextlib.ExitStack() as held:
        found = {}
        for service in services:
            place = held.enter_context(socket.socket())
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, os.name == "posix")
            place.bind((_HOST, 0))
            found[service] = place.getsockname()[1]
        return found
