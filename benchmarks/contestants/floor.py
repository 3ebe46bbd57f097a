"""The floor: what any collector in Python has to do, and nothing else.

    python -m benchmarks.contestants.floor [zlib]

Fetch a page, split it into its items' bytes, put the label in front of each, compress, upload. No check, no retry, no
position, no runtime: a bound for this connector, and no connector. It compresses with isal, or as the Azure SDK does
by default, with zlib at level 6.
"""

import asyncio
import os
import ssl
import sys
import zlib
from typing import Any

import aiohttp
import msgspec
from isal import igzip_lib

_MOST_BYTES = 1_000_000


class _Page(msgspec.Struct):
    cursor: str
    has_more: bool
    items: list[msgspec.Raw]


async def _drain(session: aiohttp.ClientSession, event_type: str, token: str) -> None:
    fetch = f"{os.environ['BENCH_URL']}/api/v2/{event_type}"
    upload = (
        f"{os.environ['BENCH_URL']}/dataCollectionRules/dcr-0/streams/Custom-OnePasswordEvents?api-version=2023-01-01"
    )
    decode = msgspec.json.Decoder(_Page).decode
    prefix = f'{{"log_source":"{event_type}",'.encode()
    credentials = {"Authorization": f"Bearer {os.environ['BENCH_TOKEN']}"}
    query: dict[str, Any] = {"limit": 1000, "start_time": "2026-01-01T00:00:00Z"}
    more = True
    while more:
        async with session.post(fetch, json=query, headers=credentials) as response:
            page = decode(await response.read())
        rows: list[bytes] = []
        size = 2
        for item in page.items:
            row = b"".join((prefix, memoryview(item)[1:]))
            if size + len(row) + 1 > _MOST_BYTES:
                await _upload(session, upload, token, rows)
                rows, size = [], 2
            rows.append(row)
            size += len(row) + 1
        if rows:
            await _upload(session, upload, token, rows)
        query, more = {"cursor": page.cursor}, page.has_more


async def _upload(session: aiohttp.ClientSession, url: str, token: str, rows: list[bytes]) -> None:
    body = _compress(b"[" + b",".join(rows) + b"]")
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with session.post(url, data=body, headers={"Authorization": token, **headers}) as response:
        response.raise_for_status()


def _compress(body: bytes) -> bytes:
    if "zlib" in sys.argv:
        deflate = zlib.compressobj(6, zlib.DEFLATED, 31)
        return deflate.compress(body) + deflate.flush()
    compressed: bytes = igzip_lib.compress(body, 2, igzip_lib.COMP_GZIP)
    return compressed


async def main() -> None:
    """Drain all event types at once."""
    context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        identity = f"{os.environ['IDENTITY_ENDPOINT']}?api-version=2019-08-01&resource=https://monitor.azure.com"
        async with session.get(identity, headers={"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"]}) as response:
            token = f"Bearer {(await response.json())['access_token']}"
        event_types = ("signinattempts", "itemusages", "auditevents")
        await asyncio.gather(*(_drain(session, event_type, token) for event_type in event_types))


if __name__ == "__main__":
    asyncio.run(main())
