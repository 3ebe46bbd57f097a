"""What is counted while a stream is drained."""

from dataclasses import dataclass, field
from typing import Self


@dataclass(slots=True)
class Tally:
    """Counts of one transfer, or of all transfers of a run.

    `events` are those delivered to the table, `dead_letters` those kept, `repeated` those left out because 1Password
    gave them again; `bytes` are those of the rows before compression, `requests` those to 1Password, `drift` the
    unknown keys seen, `recovered` the rejected cursors that were replaced.
    """

    events: int = 0
    pages: int = 0
    chunks: int = 0
    bytes: int = 0
    requests: int = 0
    seconds: float = 0.0
    dead_letters: int = 0
    repeated: int = 0
    drift: set[str] = field(default_factory=set)
    recovered: int = 0

    def add(self, other: Self) -> None:
        """Count another's too."""
        self.events += other.events
        self.pages += other.pages
        self.chunks += other.chunks
        self.bytes += other.bytes
        self.requests += other.requests
        self.seconds = round(self.seconds + other.seconds, 3)
        self.dead_letters += other.dead_letters
        self.repeated += other.repeated
        self.drift = self.drift | other.drift
        self.recovered += other.recovered
