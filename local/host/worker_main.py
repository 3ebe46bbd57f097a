"""The worker process: Microsoft's Python worker library behind a socket that the host hands down.

Started by :class:`local.host.worker.WorkerProcess` in the app's directory, with the app's settings as its environment.
It imports nothing but the standard library, its two siblings and what the app brings along.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from local.host import protos
from local.host.frames import Frame, pack, receive_frame

# The worker library says at INFO what it does for each invocation; in Azure that goes to the platform's system log, not
# to the app's. Every other logger is the app's own business, there and here.
_SYSTEM_LOGGER = "azure.functions"


class HostConnection:
    """The worker's end of the socket: blocking, so that a record logged from any thread is sent before it returns."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._lock = threading.Lock()

    def send(self, frame: Frame) -> None:
        """Send one frame; a host that is gone ends the process."""
        try:
            with self._lock:
                self._socket.sendall(pack(frame))
        except OSError:
            os._exit(1)

    def receive(self) -> Frame | None:
        """Wait for the next frame; None when the host is gone."""
        return receive_frame(self._socket)


class HostLogHandler(logging.Handler):
    """Sends each log record to the host."""

    def __init__(self, connection: HostConnection) -> None:
        super().__init__()
        self._connection = connection

    def emit(self, record: logging.LogRecord) -> None:
        """Send the record, with its traceback if it has one."""
        text = self.format(record)
        self._connection.send({"log": {"level": record.levelname, "logger": record.name, "message": text}})


class Worker:
    """Answers the host's requests, invocations concurrently on one event loop, as the platform's worker does."""

    def __init__(self, connection: HostConnection, runtime: Any) -> None:
        self._connection = connection
        self._runtime = runtime
        self._running: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Answer requests until the host asks to stop."""
        loop = asyncio.get_running_loop()
        requests: asyncio.Queue[Frame | None] = asyncio.Queue()

        def receive() -> None:
            while (frame := self._connection.receive()) is not None:
                loop.call_soon_threadsafe(requests.put_nowait, frame)
                if frame["op"] == "stop":
                    return
            os._exit(1)  # The host is gone: nothing that is still running could be reported to anyone.

        threading.Thread(target=receive, name="host-connection", daemon=True).start()
        while (frame := await requests.get()) is not None and frame["op"] != "stop":
            task = loop.create_task(self._answer(frame))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _answer(self, frame: Frame) -> None:
        answer = {"init": self._init, "invoke": self._invoke}[frame["op"]]
        try:
            response = await answer(frame)
        except Exception as error:  # noqa: BLE001 - the edge of the process: the host must get an answer
            response = {"error": f"{type(error).__name__}: {error}", "stack_trace": traceback.format_exc()}
        self._connection.send({"id": frame["id"], **response})

    async def _init(self, frame: Frame) -> Frame:
        init = SimpleNamespace(capabilities={}, function_app_directory=frame["app_dir"])
        request = SimpleNamespace(
            request=SimpleNamespace(worker_init_request=init),
            properties={"host": "127.0.0.1", "protos": protos},
        )
        initialised = await self._runtime.worker_init_request(request)
        if failure := _failure(initialised):
            return failure
        indexed = await self._runtime.functions_metadata_request(request)
        functions = indexed.function_metadata_results or []
        return {
            "functions": [
                {"name": f.name, "function_id": f.function_id, "bindings": list(f.raw_bindings)} for f in functions
            ]
        }

    async def _invoke(self, frame: Frame) -> Frame:
        invocation = SimpleNamespace(
            invocation_id=frame["invocation_id"],
            function_id=frame["function_id"],
            input_data=[
                protos.ParameterBinding(name, protos.typed_data_from_json(value))
                for name, value in frame["inputs"].items()
            ],
            trigger_metadata={name: protos.typed_data_from_json(value) for name, value in frame["metadata"].items()},
            trace_context=SimpleNamespace(trace_parent="", trace_state="", attributes={}),
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
        request = SimpleNamespace(request=SimpleNamespace(invocation_request=invocation))
        response = await self._runtime.invocation_request(request)
        return _failure(response) or {
            "result": protos.typed_data_to_json(response.return_value),
            "outputs": {output.name: protos.typed_data_to_json(output.data) for output in response.output_data},
        }


def _failure(response: Any) -> Frame | None:
    if response.result.status == protos.StatusResult.Success:
        return None
    exception = response.result.exception
    return {"error": exception.message, "stack_trace": exception.stack_trace}


def _add_app_directory() -> None:
    """Put the app last on the import path, as in Azure, unless it is on it already."""
    app = str(Path.cwd())
    if app not in sys.path:
        sys.path.append(app)


def _log_to(connection: HostConnection) -> None:
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(HostLogHandler(connection))
    logging.getLogger(_SYSTEM_LOGGER).setLevel(logging.WARNING)


def main(socket_fd: int) -> None:
    """Serve one function app until the host asks to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the host decides when this one ends.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it is a text file here, always
    connection = HostConnection(socket.socket(fileno=socket_fd))
    _log_to(connection)
    _add_app_directory()
    import azure_functions_runtime as runtime  # noqa: PLC0415 - slow, and what it logs must reach the host

    runtime.start_threadpool_executor()
    asyncio.run(Worker(connection, runtime).serve())
    # The platform kills its workers, so nothing there ever sees an interpreter shut down, with all that finalisers say.
    sys.stdout.flush()
    os._exit(0)
