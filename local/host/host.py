"""The host: starts the worker, the HTTP server and the durable engine, connects them, and stops them in order."""

import asyncio
import sys
from collections import deque
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.host.client import DurableClient
from local.host.engine import App, Engine
from local.host.errors import HostError, InvocationError, WorkerDiedError
from local.host.frames import Frame
from local.host.functions import FunctionInfo, HostConfiguration, index
from local.host.http_functions import HttpServer
from local.host.in_memory import InMemoryEngine
from local.host.invoker import Invoker
from local.host.log import LogRecord, WorkerLog
from local.host.timers import Schedule, ScheduleStatus, TimerListener, trigger_value
from local.host.worker import WorkerProcess

_TIMER = "timerTrigger"


class FunctionsHost:
    """One function app, running. Use it as an asynchronous context manager, or call :meth:`start` and :meth:`stop`.

    :param app_dir: the directory with function_app.py and host.json. If libraries are packaged there, as for Azure, the
        app can import no others.
    :param settings: the app settings: the worker's whole environment, but for PATH, HOME, LANG and TMPDIR.
    :param log_path: a file for all that the worker logs and prints, as JSON lines, appended to.
    :param http_port: the port of the HTTP functions on 127.0.0.1; None takes a free one.
    :param python: the interpreter that runs the worker.
    :param engine: the durable engine; Microsoft's in-memory one for tests if none is given.
    :param run_timers: whether timers fire on their schedules; :meth:`fire_timer` works either way.
    :param timer_statuses: what an earlier host kept of its timers; one that was due meanwhile fires at once, past due.
    :ivar functions: the indexed functions by name.
    :ivar client: the durable engine; there once the host has started. Likewise ``http_url``, with no slash at its end.
    :ivar worker: the worker process.
    :ivar engine: what runs orchestrations, activities and entities.
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
        engine: Engine | None = None,
        run_timers: bool = False,
        timer_statuses: MutableMapping[str, ScheduleStatus] | None = None,
    ) -> None:
        self.functions: Mapping[str, FunctionInfo] = {}
        self._app_dir = app_dir.resolve()
        self._settings = dict(settings)
        self._log = WorkerLog(log_path)
        self._http_port = http_port or 0
        self._run_timers = run_timers
        self._timer_statuses = timer_statuses if timer_statuses is not None else {}
        self.worker = WorkerProcess(self._app_dir, self._settings, python, self._log)
        self.engine = engine or InMemoryEngine()
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
        self.worker.function_timeout = configuration.function_timeout
        self.functions = index(await self.worker.start(), self._settings)
        timers = [function for function in self.functions.values() if function.trigger == _TIMER]
        listeners = [TimerListener(function, self._invoke, self._timer_statuses, self._log) for function in timers]
        self._http = HttpServer(
            self.functions.values(), configuration.route_prefix, self._invoke, self._fire_by_hand, self._log
        )
        self.http_url = await self._http.start(self._http_port)
        await self.engine.start(
            App(self._app_dir, self._settings, self.functions, configuration, self.worker, self.http_url, self._log)
        )
        self._invoker = Invoker(self.worker, lambda: self.engine.client_binding)
        self.client = DurableClient(self.engine, self.check)
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
        await self.engine.pause()
        await self.worker.stop()
        await self.engine.stop()
        self._log.close()

    def check(self) -> None:
        """Raise HostError if the host cannot work any more: the worker keeps dying, or it was stopped."""
        self.worker.check()
        self.engine.check()

    async def fire_timer(self, name: str, *, past_due: bool = False) -> None:
        """Run a timer function once, now, and wait for it.

        :param past_due: whether the function learns that it runs late.
        :raises InvocationError: the function raised, or the worker died under it.
        :raises HostError: there is no such timer function.
        """
        function = self.functions.get(name)
        if function is None or function.trigger != _TIMER:
            raise HostError(f"There is no timer function {name!r}.")
        await self._invoke(function, self._timer_value(function, past_due=past_due))

    def deliver_twice(self, activity: str) -> None:
        """Deliver the next call of an activity twice, at the same time; the later result is ignored, as in Azure."""
        self.engine.deliver_twice(activity)

    async def _invoke(
        self, function: FunctionInfo, trigger: dict[str, Any], metadata: Mapping[str, Any] | None = None
    ) -> Frame:
        """Invoke a function that a trigger outside the engine started: it is not repeated if the worker dies."""
        if self._invoker is None:
            raise HostError("The host has not started.")
        try:
            return await self._invoker.invoke(function, trigger, metadata)
        except WorkerDiedError as died:
            raise InvocationError(function.name, f"WorkerDiedError: {died}") from died

    def _fire_by_hand(self, name: str, payload: str | None) -> bool:
        function = next((found for found in self.functions.values() if found.name.lower() == name.lower()), None)
        if function is None:
            return False
        # Any function is started so; one whose trigger is something else than text, or a timer, fails and is logged.
        trigger = self._timer_value(function) if function.trigger == _TIMER else {"string": payload or ""}
        self._in_background(self._logged(self._invoke(function, trigger)))
        return True

    def _timer_value(self, function: FunctionInfo, *, past_due: bool = False) -> dict[str, Any]:
        status = ScheduleStatus.after(Schedule(function.schedule or ""), self._timer_statuses.get(function.name))
        return trigger_value(status, past_due=past_due)

    async def _logged(self, invocation: Any) -> None:
        try:
            await invocation
        except (InvocationError, HostError) as error:
            self._log.write("ERROR", "host", str(error))

    def _in_background(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
