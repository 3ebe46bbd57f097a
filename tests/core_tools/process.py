"""`func start` of Azure Functions Core Tools in a process of its own.

Sources: the source of Core Tools 4.14 (github.com/Azure/azure-functions-core-tools, `StartHostAction.cs` and
`PythonHelpers.cs`) and the npm package azure-functions-core-tools 4.15.1 (`lib/main.js`):

- A variable of the environment wins over one of the same name in local.settings.json, so `func` inherits only a few.
- The Python that runs the worker is the first `python3` on the path.
- It ends with "Port ... is unavailable" if the port is taken.
- `func` from npm is a Node script that starts the real program, which starts the worker: three processes, one group.
- Without `--enableAuth`, no endpoint asks for a key.

`GET /admin/host/status` has the state and the errors of the script host (github.com/Azure/azure-functions-host,
`HostController.cs`).
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

import aiohttp

from deploy.package import copy_app
from local.patience import within

APP_DIR: Final = Path(__file__).resolve().parents[2]
INSTALL: Final = (
    "Install it with `make core-tools`, which puts it into dist/core-tools/bin, or with "
    "`npm install --global azure-functions-core-tools@4`."
)
# The first start of a version downloads the extension bundle.
_START_SECONDS: Final = 300.0
_STOP_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.1
# Another program may take the port between its choice and the start.
_STARTS: Final = 3
_TAKEN: Final = "is unavailable"
_LAST_WORDS_BYTES: Final = 3_000
_INHERITED: Final = ("HOME", "LANG", "TMPDIR")


class CoreToolsError(Exception):
    """`func` is missing or ended, or the host that it runs does not answer; the message has what it printed last."""


def find_func(path: str | None = None) -> str:
    """Find `func` on the path.

    Raises:
        CoreToolsError: it is not there; the message says how to install it.

    """
    found = shutil.which("func", path=path)
    if found is None:
        raise CoreToolsError(f"Azure Functions Core Tools are missing: no `func` is on the path. {INSTALL}")
    return found


class CoreTools:
    """A copy of the app, run by `func start`. Use it as an asynchronous context manager.

    Attributes:
        url: where the host listens, without a slash at the end; empty before the start.

    """

    def __init__(
        self, folder: Path, settings: Mapping[str, str], *, func: str, start_seconds: float = _START_SECONDS
    ) -> None:
        """Prepare it.

        Args:
            folder: takes the copy of the app, with its local.settings.json, and the log of `func`.
            settings: the app settings.
            func: the program.
            start_seconds: how long the start may take on the reference machine.

        """
        self.url = ""
        self._app = folder / "app"
        self._log = folder / "func.log"
        self._settings = dict(settings)
        self._func = func
        self._start_seconds = start_seconds
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._app.mkdir(parents=True)
        copy_app(APP_DIR, self._app)
        local_settings = {"IsEncrypted": False, "Values": self._settings}
        (self._app / "local.settings.json").write_text(json.dumps(local_settings), encoding="utf-8")
        for left in reversed(range(_STARTS)):
            try:
                await self._start()
            except CoreToolsError as error:
                await self.stop()
                if _TAKEN not in str(error) or not left:
                    raise
            except BaseException:
                await self.stop()
                raise
            else:
                break
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """End `func` and all processes of its group. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), within(_STOP_SECONDS))
        _signal_group(process.pid, signal.SIGKILL)
        await process.wait()

    def failure(self, what: str) -> CoreToolsError:
        """Make an error of what happened and of what `func` printed last."""
        printed = self._log.read_bytes()[-_LAST_WORDS_BYTES:].decode(errors="replace").strip()
        return CoreToolsError(f"func ({self._func}) {what}. It printed:\n{printed or '(nothing)'}")

    async def _start(self) -> None:
        port = _free_port()
        python = Path(sys.executable).parent
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                self._func,
                *("start", "--port", str(port), "--address", "127.0.0.1"),
                cwd=self._app,
                env={
                    **{name: os.environ[name] for name in _INHERITED if name in os.environ},
                    "PATH": f"{python}{os.pathsep}{os.environ['PATH']}",
                    "FUNCTIONS_CORE_TOOLS_TELEMETRY_OPTOUT": "1",
                },
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        url = f"http://127.0.0.1:{port}"
        limit = within(self._start_seconds)
        try:
            async with asyncio.timeout(limit):
                await self._is_running(self._process, url)
        except TimeoutError as error:
            raise self.failure(f"was not ready within {limit:.0f} s") from error
        self.url = url

    async def _is_running(self, process: asyncio.subprocess.Process, url: str) -> None:
        """Wait until the script host runs; while it starts it refuses connections, or has another state."""
        async with aiohttp.ClientSession() as session:
            while process.returncode is None:
                # What is not JSON comes from a host that has not started.
                with contextlib.suppress(aiohttp.ClientError, ValueError):
                    async with session.get(f"{url}/admin/host/status") as answer:
                        status = await answer.json(content_type=None) or {}
                    if status.get("state") == "Running":
                        return
                    if status.get("state") == "Error":
                        raise self.failure(f"reports errors: {status.get('errors')}")
                await asyncio.sleep(_LOOK_SECONDS)
        raise self.failure(f"ended with code {process.returncode}")


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _signal_group(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, number)
