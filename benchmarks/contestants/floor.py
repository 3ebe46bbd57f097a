"""The floor: what any collector in Python has to do, and nothing else.

Fetch a page, split it into its items' bytes, put the label in front of each, compress, upload. No check, no retry, no
position, no identity: an upper bound for this connector, and no connector.
"""

import asyncio
import os
import ssl

import aiohttp
import msgspec
from isal import igzip_lib

_MOST_BYTES = 1_000_000


class _Page(msgspec.Struct):
    cursor: str
    has_more: bool
    items: list[msgspec.Raw]


async def _drain(session: aiohttp.ClientSession, event_type: str) -> None:
    fetch = f"{os.environ['BENCH_URL']}/api/v2/{event_type}"
    upload = (
        f"{os.environ['BENCH_URL']}/dataCollectionRules/dcr-0/streams/Custom-OnePasswordEvents?api-version=2023-01-01"
    )
    decode = msgspec.json.Decoder(_Page).decode
    prefix = f'{{"log_source":"{event_type}",'.encode()
    query, more = {"limit": 1000, "start_time": "2026-01-01T00:00:00Z"}, True
    while more:
        async with session.post(fetch, json=query, headers={"Authorization": "Bearer t"}) as response:
            page = decode(await response.read())
        rows, size = [], 2
        for item in page.items:
            row = b"".join((prefix, memoryview(item)[1:]))
            if size + len(row) + 1 > _MOST_BYTES:
                await _upload(session, upload, rows)
                rows, size = [], 2
            rows.append(row)
            size += len(row) + 1
        if rows:
            await _upload(session, upload, rows)
        query, more = {"cursor": page.cursor}, page.has_more


async def _upload(session: aiohttp.ClientSession, url: str, rows: list[bytes]) -> None:
    body = igzip_lib.compress(b"[" + b",".join(rows) + b"]", 2, igzip_lib.COMP_GZIP)
    headers = {"Authorization": "Bearer t", "Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with session.post(url, data=body, headers=headers) as response:
        response.raise_for_status()


async def main() -> None:
    """Drain all event types at once."""
    context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        await asyncio.gather(*(_drain(session, name) for name in ("signinattempts", "itemusages", "auditevents")))


if __name__ == "__main__":
    asyncio.run(main())
