"""What a run that replays dead letters is given, counts and leaves to its next step: small, and without an event."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Self

from onepassword_sentinel.errors import Failure
from onepassword_sentinel.payloads import Pacing

ORCHESTRATOR: Final = "replay_dead_letters"
# One id for all runs: two at once would deliver the same events.
INSTANCE_ID: Final = "replay-dead-letters"


@dataclass(frozen=True, slots=True)
class ReplayCounts:
    """Dead letters that were looked at, by what became of them.

    Attributes:
        uploaded: their rows are in the table now.
        refused: refused once more.
        too_large: fit into no request.
        cut: their rows are in the table already, but not whole.
        left: left alone: what is said of them is damaged, or their rows are only suspected.

    """

    uploaded: int = 0
    refused: int = 0
    too_large: int = 0
    cut: int = 0
    left: int = 0

    def plus(self, other: Self) -> Self:
        """Add another's."""
        return replace(self, **{name: count + getattr(other, name) for name, count in asdict(self).items()})


@dataclass(frozen=True, slots=True)
class Place:
    """How far a replay came, so that what stays is looked at once.

    Attributes:
        marker: where the storage's list goes on.
        after: behind this name there.
        delivered: the name of one that is in the table, and could not be deleted yet.

    """

    marker: str = ""
    after: str = ""
    delivered: str = ""


@dataclass(slots=True)
class ReplayBatch:
    """What one step achieved; also the output of `upload_dead_letters`. `failure` is what stopped it."""

    place: Place
    counts: ReplayCounts = field(default_factory=ReplayCounts)
    more: bool = True
    failure: Failure | None = None
    v: int = 1


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """The input of `replay_dead_letters`, empty does; and of `upload_dead_letters`, which needs the place alone.

    The rest is what earlier generations of the run leave: what they counted, and how often in a row Azure has asked for
    a pause.
    """

    place: Place = Place()
    counts: ReplayCounts = ReplayCounts()
    pauses: int = 0
    pacing: Pacing = field(default_factory=Pacing)
    v: int = 1

    def after(self, batch: ReplayBatch) -> Self:
        """Go on from what a batch achieved."""
        throttled = batch.failure is not None and batch.failure.kind == "throttled"
        stands_still = batch.place == self.place
        return replace(
            self,
            place=batch.place,
            counts=self.counts.plus(batch.counts),
            pauses=(self.pauses if stands_still else 0) + throttled,
        )

    def custom_status(self, state: str) -> dict[str, Any]:
        """What Durable Functions Monitor and `GET /api/dead-letters` show of a run that has not completed."""
        return {"state": state, **asdict(self.counts), "delivered": self.place.delivered}
