"""A local Azure Functions host of real parts: Microsoft's Python worker library and durable engine, joined.

It stands in for ``func start``: it indexes a function app, serves its HTTP functions, fires its timers and runs its
orchestrations, entities and activities in a worker process of their own, which may be killed at any moment.
"""

from local.host.client import DurableClient, Instance, RuntimeStatus
from local.host.errors import EngineError, HostError, InvocationError
from local.host.functions import FunctionInfo
from local.host.host import FunctionsHost
from local.host.log import LogRecord
from local.host.worker import WorkerProcess

__all__ = [
    "DurableClient",
    "EngineError",
    "FunctionInfo",
    "FunctionsHost",
    "HostError",
    "Instance",
    "InvocationError",
    "LogRecord",
    "RuntimeStatus",
    "WorkerProcess",
]
