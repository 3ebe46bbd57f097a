"""The results as rows of tables, the headings first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

# CPU seconds per million events of 1Password's own Splunk add-on (Go, without an upload), and of the naive connector on
# the same machine on the same day. The add-on is not on any package index, so `make bench` cannot run it.
GO_ADD_ON: Final = 25.0
NAIVE_BESIDE_IT: Final = 77.3
_MB: Final = 1e6


def transfer_rows(results: Mapping[str, Any]) -> list[list[str]]:
    """Make a row for each contestant, below the headings."""
    heads = [
        "",
        "CPU s per million",
        "min to max",
        "x floor",
        "x this",
        "events/s",
        "peak MB",
        "upload B/event",
        "requests/1,000",
    ]
    rows = [heads]
    for entry in results["transfer"].values():
        cpu = entry["cpu"]
        rows.append(
            [
                entry["title"] + ("" if entry["uploads"] else " *"),
                f"{cpu['median']:.1f}",
                f"{cpu['min']:.1f} to {cpu['max']:.1f}",
                f"{entry['times_floor']:.2f}",
                f"{entry['times_connector']:.1f}",
                f"{entry['events_per_second']:,.0f}",
                f"{entry['peak_bytes'] / _MB:.0f}",
                f"{entry['upload_bytes_per_event']:.1f}" if entry["uploads"] else "-",
                f"{entry['requests_per_page']:.2f}",
            ]
        )
    return rows


@dataclass(frozen=True, slots=True)
class Target:
    """Something that was to be reached: a `limit`, how it bounds the `value`, and how both are shown."""

    what: str
    bound: Literal["at most", "at least", "under", "exactly"]
    limit: float
    value: float
    digits: int = 0
    unit: str = ""

    @property
    def reached(self) -> bool:
        """Whether the value is within the limit, before it is rounded to be shown."""
        match self.bound:
            case "at most":
                return self.value <= self.limit
            case "at least":
                return self.value >= self.limit
            case "under":
                return self.value < self.limit
            case "exactly":
                return self.value == self.limit


def targets(results: Mapping[str, Any]) -> list[Target]:
    """Hold what was reached against what was to be reached."""
    transfer, way, start = results["transfer"], results["whole_way"], results["start_up"]
    own, naive = transfer["connector"], transfer["naive"]
    # The add-on was measured on a slower day; the naive connector, measured on both, tells by how much.
    go = GO_ADD_ON / NAIVE_BESIDE_IT * naive["cpu"]["median"] / own["cpu"]["median"]
    wire = own["upload_bytes_per_event"] / transfer["floor_zlib"]["upload_bytes_per_event"]
    most = max(backlog["peak_bytes"] for backlog in way)
    idle = min(backlog["idle_bytes"] for backlog in way)
    asked = results["idle_poll"]
    other = sum(count for name, count in asked.items() if name not in ("health", "upload"))
    return [
        Target("CPU per event, times the floor's", "at most", 1.3, own["times_floor"], 2),
        Target("better than the naive connector", "at least", 7, naive["times_connector"], 1),
        Target("better than 1Password's Go add-on", "at least", 2, go, 1),
        Target("peak memory above the idle worker, any backlog", "at most", 60, (most - idle) / _MB, unit=" MB"),
        Target("... above one that has just started", "at most", 60, (most - start["indexed_bytes"]) / _MB, unit=" MB"),
        Target("upload bytes, times zlib level 6", "at most", 1.2, wire, 4),
        Target("import and indexing, times an empty app's", "under", 1.5, start["times_empty"], 2),
        Target("requests of a poll with nothing new, health rows aside", "exactly", 4, other),
        Target(
            "events lost or doubled on the whole way", "exactly", 0, sum(one["lost"] + one["doubled"] for one in way)
        ),
    ]


def target_rows(results: Mapping[str, Any]) -> list[list[str]]:
    """Make a row for each target, below the headings."""
    return [
        ["", "to be reached", "reached"],
        *(
            [one.what, f"{one.bound} {one.limit:g}{one.unit}", f"{one.value:.{one.digits}f}{one.unit}"]
            for one in targets(results)
        ),
    ]


def whole_way_rows(results: Mapping[str, Any]) -> list[list[str]]:
    """Make a row for each backlog, below the headings."""
    heads = ["events", "seconds", "worker CPU s", "CPU s per million", "peak MB above idle", "longest history"]
    return [
        [*heads, "lost", "doubled"],
        *(
            [
                f"{one['events']:,}",
                f"{one['seconds']:.1f}",
                f"{one['cpu_seconds']:.2f}",
                f"{one['cpu_seconds'] / one['events'] * 1e6:.1f}",
                f"{(one['peak_bytes'] - one['idle_bytes']) / _MB:.0f}",
                str(one["longest_history"]),
                str(one["lost"]),
                str(one["doubled"]),
            ]
            for one in results["whole_way"]
        ),
    ]


def start_up_rows(results: Mapping[str, Any]) -> list[list[str]]:
    """Say what a cold start costs."""
    start = results["start_up"]
    return [
        ["", "CPU s", "memory MB"],
        ["an empty app, imported and indexed", f"{start['empty_seconds']:.2f}", f"{start['empty_bytes'] / _MB:.0f}"],
        ["this app, imported and indexed", f"{start['indexed_seconds']:.2f}", f"{start['indexed_bytes'] / _MB:.0f}"],
        [
            "and its first poll, which finds nothing",
            f"{start['first_poll_seconds']:.2f}",
            f"{start['idle_bytes'] / _MB:.0f}",
        ],
    ]


def import_rows(results: Mapping[str, Any]) -> list[list[str]]:
    """List the app's imports that take longest; the first has all others in it."""
    found = results["start_up"]["slowest_imports"]
    return [["imported", "ms"], *([f"`{one['module']}`", f"{one['milliseconds']:.0f}"] for one in found)]
