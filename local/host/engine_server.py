"""The durable engine's gRPC endpoint, on loopback, and its ties to the host's event loop."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Never

import durabletask.internal.orchestrator_service_pb2_grpc as stubs
import grpc
from durabletask.testing import InMemoryOrchestrationBackend

from local.host.errors import EngineError

# Each client that waits for an instance holds a thread; the engine's own ten are few for an app under test.
_SERVER_THREADS = 32
_NO_HISTORY_LIMIT = 1_000_000_000
_STOP_SECONDS = 1.0
_SERVER_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
)


class WorkSignal(threading.Event):
    """The engine's "there is work", turned from something to poll into a call."""

    def __init__(self, on_work: Callable[[], None]) -> None:
        super().__init__()
        self._on_work = on_work

    def set(self) -> None:
        """Say that there is work. Called from any thread."""
        super().set()
        self._on_work()


class InProcess:
    """What the engine sees of a caller in this process, where a gRPC call's context would be."""

    def abort(self, code: Any, details: str) -> Never:
        """Refuse the request as an exception."""
        raise EngineError(code.name, details)


IN_PROCESS: Any = InProcess()


class EngineServer(InMemoryOrchestrationBackend):
    """The engine behind a server on 127.0.0.1 that only the worker's durable clients use.

    Work items do not go over it: the host takes them from the queues, see :mod:`local.host.backend`.

    :param on_work: called, on the event loop, whenever there may be work.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_work: Callable[[], None]) -> None:
        super().__init__(max_history_size=_NO_HISTORY_LIMIT, port=0)
        self._loop = loop
        self._work_available = WorkSignal(lambda: self._on_loop(on_work))
        self._threads: ThreadPoolExecutor | None = None

    def start(self) -> str:
        """Serve on a free port and return ``127.0.0.1:<port>``."""
        self._threads = ThreadPoolExecutor(_SERVER_THREADS, thread_name_prefix="durable-engine")
        self._server = grpc.server(self._threads, options=_SERVER_OPTIONS)
        stubs.add_TaskHubSidecarServiceServicer_to_server(self, self._server)
        self._port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        return f"127.0.0.1:{self._port}"

    def stop(self, grace: float | None = _STOP_SECONDS) -> None:
        """Stop serving; what still waits for an instance is let go. Blocks up to ``grace`` seconds."""
        with self._lock:
            for waiter in [waiter for waiters in self._state_waiters.values() for waiter in waiters]:
                waiter.event.set()
        super().stop(grace)
        if self._threads is not None:
            self._threads.shutdown()
            self._threads = None

    def call_at(self, when: datetime, action: Callable[[], None]) -> None:
        """Call ``action`` on the event loop at a time, under the engine's lock, unless the engine has stopped."""
        generation = self._generation
        delay = max(0.0, (when - datetime.now(UTC)).total_seconds())

        def act() -> None:
            with self._lock:
                if self._generation == generation:
                    action()

        self._on_loop(lambda: self._loop.call_later(delay, act))

    def _on_loop(self, action: Callable[[], Any]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(action)
