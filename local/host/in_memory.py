"""Microsoft's in-memory engine for tests, behind the seam."""

import asyncio
from datetime import timedelta
from typing import Any

from local.host.engine import App, Engine
from local.host.engine_faults import EngineFaults
from local.host.engine_server import IN_PROCESS
from local.host.errors import HostError
from local.host.invoker import Invoker, durable_client
from local.host.pump import Pump
from local.host.work_queues import WorkQueues


class _Service:
    """The engine's methods, called in this process."""

    def __init__(self, backend: WorkQueues) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._backend, name)
        return lambda request: method(request, IN_PROCESS)


class InMemoryEngine(Engine):
    """Keeps orchestrations, entities and timers in this process, and needs nothing but a package index."""

    def __init__(self) -> None:
        self._backend: WorkQueues | None = None
        self._pump: Pump | None = None

    async def start(self, app: App) -> None:
        """Serve durable clients, and pump work into the worker."""
        backend = self._backend = WorkQueues(asyncio.get_running_loop(), self._dispatch)
        self.service = _Service(backend)
        self.client_binding = durable_client(app.configuration.task_hub, backend.start(), app.http_url)
        invoker = Invoker(app.worker, lambda: self.client_binding)
        self._pump = Pump(backend, invoker, app.functions, app.configuration)

    @property
    def faults(self) -> EngineFaults:
        """What a test requests of the engine."""
        if self._backend is None:
            raise HostError("The host has not started.")
        return self._backend.faults

    async def pause(self) -> None:
        """Start no more work and abandon what is running."""
        if self._pump is not None:
            await self._pump.stop()

    async def stop(self) -> None:
        """Stop serving."""
        if self._backend is not None:
            await asyncio.to_thread(self._backend.stop)
            self._backend = None

    def check(self) -> None:
        """Raise what stopped the pump."""
        if self._pump is not None and self._pump.error is not None:
            raise HostError(f"The host stopped working: {self._pump.error!r}") from self._pump.error

    def deliver_twice(self, activity: str) -> None:
        """Deliver the next call of an activity twice."""
        if self._pump is None:
            raise HostError("The host has not started.")
        self._pump.deliver_twice(activity)

    def backdate(self, instance_id: str, by: timedelta) -> None:
        """Change the times that the engine keeps."""
        if self._backend is None:
            raise HostError("The host has not started.")
        self._backend.backdate(instance_id, by)

    def _dispatch(self) -> None:
        if self._pump is not None:
            self._pump.dispatch()
