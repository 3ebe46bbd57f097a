"""The bridge over which the extension has functions run: HTTP on loopback, a request for each invocation."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from local.host import FunctionInfo, HostError, InvocationError, WorkerProcess

_MOST_BODY_BYTES: Final = 2**30


class Bridge:
    """Hands invocations to a worker."""

    def __init__(self, functions: Mapping[str, FunctionInfo], worker: WorkerProcess) -> None:
        self._functions = functions
        self._worker = worker
        self._twice: Counter[str] = Counter()
        self._paused = False
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

    async def stop(self) -> None:
        """Stop serving. Idempotent."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def deliver_twice(self, function: str) -> None:
        """Run the next invocation of a function twice, at the same time; the first one's answer counts."""
        self._twice[function] += 1

    async def _invoke(self, request: web.Request) -> web.Response:
        asked = await request.json()
        name = asked["name"]
        if self._paused:
            return web.json_response({"died": "The host stops."})
        times = 1
        if self._twice[name] > 0:
            self._twice[name] -= 1
            times = 2
        function = self._functions[name]
        try:
            answers = await asyncio.gather(
                *(self._worker.invoke(function.name, function.function_id, asked["inputs"]) for _ in range(times))
            )
        except InvocationError as error:
            return web.json_response({"error": error.message, "stack_trace": error.stack_trace})
        except HostError as error:
            return web.json_response({"died": str(error)})
        return web.json_response({"result": answers[0]["result"]})
