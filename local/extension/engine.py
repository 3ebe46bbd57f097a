"""The extension as an engine of the local host."""

import copy
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.azurite import AzuriteError
from local.extension.bridge import Bridge
from local.extension.process import ExtensionProcess
from local.extension.service import GrpcService
from local.extension.storage import HubStorage
from local.host import FunctionInfo, HostError
from local.host.engine import App, Engine


class ExtensionEngine(Engine):
    """Microsoft's Durable extension, with a task hub of its own in a storage account.

    Attributes:
        hub: the task hub's name.
        management_url: the HTTP API that Durable Functions Monitor and curl call, with its key in the query.
        process: the extension's, for tests that end it.

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
        self.process = ExtensionProcess(program, folder, storage.connection_string(table_port))
        self._settings = settings or {}
        self._bridge: Bridge | None = None

    @property
    def management_url(self) -> str:
        """The HTTP API that Durable Functions Monitor and curl call."""
        return self.process.management_url

    async def start(self, app: App) -> None:
        """Start the bridge and the extension."""
        self._bridge = Bridge(app.functions, app.worker)
        bridge_url = await self._bridge.start()
        functions = [_described(function) for function in app.functions.values() if function.is_durable]
        await self.process.start(self._host_json(app.configuration.extensions), functions, bridge_url)
        self.client_binding = self.process.client_binding
        self.service = GrpcService(json.loads(self.client_binding)["rpcBaseUrl"])

    async def pause(self) -> None:
        """Answer the extension that the worker has died, whatever it asks for."""
        if self._bridge is not None:
            self._bridge.pause()

    async def stop(self) -> None:
        """End the extension and the bridge. What the hub holds stays in the storage account."""
        if hasattr(self, "service"):
            self.service.close()
        await self.process.stop()
        if self._bridge is not None:
            await self._bridge.stop()

    def check(self) -> None:
        """Raise HostError if the extension or its storage has ended."""
        try:
            self.storage.check()
        except AzuriteError as error:
            raise HostError(f"{error}. What the hub held is lost: start the command again.") from error
        self.process.check()

    def deliver_twice(self, activity: str) -> None:
        """Run the next invocation of an activity twice."""
        if self._bridge is None:
            raise HostError("The host has not started.")
        self._bridge.deliver_twice(activity)

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
