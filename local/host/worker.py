"""The host's side of the worker process: start it, ask it, restart it when it dies."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from local.host.errors import HostError, InvocationError, WorkerDiedError
from local.host.frames import Frame, pack, read_frame
from local.host.log import WorkerLog, read_lines
from local.host.worker_command import command, environment
from local.patience import within

_STOP_SECONDS = 5.0
# The platform gives up on a worker that keeps dying; a test that kills it on purpose stays far below this.
_MOST_RESTARTS = 50


class WorkerProcess:
    """One worker at a time, restarted when it dies.

    :ivar generation: how many workers there have been; 1 is the first.
    :ivar function_timeout: seconds that one invocation may take before the worker is killed; None means for ever.
    """

    def __init__(self, app_dir: Path, settings: Mapping[str, str], python: str, log: WorkerLog) -> None:
        self.generation = 0
        self.function_timeout: float | None = None
        self._overdue = ""
        self._app_dir = app_dir
        self._settings = settings
        self._python = python
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._pending: dict[int, asyncio.Future[Frame]] = {}
        self._next_id = 0
        self._deaths: dict[str, int] = {}
        self._ready = asyncio.Event()
        self._broken: HostError | None = None
        self._stopping = asyncio.Event()
        self._supervisor: asyncio.Task[None] | None = None

    def another(self) -> "WorkerProcess":
        """Make a worker of the same app for another instance of the host."""
        other = WorkerProcess(self._app_dir, self._settings, self._python, self._log)
        other.function_timeout = self.function_timeout
        return other

    @property
    def pid(self) -> int | None:
        """The process id of the present worker."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> list[Frame]:
        """Start the first worker and return the functions that it indexed.

        :raises HostError: indexing failed; the message is the worker's.
        """
        functions, watcher = await self._spawn()
        self._supervisor = asyncio.create_task(self._supervise(watcher))
        return functions

    async def stop(self) -> None:
        """Ask the worker to end, and kill it if it takes too long. Idempotent."""
        self._stopping.set()
        process = self._process
        if process is not None and process.returncode is None and self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.write(pack({"op": "stop"}))
            try:
                async with asyncio.timeout(within(_STOP_SECONDS)):
                    await process.wait()
            except TimeoutError:
                self.kill()
        if self._supervisor is not None:
            await self._supervisor
            self._supervisor = None
        self._give_up(HostError("The host was stopped."))

    def kill(self) -> None:
        """Kill the worker at once, as an out-of-memory kill or a scale-in would (SIGKILL)."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)

    def kill_in(self, function: str, *, after: int = 0) -> None:
        """Kill the worker as it is given an invocation of a function: the next one, or the one ``after`` so many."""
        self._deaths[function] = after

    @property
    def deaths_to_come(self) -> int:
        """How many deaths that :meth:`kill_in` asked for are still to come."""
        return len(self._deaths)

    async def invoke(
        self, function: str, function_id: str, inputs: Mapping[str, Any], metadata: Mapping[str, Any] | None = None
    ) -> Frame:
        """Run one invocation and return the worker's answer (``result`` and ``outputs``, typed data as JSON).

        Waits for the next worker when there is none. One that takes longer than ``function_timeout`` costs the worker
        its life, with all that runs in it.

        :param inputs: typed data as JSON by parameter; ``metadata`` the trigger's, by name.
        :raises InvocationError: the function raised.
        :raises WorkerDiedError: the worker died meanwhile.
        :raises HostError: there will be no worker any more.
        """
        while not self._ready.is_set():
            await self._ready.wait()
        self.check()
        request = {
            "op": "invoke",
            "function_id": function_id,
            "invocation_id": str(uuid4()),
            "inputs": dict(inputs),
            "metadata": dict(metadata or {}),
        }
        with self._time_limit(function):
            answer = await self._ask(request, doomed=self._is_doomed(function))
        if "error" in answer:
            raise InvocationError(function, answer["error"], answer["stack_trace"])
        return answer

    def check(self) -> None:
        """Raise the HostError that ended the restarts, if one did."""
        if self._broken is not None:
            raise self._broken

    async def _spawn(self) -> tuple[list[Frame], asyncio.Task[None]]:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *command(self._python, self._app_dir, theirs.fileno()),
                cwd=self._app_dir,
                env=environment(self._app_dir, self._settings),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        self.generation += 1
        self._overdue = ""
        reader, self._writer = await asyncio.open_connection(sock=ours)
        watcher = asyncio.create_task(self._watch(self._process, reader, self._writer))
        try:
            answer = await self._ask({"op": "init", "app_dir": str(self._app_dir)})
        except WorkerDiedError as died:
            await watcher
            raise WorkerDiedError(f"The worker died while it indexed the app:\n{self._log.last_words}") from died
        if "error" in answer:
            self.kill()
            await watcher
            told = f"{answer['error']}\n{answer['stack_trace']}\n{self._log.last_words}"
            raise HostError(f"The app could not be indexed: {told.rstrip()}")
        self._ready.set()
        functions: list[Frame] = answer["functions"]
        return functions, watcher

    async def _supervise(self, watcher: asyncio.Task[None]) -> None:
        for _ in range(_MOST_RESTARTS):
            await watcher
            if self._stopping.is_set():
                return
            self._log.write("WARNING", "host", f"Worker {self.generation} died; starting another.")
            try:
                _, watcher = await self._spawn()
            except WorkerDiedError:
                continue  # killed while it started; that was one more death
            except HostError as error:
                self._give_up(error)
                return
            if self._stopping.is_set():
                self.kill()
        self.kill()
        await watcher
        self._give_up(HostError(f"The worker died {_MOST_RESTARTS} times.\n{self._log.last_words}"))

    def _give_up(self, error: HostError) -> None:
        self._broken = self._broken or error
        self._ready.set()

    async def _watch(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Take all that one worker sends and prints, until it has ended."""
        printing = asyncio.create_task(read_lines(process.stdout, self._log.printed))
        while (frame := await read_frame(reader)) is not None:
            if (record := frame.get("log")) is not None:
                self._log.write(record["level"], record["logger"], record["message"])
            elif (answered := self._pending.pop(frame["id"], None)) is not None and not answered.done():
                answered.set_result(frame)
        self._ready.clear()
        await process.wait()
        await printing
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        held, self._pending = self._pending, {}
        reason = self._overdue or f"The worker ended with code {process.returncode}."
        for waiting in held.values():
            if not waiting.done():
                waiting.set_exception(WorkerDiedError(reason))

    @contextlib.contextmanager
    def _time_limit(self, function: str) -> Iterator[None]:
        """Kill the worker if this takes longer than an invocation may. Its death ends what waits for it."""
        if (seconds := self.function_timeout) is None:
            yield
            return

        def kill() -> None:
            limit = timedelta(seconds=seconds)
            self._overdue = f"FunctionTimeoutException: Timeout value of {limit} was exceeded by function: {function}"
            self._log.write("ERROR", "host", self._overdue)
            self.kill()

        timer = asyncio.get_running_loop().call_later(seconds, kill)
        try:
            yield
        finally:
            timer.cancel()

    def _is_doomed(self, function: str) -> bool:
        left = self._deaths.get(function)
        if left is None:
            return False
        if left:
            self._deaths[function] = left - 1
            return False
        del self._deaths[function]
        return True

    async def _ask(self, request: Frame, *, doomed: bool = False) -> Frame:
        if self._writer is None or self._process is None or self._process.returncode is not None:
            raise WorkerDiedError("There is no worker.")
        self._next_id += 1
        request_id = self._next_id
        answered: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._pending[request_id] = answered
        try:
            if doomed:
                self.kill()  # and nothing is sent: a worker that is quick, or a host that is slow, would let it answer
            else:
                self._writer.write(pack({"id": request_id, **request}))
            return await answered
        finally:
            self._pending.pop(request_id, None)
