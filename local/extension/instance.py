"""One instance of the function app's host on a task hub, and the ways in which the platform ends it."""

import json
from collections.abc import Mapping
from typing import Any, Final

from local.extension.bridge import Bridge
from local.extension.process import ExtensionProcess
from local.extension.service import GrpcService
from local.host.worker import WorkerProcess

# What the Functions host 4.1037 was seen to do: activities get about 10 s, then their worker is killed; the rest is
# over 2 s later, and 10 s later at the most.
_ACTIVITY_SECONDS: Final = 10.0
_LAST_SECONDS: Final = 10.0


class HostInstance:
    """A process of the extension with a bridge and a worker of its own.

    Attributes:
        process: the extension's.
        bridge: hands what the extension runs to the worker.
        worker: runs this instance's functions.
        service: the task hub's gRPC service, as this instance offers it.

    """

    service: GrpcService

    def __init__(self, process: ExtensionProcess, bridge: Bridge, worker: WorkerProcess, *, is_first: bool) -> None:
        """`is_first`: timers and HTTP functions run in the worker too, so a new one replaces it when it is lost."""
        self.process = process
        self.bridge = bridge
        self.worker = worker
        self._is_first = is_first
        self._has_worker = True

    async def start(self, host_json: Mapping[str, Any], functions: list[dict[str, Any]]) -> None:
        """Start bridge and extension.

        Raises:
            HostError: the extension ended or was not ready in time.

        """
        await self.process.start(host_json, functions, await self.bridge.start())
        self.service = GrpcService(json.loads(self.process.client_binding)["rpcBaseUrl"])

    def kill(self) -> None:
        """Kill the extension and the worker at once. Any thread may call it; :meth:`end` has to follow."""
        self.process.kill()
        self._kill_worker()

    async def stop_gracefully(self) -> bool:
        """Stop it as the platform does: by SIGTERM. Tell whether all that was at work has ended.

        New turns, entity operations and activities are rejected at once. Activities that are at work go on for 10 s;
        then their worker is killed, and nothing says to the task hub that they have ended.
        """
        self.bridge.hold()
        await self.process.begin_to_stop()
        self.bridge.reject()
        ended = await self.process.ends_within(_ACTIVITY_SECONDS)
        all_done = self.bridge.at_work == 0
        self._kill_worker()
        if not ended:
            await self.process.ends_within(_LAST_SECONDS)
        self.kill()
        return all_done

    async def end(self) -> None:
        """Kill what is left of it, and free what it held. Idempotent."""
        self.kill()
        if not self._is_first:
            await self.worker.stop()
        if hasattr(self, "service"):
            self.service.close()
        await self.process.stop()
        await self.bridge.stop()

    def _kill_worker(self) -> None:
        # Once: what comes after the first instance's worker is not this instance's.
        if self._has_worker:
            self._has_worker = False
            self.worker.kill()
