"""`make bench`: measure everything, print it, and put it into the documents.

python -m benchmarks [--rounds N] [--only transfer|start-up|whole-way|scale-out]
"""

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks import documents
from benchmarks.capacity import capacity_rows
from benchmarks.connector import package, poll, worker
from benchmarks.layout import plain
from benchmarks.remotes import BenchmarkRemotes, remotes
from benchmarks.scaling import scale_out
from benchmarks.server_process import ROOT
from benchmarks.start_up import start_up
from benchmarks.tables import import_rows, start_up_rows, target_rows, transfer_rows, whole_way_rows
from benchmarks.transfer import measure, summary
from benchmarks.whole_way import BACKLOGS, whole_way

PARTS: Final = ("transfer", "start-up", "whole-way", "scale-out")
# What is printed, and which parts it takes.
TABLES: Final = (
    ("CPU seconds for a million events, and what else they took (* uploads nothing)", {"transfer"}, transfer_rows),
    ("The whole way, timer to rows", {"whole-way"}, whole_way_rows),
    ("A cold start", {"start-up"}, start_up_rows),
    ("The app's slowest imports", {"start-up"}, import_rows),
    ("What it means", set(PARTS), capacity_rows),
    ("What was to be reached", set(PARTS), target_rows),
)
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


async def run(rounds: int, parts: Collection[str]) -> dict[str, Any]:
    """Measure those parts."""
    results: dict[str, Any] = {"rounds": rounds, "machine": machine(), "measured_on": f"{datetime.now(UTC):%Y-%m-%d}"}
    say("building the package ...")
    package()
    async with remotes() as servers:
        if "transfer" in parts:
            results["transfer"] = summary(await measure(servers, rounds, say))
            results["idle_poll"] = await idle_poll(servers)
        if "start-up" in parts:
            say("starting up ...")
            results["start_up"] = await start_up(servers, rounds)
    if "whole-way" in parts:
        results["whole_way"] = await whole_way(say, BACKLOGS)
    if "scale-out" in parts:
        say("scaling out ...")
        results["scale_out"] = asdict(await asyncio.to_thread(scale_out.found))
    return results


def show(results: Mapping[str, Any], parts: Collection[str]) -> None:
    """Print what was measured."""
    for title, of, table in TABLES:
        if of <= set(parts):
            print(f"\n{title}\n\n{plain(table(results))}")
    if "scale-out" in parts:
        print(f"\nHow it scales out\n\n{scale_out.markdown(results['scale_out'])}")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure what the connector costs.")
    parser.add_argument("--rounds", type=int, default=7, help="how often each is run, in turn (default: 7)")
    parser.add_argument("--only", choices=PARTS, help="measure one part, print it, and write nothing")
    options = parser.parse_args()
    parts = {options.only} if options.only else set(PARTS)
    results = asyncio.run(run(options.rounds, parts))
    show(results, parts)
    if not options.only:
        # The documents show one run, and no part of another.
        say("\nwritten: " + ", ".join(str(path.relative_to(ROOT)) for path in documents.write(results)))


if __name__ == "__main__":
    main()
