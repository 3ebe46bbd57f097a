"""The engine's own storage fails for a while: nothing is lost, nothing is doubled."""

import pytest

from local.extension.table_proxy import TableProxy, TableRequest
from local.patience import until
from tests.e2e.conftest import STREAMS, Launch
from tests.engines import Engines

pytestmark = [
    pytest.mark.engine,
    pytest.mark.azure_storage("the in-memory engine has no storage"),
]


async def test_tables_that_refuse_every_first_write(launch: Launch, engines: Engines) -> None:
    """Each write is answered 503 once, and succeeds when it is repeated."""
    seen: set[tuple[str, str, bytes]] = set()

    def refuses(request: TableRequest) -> bool:
        known = (request.method, request.path, request.body)
        if not request.writes or request.table == "Partitions" or known in seen:
            return False
        seen.add(known)
        return True

    with TableProxy(engines.storage.ports["table"]) as proxy:
        async with launch(table_port=proxy.port) as env:
            proxy.refuses = refuses
            for _ in range(2):
                for stream in STREAMS:
                    env.source.add_events(stream, 10)
                assert (await env.poll()).output["healthy"] is True
            env.assert_all_landed_once()
            assert proxy.refused > 30


async def test_tables_that_refuse_all_writes_for_a_while(launch: Launch, engines: Engines) -> None:
    """A poll that is under way waits for them, and goes on as if nothing had been."""
    with TableProxy(engines.storage.ports["table"]) as proxy:
        async with launch(table_port=proxy.port) as env:
            held = env.hold("auditevents")
            name = env.start_poll()
            await until(held.reached)
            proxy.refuses = lambda request: request.writes and request.table != "Partitions"
            held.release()
            await until(lambda: proxy.refused >= 6)
            proxy.refuses = None
            assert (await env.host.client.wait_for(name)).output["healthy"] is True
            env.assert_all_landed_once()
