"""What orchestrations, activities and entities say to each other: small dicts on the wire, dataclasses at the edge.

Every payload carries a version `v`, so that a run started by an older release is recognised. Events never enter one.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any, Final, Self

from onepassword_sentinel.discovery import Stream
from onepassword_sentinel.errors import Failure
from onepassword_sentinel.position import Position

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Pacing:
    """How long and how often; all times in seconds.

    Attributes:
        budget_seconds: a poll's run of a stream ends after so long, before the next tick; None: when nothing waits.
        transfer_pages: an activity returns after so many pages, which bounds what a run of it in vain can repeat.
        transfer_seconds: ... or after so long.
        transfer_limit: an activity is cut off after so long; well inside the platform's `functionTimeout`.
        attempts: how often an activity that achieved nothing is run, the first time included.
        retry_seconds: the wait before the second attempt; it doubles from one to the next.
        lease_seconds: how long a run that does not come back blocks its stream. It has to cover all attempts with
            their waits, 4 x 150 + 5 + 10 + 20, or a slow run loses its stream to the next one while it works.

    """

    budget_seconds: float | None = 240.0
    transfer_pages: int = 20
    transfer_seconds: float = 60.0
    transfer_limit: float = 150.0
    attempts: int = 4
    retry_seconds: float = 5.0
    lease_seconds: float = 900.0

    @property
    def lease(self) -> timedelta:
        """The lease as a time span."""
        return timedelta(seconds=self.lease_seconds)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any] | None) -> Self:
        """Read a payload; what it does not say is as it is by default."""
        return cls(**{name: data[name] for name in cls.__slots__ if name in data}) if data else cls()


@dataclass(frozen=True, slots=True)
class PollRequest:
    """The input of `poll`; empty does."""

    pacing: Pacing = Pacing()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any] | None) -> Self:
        """Read a payload, also one that a person typed."""
        return cls(Pacing.from_dict((data or {}).get("pacing")))


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """The input of `transfer_events`."""

    stream: Stream
    key: str
    fence: int
    position: Position
    newest: str
    may_start_over: bool
    backfill_id: str
    pacing: Pacing

    def to_dict(self) -> dict[str, Any]:
        """Write a payload."""
        return {"v": VERSION, **asdict(self), "stream": self.stream.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a payload."""
        return cls(
            stream=Stream.from_dict(data["stream"]),
            key=data["key"],
            fence=data["fence"],
            position=Position.from_dict(data["position"]),
            newest=data["newest"],
            may_start_over=data["may_start_over"],
            backfill_id=data["backfill_id"],
            pacing=Pacing.from_dict(data["pacing"]),
        )


@dataclass(frozen=True, slots=True)
class TransferResult:
    """The output of `transfer_events`: what is to be committed, what was counted, what stopped it.

    `superseded` says that another run holds the stream and nothing was done.
    """

    position: Position
    newest: str = ""
    more: bool = False
    superseded: bool = False
    events: int = 0
    pages: int = 0
    chunks: int = 0
    bytes: int = 0
    requests: int = 0
    seconds: float = 0.0
    drift: tuple[str, ...] = ()
    recovered: bool = False
    failure: Failure | None = None

    def to_dict(self) -> dict[str, Any]:
        """Write a payload."""
        return {"v": VERSION, **asdict(self), "drift": list(self.drift)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a payload."""
        known = {name: data[name] for name in cls.__slots__ if name in data}
        return cls(
            **{
                **known,
                "position": Position.from_dict(data["position"]),
                "drift": tuple(data.get("drift", ())),
                "failure": Failure.from_dict(data.get("failure")),
            },
        )


@dataclass(slots=True)
class Tally:
    """Counts over the transfers of a run."""

    events: int = 0
    pages: int = 0
    chunks: int = 0
    bytes: int = 0
    requests: int = 0
    seconds: float = 0.0
    drift: list[str] = field(default_factory=list)
    recovered: int = 0

    def add(self, result: TransferResult) -> None:
        """Count one transfer."""
        self.events += result.events
        self.pages += result.pages
        self.chunks += result.chunks
        self.bytes += result.bytes
        self.requests += result.requests
        self.seconds = round(self.seconds + result.seconds, 3)
        self.drift = sorted({*self.drift, *result.drift})
        self.recovered += result.recovered

    @classmethod
    def from_dict(cls, data: Mapping[str, Any] | None) -> Self:
        """Read a payload."""
        return cls(**{name: data[name] for name in cls.__slots__ if name in data}) if data else cls()


@dataclass(frozen=True, slots=True)
class DrainRequest:
    """The input of `drain_stream`, for polls and backfills alike.

    `key` names the cursor: a live stream's, or the backfill's own. `tally` is what earlier generations of the same
    run counted.
    """

    stream: Stream
    key: str
    start_time: str
    end_time: str | None = None
    backfill_id: str = ""
    pacing: Pacing = Pacing()
    tally: Mapping[str, Any] | None = None

    def with_tally(self, tally: Tally) -> Self:
        """Carry counts over into the next generation."""
        return replace(self, tally=asdict(tally))

    def to_dict(self) -> dict[str, Any]:
        """Write a payload."""
        return {"v": VERSION, **asdict(self), "stream": self.stream.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a payload."""
        return cls(
            stream=Stream.from_dict(data["stream"]),
            key=data["key"],
            start_time=data["start_time"],
            end_time=data.get("end_time"),
            backfill_id=data.get("backfill_id") or "",
            pacing=Pacing.from_dict(data.get("pacing")),
            tally=data.get("tally"),
        )
