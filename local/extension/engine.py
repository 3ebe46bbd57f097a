"""The extension as an engine of the local host."""

import copy
import itertools
import secrets
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.azurite import AzuriteError
from local.extension.bridge import Bridge
from local.extension.instance import HostInstance
from local.extension.process import ExtensionProcess
from local.extension.storage import HubStorage
from local.host import FunctionInfo, HostError
from local.host.engine import App, Engine
from local.host.worker import WorkerProcess


class ExtensionEngine(Engine):
    """Microsoft's Durable extension, with a task hub of its own in a storage account.

    One instance starts with the host. Durable clients outside the instances use the oldest one that runs.

    Attributes:
        hub: the task hub's name.
        instances: those that run, the oldest first.
        table_port: of a proxy before the tables, which instances that start later go through; None for none.
        management_url: the HTTP API that Durable Functions Monitor and curl call, with its key in the query.

    """

    slowness = 4.0
    look_seconds = 0.1

    def __init__(
        self,
        program: Path,
        storage: HubStorage,
        folder: Path,
        *,
        settings: Mapping[str, Any] | None = None,
        table_port: int | None = None,
    ) -> None:
        """Prepare it.

        Args:
            program: see `find_program`.
            storage: must be running when the engine starts.
            folder: takes the extension's files and its log.
            settings: values of host.json's section durableTask that differ; a dot leads into `storageProvider`.
            table_port: a proxy's that stands before the tables.

        """
        self.hub = "T" + secrets.token_hex(6)
        self.storage = storage
        self.instances: list[HostInstance] = []
        self._program = program
        self._folder = folder
        self.table_port = table_port
        self._settings = settings or {}
        self._app: App | None = None
        self._numbers = itertools.count(1)
        self._twice: Counter[str] = Counter()

    @property
    def management_url(self) -> str:
        """The HTTP API that Durable Functions Monitor and curl call."""
        return self.instances[0].process.management_url

    async def start(self, app: App) -> None:
        """Start the first instance, whose worker is the host's."""
        self._app = app
        await self._add(app, app.worker)

    async def add_instance(self) -> HostInstance:
        """Start another instance with a worker of its own.

        Raises:
            HostError: it or its worker did not start.

        """
        if self._app is None:
            raise HostError("The host has not started.")
        worker = self._app.worker.another()
        await worker.start()
        return await self._add(self._app, worker)

    async def lose(self, instance: HostInstance) -> None:
        """Kill an instance's extension and worker at once, as when the platform loses it."""
        self._forget(instance)
        await instance.end()

    async def stop_gracefully(self, instance: HostInstance) -> bool:
        """Stop an instance as the platform does, see `HostInstance.stop_gracefully`."""
        self._forget(instance)
        try:
            return await instance.stop_gracefully()
        finally:
            await instance.end()

    async def _add(self, app: App, worker: WorkerProcess) -> HostInstance:
        folder = self._folder / f"instance-{next(self._numbers)}"
        process = ExtensionProcess(self._program, folder, self.storage.connection_string(self.table_port))
        bridge = Bridge(app.functions, worker, self._twice)
        instance = HostInstance(process, bridge, worker, is_first=worker is app.worker)
        functions = [_described(function) for function in app.functions.values() if function.is_durable]
        try:
            await instance.start(self._host_json(app.configuration.extensions), functions)
        except BaseException:
            await instance.end()
            raise
        self.instances.append(instance)
        self._serve()
        return instance

    def _forget(self, instance: HostInstance) -> None:
        self.instances.remove(instance)
        self._serve()

    def _serve(self) -> None:
        if self.instances:
            self.client_binding = self.instances[0].process.client_binding
            self.service = self.instances[0].service

    async def pause(self) -> None:
        """Answer the extension that the worker has died, whatever it asks for."""
        for instance in self.instances:
            instance.bridge.pause()

    async def stop(self) -> None:
        """End all instances. What the hub holds stays in the storage account."""
        for instance in self.instances:
            await instance.end()

    def check(self) -> None:
        """Raise HostError if an instance or its storage has ended by itself."""
        try:
            self.storage.check()
        except AzuriteError as error:
            raise HostError(f"{error}. What the hub held is lost: start the command again.") from error
        for instance in self.instances:
            instance.process.check()

    def deliver_twice(self, activity: str) -> None:
        """Run the next invocation of an activity twice."""
        self._twice[activity] += 1

    def backdate(self, instance_id: str, by: timedelta) -> None:
        """Change the times in the run's row."""
        with self.storage.table(f"{self.hub}Instances") as instances:
            row = instances.get_entity(instance_id, "")
            names = ("CreatedTime", "LastUpdatedTime", "CompletedTime")
            times = {name: _utc(row[name]) - by for name in names if row.get(name)}
            instances.update_entity({"PartitionKey": instance_id, "RowKey": "", **times})

    def _host_json(self, extensions: Mapping[str, Any]) -> dict[str, Any]:
        found = copy.deepcopy(dict(extensions))
        durable = found.setdefault("durableTask", {})
        for name, value in {**self._settings, "hubName": self.hub}.items():
            *parents, last = name.split(".")
            section = durable
            for parent in parents:
                section = section.setdefault(parent, {})
            section[last] = value
        return {"version": "2.0", "extensions": found}


def _described(function: FunctionInfo) -> dict[str, Any]:
    """Describe a durable function as the extension's program wants it."""
    return {
        "name": function.name,
        "trigger": function.trigger,
        "triggerName": function.trigger_name,
        "durableName": function.durable_name,
        "clients": list(function.durable_client_names),
    }


def _utc(time: Any) -> datetime:
    found = datetime.fromisoformat(str(time))
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
