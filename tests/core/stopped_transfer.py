"""A transfer of two chunks by a process that stops itself while the first is acknowledged."""

import asyncio
import json
import os
import signal
import time
from typing import Final

from onepassword_sentinel.time_limits import CutOff
from tests.core.scripted import Sink, Source, event, run

# Seconds of which the process spends most stopped; it has to begin an upload before they are over.
CUT_OFF: Final = 3.0


class StoppingSink(Sink):
    """Stops the process with the first upload."""

    async def upload(self, stream: str, body: bytes) -> None:
        if not self.uploads:
            os.kill(os.getpid(), signal.SIGSTOP)
        await super().upload(stream, body)


async def main() -> None:
    """Print what was achieved."""
    sink, cut_off = StoppingSink(), CutOff(time.monotonic(), CUT_OFF, 2 * CUT_OFF)
    done = await run(Source([event(0, 800_000), event(1, 800_000)]), sink, cut_off=cut_off)
    print(json.dumps({"delivered": sink.uuids, "rows_done": done.position.rows_done, "more": done.more}))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
