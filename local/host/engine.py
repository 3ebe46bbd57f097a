"""The seam between the host and the durable engine behind it.

Everything else is the same whichever engine it is: the worker process, timers, HTTP functions, simulators, the command
line. `in_memory` has Microsoft's engine for tests; `local.extension` its Durable extension on Azure Storage.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from local.host.functions import FunctionInfo, HostConfiguration
from local.host.log import WorkerLog
from local.host.worker import WorkerProcess


@dataclass(frozen=True)
class App:
    """The app that an engine runs.

    Attributes:
        directory: with function_app.py and host.json.
        worker: the process that runs the functions.
        http_url: where its HTTP functions are served, without a slash at the end.

    """

    directory: Path
    settings: Mapping[str, str]
    functions: Mapping[str, FunctionInfo]
    configuration: HostConfiguration
    worker: WorkerProcess
    http_url: str
    log: WorkerLog


class Engine(ABC):
    """A durable engine.

    Attributes:
        service: the task hub's gRPC service: an attribute for each method, called with the request. A request that is
            rejected raises EngineError. There once the engine has started, like `client_binding`.
        client_binding: the JSON that a durable client binding hands to the worker. Both change when the instance that
            serves them is lost.
        slowness: a run takes at most so many times longer than on the in-memory engine.
        look_seconds: how often a client may ask how a run stands; each question may cost a storage request.

    """

    service: Any
    client_binding: str
    slowness: float = 1.0
    look_seconds: float = 0.01

    @abstractmethod
    async def start(self, app: App) -> None:
        """Start running the app's orchestrations, activities and entities.

        Raises:
            HostError: the engine does not start; the message says why.

        """

    @abstractmethod
    async def pause(self) -> None:
        """Give the worker no more work. Idempotent."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop the engine once the worker has ended. Idempotent, also before the start."""

    @abstractmethod
    def check(self) -> None:
        """Raise HostError if the engine cannot make progress any more."""

    @abstractmethod
    def deliver_twice(self, activity: str) -> None:
        """Deliver the next call of an activity twice, at the same time; the later result is ignored, as in Azure."""

    @abstractmethod
    def backdate(self, instance_id: str, by: timedelta) -> None:
        """Make a run look as if it had begun and ended so much earlier."""
