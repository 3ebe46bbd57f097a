"""What reaches an HTTP function. The script host decides this, not the extension."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from local.host import FunctionsHost

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_chunked_request_has_no_body(engine_host: FunctionsHost) -> None:
    """A request without a Content-Length reaches the function without its body."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"abc"

    async with aiohttp.ClientSession(engine_host.http_url) as session:
        for data, length in ((chunks(), "0"), (b"abc", "3")):
            async with session.post("/api/body", data=data) as response:
                assert await response.text() == length
