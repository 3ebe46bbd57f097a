"""The process that has the extension in it."""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from local.host import HostError
from local.patience import until, within

_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 30
# What it logs once its own stop has begun.
_STOPS: Final = b"Stopping JobHost"
_LAST_WORDS_BYTES: Final = 3_000
# The program looks for a free port before it listens; another program may have taken it meanwhile.
_STARTS: Final = 3
_TAKEN: Final = "address already in use"
_INHERITED: Final = ("PATH", "HOME", "TMPDIR", "LANG")
_ADVICE: Final = "Check that DURABLE_HOST names durable-host, or build it again with `make durable-host`."
# Ends the process with its parent, however that ends: a graceful stop waits for a worker that is gone. Code of our own
# between fork and exec would do so too, but a fork disturbs gRPC's threads.
_SETPRIV: Final = ("setpriv", "--pdeathsig", "KILL", "--")


class ExtensionProcess:
    """One process of the extension: one instance of the function app's host.

    Attributes:
        client_binding: what a durable client binding hands to a worker.
        management_url: the HTTP API that Durable Functions Monitor and curl call, with its key in the query.

    """

    client_binding: str
    management_url: str

    def __init__(self, program: Path, folder: Path, connection_string: str) -> None:
        """`folder` takes its two files and its log."""
        self._program = program
        self._folder = folder
        self._connection_string = connection_string
        self._process: asyncio.subprocess.Process | None = None
        self._log_start = 0

    async def start(self, host_json: Mapping[str, Any], functions: list[dict[str, Any]], bridge: str) -> None:
        """Start it, and wait until it is ready.

        Raises:
            HostError: it ended or was not ready in time; the message has the end of its log.

        """
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "host.json").write_text(json.dumps(host_json), encoding="utf-8")
        (self._folder / "functions.json").write_text(json.dumps(functions), encoding="utf-8")
        for left in reversed(range(_STARTS)):
            try:
                await self._start(bridge)
            except HostError as error:
                if _TAKEN not in str(error) or not left:
                    raise
                await self.stop()
            else:
                return

    async def _start(self, bridge: str) -> None:
        files = {"--host-json": "host.json", "--functions": "functions.json"}
        with self._log.open("ab") as log:
            self._log_start = log.tell()
            self._process = await self._spawn(
                *(_SETPRIV if shutil.which(_SETPRIV[0]) else ()),
                str(self._program),
                *(text for option, name in files.items() for text in (option, str(self._folder / name))),
                *("--bridge", bridge),
                log=log,
            )
        assert self._process.stdout is not None
        limit = within(_START_SECONDS)
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), limit)
        except TimeoutError as error:
            raise HostError(self._failure(f"was not ready within {limit:.0f} s")) from error
        if not line:
            raise HostError(self._failure("ended while it started"))
        try:
            ready = json.loads(line)
            self.client_binding, self.management_url = ready["client"], ready["management"]
        except (ValueError, KeyError, TypeError) as error:
            raise HostError(self._failure("printed something else than its ready line")) from error

    async def stop(self) -> None:
        """End it at once: its task hub is used no more. Idempotent."""
        self.kill()
        process, self._process = self._process, None
        if process is not None:
            await process.wait()

    def kill(self) -> None:
        """Kill it at once, as when an instance is lost."""
        if self._process is not None and self._runs:
            self._process.kill()

    async def begin_to_stop(self) -> None:
        """Send SIGTERM and wait until the extension knows of it: from then on it aborts what fails.

        Raises:
            TimeoutError: it did not react.

        """
        if self._process is not None and self._runs:
            self._process.terminate()
            await until(lambda: _STOPS in self._printed() or not self._runs, _STOP_SECONDS)

    async def ends_within(self, seconds: float) -> bool:
        """Wait for its end; False if it still runs after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                if self._process is not None:
                    await self._process.wait()
        return not self._runs

    @property
    def _runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def check(self) -> None:
        """Raise HostError if it has ended."""
        if self._process is not None and self._process.returncode is not None:
            raise HostError(self._failure("ended"))

    async def _spawn(self, *command: str, log: BinaryIO) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *command,
                env=self._environment(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        except OSError as error:
            raise HostError(f"{self._program} cannot be run ({error.strerror}). {_ADVICE}") from error

    def _environment(self) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "AzureWebJobsStorage": self._connection_string,
            # The name belongs to the hub, the other two to the instance: two that share them share their leases.
            "WEBSITE_SITE_NAME": "local",
            "WEBSITE_CURRENT_STAMPNAME": secrets.token_hex(4),
            "RoleInstanceId": secrets.token_hex(4),
            "WEBSITE_SKU": "FlexConsumption",
            # A process that is killed leaves the debugger's pipes and sockets behind in the folder for temporary files.
            "DOTNET_EnableDiagnostics": "0",
        }

    @property
    def _log(self) -> Path:
        return self._folder / "extension.log"

    def _failure(self, what: str) -> str:
        # What it logged is more precise than any advice.
        return f"The extension ({self._program}) {what}. {self._last_words() or f'It logged nothing. {_ADVICE}'}"

    def _last_words(self) -> str:
        """Quote the end of what this process logged; the file has earlier ones' log, too."""
        printed = self._printed()[-_LAST_WORDS_BYTES:].decode(errors="replace").strip()
        return f"Its log, {self._log}, ends with:\n{printed}" if printed else ""

    def _printed(self) -> bytes:
        return self._log.read_bytes()[self._log_start :]
