"""The transfer path against what people use: everybody in turn, several times over.

Each is run with few pages and with many; the difference between the two is what an event costs, start-up left out. The
faster somebody is, the more pages: what start-up varies by must not be taken for what an event costs.
"""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.connector import run_connector
from benchmarks.measure import CLIENT_CORE, Run, on_core, watch_peak
from benchmarks.pages import PAGE_EVENTS, STREAMS
from benchmarks.remotes import BenchmarkRemotes, Seen
from benchmarks.server_process import ROOT
from local.onepassword import EVENT_TYPES

SMALL_PAGES: Final = 2
LARGE_PAGES: Final = 42
# 1Password's quota is 600 requests a minute, which the connector keeps to.
MOST_PAGES: Final = 182
_PEERS: Final = ROOT / ".venv-bench" / "bin" / "python"

type Start = Callable[[BenchmarkRemotes, Path, int], Awaitable[Run]]


@dataclass(frozen=True, slots=True)
class Contestant:
    """Who is measured, with how many pages; `uploads` tells whether the events reach Azure, or only a file."""

    name: str
    title: str
    start: Start
    pages: int = LARGE_PAGES
    uploads: bool = True


def _program(module: str, *arguments: str, python: Path = Path(sys.executable)) -> Start:
    async def start(remotes: BenchmarkRemotes, output: Path, pages: int) -> Run:
        remotes.begin(pages)
        return await asyncio.to_thread(_run_program, [str(python), "-m", module, *arguments], remotes, output)

    return start


def _run_program(command: list[str], remotes: BenchmarkRemotes, output: Path) -> Run:
    output.mkdir()
    with on_core(CLIENT_CORE):
        started = time.monotonic()
        process = subprocess.Popen(command, env=remotes.environment(output), cwd=ROOT)
    # Not wait4's own figure: that one begins with the memory of whoever started the process.
    with watch_peak(process.pid) as peak:
        _, status, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return Run(used.ru_utime + used.ru_stime, seconds, peak())


_CONTESTANTS: Final = "benchmarks.contestants"
_PINNED: Final = dict(
    re.findall(r"^([a-z-]+)==(\d+\.\d+)", (ROOT / "benchmarks" / "requirements.txt").read_text("utf-8"), re.MULTILINE)
)


def _peer(name: str, title: str, module: str) -> Contestant:
    return Contestant(name, title, _program(f"{_CONTESTANTS}.{module}", python=_PEERS), uploads=False)


CONTESTANTS: Final = (
    Contestant("connector", "this connector", run_connector, MOST_PAGES),
    Contestant("floor", "the floor: no runtime, no checks", _program(f"{_CONTESTANTS}.floor"), MOST_PAGES),
    Contestant("floor_zlib", "the floor with zlib level 6", _program(f"{_CONTESTANTS}.floor", "zlib"), MOST_PAGES),
    Contestant("naive", "naive: requests, json, upload(list)", _program(f"{_CONTESTANTS}.naive")),
    _peer("dlt", f"dlt {_PINNED['dlt']} rest_api", "dlt_rest_api"),
    _peer("singer", f"singer-sdk {_PINNED['singer-sdk']} tap", "singer_tap"),
    _peer("grove", f"grove {_PINNED['grove']}", "grove_connectors"),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one contestant. Sizes in bytes; those of the wire, and the requests, are of the large run.

    `requests_per_page` counts those to both remotes for each 1,000 events.
    """

    cpu_seconds_per_million: float
    events_per_second: float
    peak_bytes: int
    upload_bytes_per_event: float
    requests_per_page: float


async def measure(remotes: BenchmarkRemotes, rounds: int, say: Callable[[str], None]) -> dict[str, list[Sample]]:
    """Run everybody in turn, `rounds` times; a run that did not fetch or deliver every event is no measurement."""
    samples: dict[str, list[Sample]] = {contestant.name: [] for contestant in CONTESTANTS}
    for number in range(rounds):
        for contestant in CONTESTANTS:
            small, _ = await _run(contestant, remotes, SMALL_PAGES, number)
            large, seen = await _run(contestant, remotes, contestant.pages, number)
            events = (contestant.pages - SMALL_PAGES) * STREAMS * PAGE_EVENTS
            moved = contestant.pages * STREAMS * PAGE_EVENTS
            sample = Sample(
                cpu_seconds_per_million=(large.cpu_seconds - small.cpu_seconds) / events * 1e6,
                events_per_second=events / (large.seconds - small.seconds),
                peak_bytes=large.peak_bytes,
                upload_bytes_per_event=seen.upload_bytes / moved,
                requests_per_page=seen.all_requests / moved * PAGE_EVENTS,
            )
            samples[contestant.name].append(sample)
            say(f"round {number + 1}: {contestant.title}: {sample.cpu_seconds_per_million:.2f} s")
    return samples


async def _run(contestant: Contestant, remotes: BenchmarkRemotes, pages: int, number: int) -> tuple[Run, Seen]:
    run = await contestant.start(remotes, remotes.folder / f"{contestant.name}-{number}-{pages}", pages)
    seen = remotes.begin(0)
    fetched = {seen.requests.get(event_type) for event_type in EVENT_TYPES}
    expected = pages * STREAMS * PAGE_EVENTS
    if fetched != {pages} or (contestant.uploads and seen.events != expected):
        raise RuntimeError(f"{contestant.name} was to move {expected:,} events; the servers saw {seen}")
    return run, seen


def summary(samples: Mapping[str, list[Sample]]) -> dict[str, dict[str, Any]]:
    """Put the rounds of each together: medians, and of the CPU also the ends; ratios are medians of each round's."""
    found = {}
    for contestant in CONTESTANTS:
        own = samples[contestant.name]
        cpu = [sample.cpu_seconds_per_million for sample in own]
        found[contestant.name] = {
            "title": contestant.title,
            "uploads": contestant.uploads,
            "cpu": {"median": median(cpu), "min": min(cpu), "max": max(cpu)},
            "events_per_second": median(sample.events_per_second for sample in own),
            "peak_bytes": median(sample.peak_bytes for sample in own),
            "upload_bytes_per_event": median(sample.upload_bytes_per_event for sample in own),
            "requests_per_page": median(sample.requests_per_page for sample in own),
            "events": contestant.pages * STREAMS * PAGE_EVENTS,
            "times_floor": _ratio(own, samples["floor"]),
            "times_connector": _ratio(own, samples["connector"]),
        }
    return found


def _ratio(own: list[Sample], other: list[Sample]) -> float:
    pairs = zip(own, other, strict=True)
    return median(one.cpu_seconds_per_million / two.cpu_seconds_per_million for one, two in pairs)
