"""The host: starts the engine, the worker and the HTTP server, connects them, and stops them in order."""

import asyncio
import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.host.client import DurableClient
from local.host.errors import HostError, InvocationError, WorkerDiedError
from local.host.frames import Frame
from local.host.functions import FunctionInfo, HostConfiguration, index
from local.host.http_functions import HttpServer
from local.host.invoker import Invoker
from local.host.log import LogRecord, WorkerLog
from local.host.pump import Pump
from local.host.timers import Schedule, TimerListener, trigger_value
from local.host.work_queues import WorkQueues
from local.host.worker import WorkerProcess

_TIMER = "timerTrigger"
# Functions that only the durable engine can start.
_ENGINE_ONLY = frozenset({"orchestrationTrigger", "entityTrigger", "httpTrigger"})


class FunctionsHost:
    """One function app, running. Use it as an asynchronous context manager, or call :meth:`start` and :meth:`stop`.

    :param app_dir: the directory with function_app.py and host.json. If libraries are packaged there, as for Azure, the
        app can import no others.
    :param settings: the app settings: the worker's whole environment, but for PATH, HOME, LANG and TMPDIR.
    :param log_path: a file for all that the worker logs and prints, as JSON lines, appended to.
    :param http_port: the port of the HTTP functions on 127.0.0.1; None takes a free one.
    :param python: the interpreter that runs the worker.
    :param run_timers: whether timers fire on their schedules; :meth:`fire_timer` works either way.
    :ivar functions: the indexed functions by name.
    :ivar client: the durable engine; there once the host has started. Likewise ``http_url``, with no slash at its end.
    :ivar worker: the worker process.
    """

    client: DurableClient
    http_url: str

    def __init__(
        self,
        app_dir: Path,
        settings: Mapping[str, str],
        *,
        log_path: Path | None = None,
        http_port: int | None = None,
        python: str = sys.executable,
        run_timers: bool = False,
    ) -> None:
        self.functions: Mapping[str, FunctionInfo] = {}
        self._app_dir = app_dir.resolve()
        self._settings = dict(settings)
        self._log = WorkerLog(log_path)
        self._http_port = http_port or 0
        self._run_timers = run_timers
        self.worker = WorkerProcess(self._app_dir, self._settings, python, self._log)
        self._backend: WorkQueues | None = None
        self._pump: Pump | None = None
        self._invoker: Invoker | None = None
        self._http: HttpServer | None = None
        self._background: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def warnings(self) -> deque[LogRecord]:
        """The latest records at WARNING and above, of the worker and of the host itself."""
        return self._log.warnings

    async def start(self) -> None:
        """Index the app and run it.

        :raises HostError: host.json, a schedule or the app is wrong; nothing is left running.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        self._log.open()
        configuration = HostConfiguration.read(self._app_dir / "host.json", self._settings)
        self.functions = index(await self.worker.start(), self._settings)
        timers = [function for function in self.functions.values() if function.trigger == _TIMER]
        listeners = [TimerListener(function, self._invoke, self._log) for function in timers]
        backend = self._backend = WorkQueues(asyncio.get_running_loop(), self._dispatch)
        engine_address = backend.start()
        self._http = HttpServer(
            self.functions.values(), configuration.route_prefix, self._invoke, self._fire_by_hand, self._log
        )
        self.http_url = await self._http.start(self._http_port)
        self._invoker = Invoker(self.worker, configuration.task_hub, engine_address, self.http_url)
        self._pump = Pump(backend, self._invoker, self.functions, configuration)
        self.client = DurableClient(backend, self.check)
        if self._run_timers:
            for listener in listeners:
                self._in_background(listener.run())

    async def stop(self) -> None:
        """Stop everything that was started, in order: triggers, work, worker, engine. Idempotent."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self._http is not None:
            await self._http.stop()
        if self._pump is not None:
            await self._pump.stop()
        await self.worker.stop()
        if self._backend is not None:
            await asyncio.to_thread(self._backend.stop)
            self._backend = None
        self._log.close()

    def check(self) -> None:
        """Raise HostError if the host cannot work any more: the worker keeps dying, or it was stopped."""
        self.worker.check()
        if self._pump is not None and self._pump.error is not None:
            raise HostError(f"The host stopped working: {self._pump.error!r}") from self._pump.error

    async def fire_timer(self, name: str) -> None:
        """Run a timer function once, now, and wait for it.

        :raises InvocationError: the function raised, or the worker died under it.
        :raises HostError: there is no such timer function.
        """
        function = self.functions.get(name)
        if function is None or function.trigger != _TIMER:
            raise HostError(f"There is no timer function {name!r}.")
        await self._invoke(function, trigger_value(Schedule(function.schedule or "")))

    def deliver_twice(self, activity: str) -> None:
        """Deliver the next call of an activity twice, at the same time; the later result is ignored, as in Azure."""
        if self._pump is None:
            raise HostError("The host has not started.")
        self._pump.deliver_twice(activity)

    async def _invoke(self, function: FunctionInfo, trigger: dict[str, Any]) -> Frame:
        """Invoke a function that a trigger outside the engine started: it is not repeated if the worker dies."""
        if self._invoker is None:
            raise HostError("The host has not started.")
        try:
            return await self._invoker.invoke(function, trigger)
        except WorkerDiedError as died:
            raise InvocationError(function.name, f"WorkerDiedError: {died}") from died

    def _fire_by_hand(self, name: str, payload: str | None) -> bool:
        function = self.functions.get(name)
        if function is None or function.trigger in _ENGINE_ONLY:
            return False
        trigger = trigger_value(Schedule(function.schedule or "")) if function.trigger == _TIMER else None
        self._in_background(self._logged(self._invoke(function, trigger or {"string": payload or ""})))
        return True

    async def _logged(self, invocation: Any) -> None:
        try:
            await invocation
        except (InvocationError, HostError) as error:
            self._log.write("ERROR", "host", str(error))

    def _dispatch(self) -> None:
        if self._pump is not None:
            self._pump.dispatch()

    def _in_background(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
