"""`make bench`: measure everything, print it, and put it into the documents.

python -m benchmarks [--rounds N] [--only transfer|start-up|whole-way|scale-out] [--dry-run]
"""

import argparse
import asyncio
import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks import documents, scale_out
from benchmarks.connector import package, poll, worker
from benchmarks.remotes import ROOT, BenchmarkRemotes, remotes
from benchmarks.start_up import start_up
from benchmarks.tables import capacity_rows, plain, start_up_rows, target_rows, transfer_rows, whole_way_rows
from benchmarks.transfer import measure, summary
from benchmarks.whole_way import BACKLOGS, whole_way

PARTS: Final = ("transfer", "start-up", "whole-way", "scale-out")
_CPU_NAME: Final = "model name"


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)


def machine() -> str:
    """Describe the machine in a few words."""
    names = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in names if line.startswith(_CPU_NAME)), platform.machine())
    return f"{os.cpu_count()} cores ({model}), CPython {platform.python_version()}"


async def idle_poll(servers: BenchmarkRemotes) -> Mapping[str, int]:
    """Count the requests of a poll that finds nothing, by a worker that has polled before."""
    async with worker(package(), servers.app_settings) as host:
        await poll(host, "poll-1")
        servers.begin(0)
        await poll(host, "poll-2")
        return servers.begin(0).requests


async def run(rounds: int, parts: tuple[str, ...]) -> dict[str, Any]:
    """Measure the parts that are asked for; the others are as the last run left them."""
    results: dict[str, Any] = json.loads(documents.RESULTS.read_text()) if documents.RESULTS.exists() else {}
    say("building the package ...")
    package()
    async with remotes() as servers:
        if "transfer" in parts:
            results["transfer"] = summary(await measure(servers, rounds, say))
            results["idle_poll"] = await idle_poll(servers)
            results |= {"rounds": rounds, "machine": machine(), "measured_on": f"{datetime.now(UTC):%Y-%m-%d}"}
        if "start-up" in parts:
            say("starting up ...")
            results["start_up"] = await start_up(servers, rounds)
    if "whole-way" in parts:
        results["whole_way"] = await whole_way(say, BACKLOGS)
    if "scale-out" in parts:
        say("scaling out ...")
        results["scale_out"] = asdict(await asyncio.to_thread(scale_out.found))
    return results


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure what the connector costs.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is run, in turn (default: 5)")
    parser.add_argument("--only", choices=PARTS, help="measure one part; the rest is as the last run left it")
    parser.add_argument("--dry-run", action="store_true", help="print, and write nothing")
    options = parser.parse_args()
    results = asyncio.run(run(options.rounds, (options.only,) if options.only else PARTS))
    for title, table in (
        ("CPU seconds for a million events, and what else they took (* uploads nothing)", transfer_rows),
        ("The whole way, timer to rows", whole_way_rows),
        ("A cold start", start_up_rows),
        ("What it means", capacity_rows),
        ("What was to be reached", target_rows),
    ):
        print(f"\n{title}\n\n{plain(table(results))}")
    print(f"\nHow it scales out\n\n{scale_out.markdown(results['scale_out'])}")
    if not options.dry_run:
        say("\nwritten: " + ", ".join(str(path.relative_to(ROOT)) for path in documents.write(results)))


if __name__ == "__main__":
    main()
