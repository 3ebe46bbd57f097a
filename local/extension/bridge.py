"""The bridge over which the extension has functions run: HTTP on loopback, a request for each invocation."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import web

from local.host import FunctionInfo, HostError, InvocationError, WorkerProcess

_MOST_BODY_BYTES: Final = 2**30


class Bridge:
    """Hands invocations to a worker.

    Attributes:
        at_work: how many invocations are with the worker.
        rejects: whether it rejects new invocations by now.
        on_invocation: called with the function's name before each invocation, for tests that strike at one.

    """

    def __init__(self, functions: Mapping[str, FunctionInfo], worker: WorkerProcess, twice: Counter[str]) -> None:
        """`twice` counts the invocations to run twice at the same time, by function; the first one's answer counts."""
        self.on_invocation: Callable[[str], object] = lambda _: None
        self._functions = functions
        self._worker = worker
        self._twice = twice
        self._paused = False
        self._open = asyncio.Event()
        self._open.set()
        self.rejects = False
        self.at_work = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Serve on a free port of 127.0.0.1 and return the address to call."""
        application = web.Application(client_max_size=_MOST_BODY_BYTES)
        application.router.add_post("/invoke", self._invoke)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/invoke"

    def pause(self) -> None:
        """Run nothing any more."""
        self._paused = True

    def hold(self) -> None:
        """Keep new invocations waiting; those that are at work go on."""
        self._open.clear()

    def reject(self) -> None:
        """Reject new invocations and those that were held, as the script host does while it stops."""
        self.rejects = True
        self._open.set()

    async def stop(self) -> None:
        """Stop serving. Idempotent."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _invoke(self, request: web.Request) -> web.Response:
        asked = await request.json()
        name = asked["name"]
        await self._open.wait()
        if self.rejects:
            return web.json_response({"error": f"{name} was canceled before the request was sent to the worker."})
        self.on_invocation(name)
        if self._paused:
            return web.json_response({"died": "The host stops."})
        times = 1
        if self._twice[name] > 0:
            self._twice[name] -= 1
            times = 2
        function = self._functions[name]
        self.at_work += 1
        try:
            answers = await asyncio.gather(
                *(self._worker.invoke(function.name, function.function_id, asked["inputs"]) for _ in range(times))
            )
        except InvocationError as error:
            return web.json_response({"error": error.message, "stack_trace": error.stack_trace})
        except HostError as error:
            return web.json_response({"died": str(error)})
        finally:
            self.at_work -= 1
        return web.json_response({"result": answers[0]["result"]})
