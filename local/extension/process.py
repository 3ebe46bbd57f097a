"""The process that has the extension in it."""

import asyncio
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from local.host import HostError
from local.patience import within

_START_SECONDS: Final = 60
_LAST_WORDS_BYTES: Final = 3_000
_INHERITED: Final = ("PATH", "HOME", "TMPDIR", "LANG")
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

    async def start(self, host_json: Mapping[str, Any], functions: list[dict[str, Any]], bridge: str) -> None:
        """Start it, and wait until it is ready.

        Raises:
            HostError: it ended or was not ready in time; the message has the end of its log.

        """
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "host.json").write_text(json.dumps(host_json), encoding="utf-8")
        (self._folder / "functions.json").write_text(json.dumps(functions), encoding="utf-8")
        files = {"--host-json": "host.json", "--functions": "functions.json"}
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(_SETPRIV if shutil.which(_SETPRIV[0]) else ()),
                str(self._program),
                *(text for option, name in files.items() for text in (option, str(self._folder / name))),
                *("--bridge", bridge),
                env=self._environment(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        limit = within(_START_SECONDS)
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), limit)
        except TimeoutError as error:
            raise HostError(f"The extension was not ready within {limit:.0f} s:\n{self._last_words()}") from error
        if not line:
            raise HostError(f"The extension ended while it started:\n{self._last_words()}")
        ready = json.loads(line)
        self.client_binding, self.management_url = ready["client"], ready["management"]

    async def stop(self) -> None:
        """End it at once: its task hub is used no more. Idempotent."""
        self.kill()
        process, self._process = self._process, None
        if process is not None:
            await process.wait()

    def kill(self) -> None:
        """Kill it at once, as when an instance is lost."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    def check(self) -> None:
        """Raise HostError if it has ended."""
        if self._process is not None and self._process.returncode is not None:
            raise HostError(f"The extension ended:\n{self._last_words()}")

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
        }

    @property
    def _log(self) -> Path:
        return self._folder / "extension.log"

    def _last_words(self) -> str:
        return self._log.read_bytes()[-_LAST_WORDS_BYTES:].decode(errors="replace").strip()
