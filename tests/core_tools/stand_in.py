"""A stand-in for Core Tools: `func start` with the same endpoints, where the local host runs the app.

It proves that the driver works, and nothing about Core Tools or the script host. The Durable extension and its
management API are the real ones.
"""

import argparse
import asyncio
import json
import signal
from pathlib import Path

import aiohttp
from aiohttp import web

from local.extension import ExtensionEngine, HubStorage, find_program
from local.host import FunctionsHost


class GivenStorage(HubStorage):
    """A storage account that another process started."""

    def __init__(self, folder: Path, connection_string: str) -> None:
        super().__init__(folder)
        self._connection_string = connection_string

    def connection_string(self, table_port: int | None = None) -> str:
        return self._connection_string


class FrontDoor:
    """Serves all on one port, as Core Tools do: the host's state, the management API, and the app.

    Attributes:
        host: None until the app runs.

    """

    def __init__(self) -> None:
        self.host: FunctionsHost | None = None

    async def status(self, _: web.Request) -> web.Response:
        return web.json_response({"state": "Running" if self.host else "Default"})

    async def manage(self, request: web.Request) -> web.Response:
        assert self.host is not None
        assert isinstance(self.host.engine, ExtensionEngine)
        base = self.host.engine.management_url
        address, _, key = base.partition("?")
        return await self._passed_on(request, f"{address}/{request.match_info['rest']}?{request.query_string}&{key}")

    async def call(self, request: web.Request) -> web.Response:
        assert self.host is not None
        return await self._passed_on(request, f"{self.host.http_url}{request.rel_url}")

    async def _passed_on(self, request: web.Request, url: str) -> web.Response:
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method, url, data=await request.read(), headers={"Content-Type": request.content_type}
            ) as answer,
        ):
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)


async def start(port: int) -> None:
    """Run the app in the working directory until SIGTERM."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    app = Path.cwd()
    settings = json.loads((app / "local.settings.json").read_text(encoding="utf-8"))["Values"]
    folder = app.with_name("stand-in")
    door = FrontDoor()
    site = web.Application()
    site.router.add_get("/admin/host/status", door.status)
    site.router.add_route("*", "/runtime/webhooks/durabletask/{rest:.*}", door.manage)
    site.router.add_route("*", "/{rest:.*}", door.call)
    runner = web.AppRunner(site)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    engine = ExtensionEngine(find_program(), GivenStorage(folder, settings["AzureWebJobsStorage"]), folder)
    async with FunctionsHost(app, settings, log_path=app.with_name("app.log"), engine=engine) as host:
        door.host = host
        await ended.wait()
    await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["start"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--address", choices=["127.0.0.1"])
    asyncio.run(start(parser.parse_args().port))


if __name__ == "__main__":
    main()
