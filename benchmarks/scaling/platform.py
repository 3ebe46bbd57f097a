"""What the simulation takes for given: the platform's settings, and how long storage and remotes take."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_HOST_JSON: Final = Path(__file__).resolve().parents[2] / "host.json"
# How host.json calls the settings that matter here.
NAMES: Final = {
    "partitions": "partitionCount",
    "activities": "maxConcurrentActivityFunctions",
    "orchestrators": "maxConcurrentOrchestratorFunctions",
    "buffer": "controlQueueBufferThreshold",
}


@dataclass(frozen=True, slots=True)
class HubSettings:
    """What host.json and the plan set; `instances` run from the beginning, `most_instances` at the end.

    The first four are what Azure takes for Python on a consumption plan where host.json says nothing (Microsoft's
    reference of host.json for Durable Functions). A plan's ceiling for instances can be set no lower than 40.
    """

    partitions: int = 4
    activities: int = 10
    orchestrators: int = 5
    buffer: int = 32
    instances: int = 1
    most_instances: int = 40
    scale_out_seconds: float = 30.0


def read_host_json(path: Path = _HOST_JSON) -> HubSettings:
    """Read the settings that are deployed."""
    durable: dict[str, Any] = json.loads(path.read_bytes())["extensions"]["durableTask"]
    said = durable | durable["storageProvider"]
    return HubSettings(**{field: said[name] for field, name in NAMES.items()})


AZURE_DEFAULTS: Final = HubSettings()
DEPLOYED: Final = read_host_json()


@dataclass(frozen=True, slots=True)
class StorageTimes:
    """Seconds that Azure Storage takes.

    Microsoft gives the most that one orchestration reaches on a small instance: 5 activities a second one after the
    other, 100 started at once, 150 answers taken (Azure Storage provider, performance targets). So a start takes 10 ms
    of its turn, an answer 6.7 ms, and what is left of a fifth of a second once two messages are on their way is the
    turn itself. How much a message takes of it is an assumption. So is it that a long history costs as much again for
    each 1,000 events, which is what a table query returns at most.
    """

    message: float = 0.05
    start: float = 1 / 100
    answer: float = 1 / 150
    turn: float = 1 / 5 - 2 * 0.05 - 1 / 100 - 1 / 150
    history_events: int = 1000

    def of_turn(self, answers: int, history: int) -> float:
        """Tell what a turn waits for storage, apart from what it starts."""
        return self.turn * (1 + history // self.history_events) + self.answer * answers

    def slower(self, factor: float) -> "StorageTimes":
        """Take so many times as long."""
        return StorageTimes(factor * self.message, factor * self.start, factor * self.answer, factor * self.turn)


@dataclass(frozen=True, slots=True)
class Remotes:
    """Seconds that the remotes take, which are assumptions, and what they allow.

    `connections` is how many one worker opens at most (aiohttp's default).
    """

    page: float = 0.3
    upload: float = 0.1
    connections: int = 100
    requests_per_minute: int = 600
