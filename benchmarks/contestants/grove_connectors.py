"""Grove 2.2.0 and its own 1Password connectors.

Run as its `grove` command runs it: a configuration document for each of the three connectors, each in a thread; the
local file cache, the local file output (gzipped lines, a file a page), errors alone in the log. The connectors are as
released: pages of 1,000, and a new connection for each, as their client makes it. One thing is put right in here: no
setting reaches the host, which is the default of an argument that the connectors do not give.

It uploads nothing: it would still have to send what it wrote, so its figures flatter it.
"""

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

from grove.connectors.onepassword.api import Client
from grove.entrypoints import local_process

_CONNECTORS = ("signinattempts", "itemusages", "audit")


def _folder(name: str) -> Path:
    folder = Path(os.environ["BENCH_OUTPUT"]).resolve() / name
    folder.mkdir(parents=True)
    return folder


def main() -> None:
    """Drain all event types at once; a collection that Grove gave up is an error, which it only logs."""
    configs, cache = _folder("configs"), _folder("cache")
    for name in _CONNECTORS:
        document = {
            "name": name,
            "identity": "bench",
            "connector": f"onepassword_events_{name}",
            "key": os.environ["BENCH_TOKEN"],
        }
        (configs / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    os.environ |= {
        "GROVE_CONFIG_HANDLER": "local_file",
        "GROVE_CONFIG_LOCAL_FILE_PATH": str(configs),
        "GROVE_CACHE_HANDLER": "local_file",
        "GROVE_CACHE_LOCAL_FILE_PATH": str(cache),
        "GROVE_OUTPUT_HANDLER": "local_file",
        "GROVE_OUTPUT_LOCAL_FILE_PATH": str(_folder("output")),
        "POWERTOOLS_LOG_LEVEL": "ERROR",
    }
    Client.__init__.__defaults__ = (urlsplit(os.environ["BENCH_URL"]).netloc, None, True)
    local_process.entrypoint()
    # What it remembers of the last page, it writes when a collection has reached its end.
    if len(list(cache.glob("deduplication.*/*.cache"))) != len(_CONNECTORS):
        raise SystemExit("grove: not every connector came to its end")


if __name__ == "__main__":
    main()
