"""A process that uploads one chunk and prints how it went; SIGUSR1 blocks its event loop for a while."""

import asyncio
import signal
import sys
import time
from pathlib import Path

from onepassword_sentinel.destination import EVENTS_STREAM
from onepassword_sentinel.errors import ConnectorError
from onepassword_sentinel.log_ingestion import LogIngestion
from tests.app.conftest import trusting
from tests.app.test_log_ingestion import BODY, Credential


def block(seconds: float) -> None:
    """Starve everything else on the event loop."""
    print("blocked", flush=True)  # noqa: T201
    time.sleep(seconds)


async def main(url: str, rule_id: str, authority: str, limit: str, blocked: str) -> None:
    """Upload within `limit` seconds; a block takes `blocked` seconds."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, block, float(blocked))
    async with trusting(Path(authority)) as session:
        sink = LogIngestion(url, rule_id, "scope", Credential(), session, upload_limit=float(limit))
        try:
            await sink.upload(EVENTS_STREAM, BODY)
        except ConnectorError as error:
            print(error, flush=True)  # noqa: T201
        else:
            print("acknowledged", flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
