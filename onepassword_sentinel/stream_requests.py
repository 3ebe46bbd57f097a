"""What a run asks of its stream's cursor: the inputs of `begin`, `commit` and `release` in `stream_lease`."""

from dataclasses import dataclass
from datetime import datetime

from onepassword_sentinel.position import Position
from onepassword_sentinel.stream_state import Grant


@dataclass(frozen=True, slots=True)
class Begin:
    """A run asks for the stream; `start_time` and `end_time` are for one that never ran, None: it is not to begin.

    `run_at` is when the run began, its earlier generations included; None: now. `parent_id` is the instance that
    started the run, empty if none did. `ended` is a grant whose run is known to have ended.
    """

    holder: str
    now: datetime
    lease_seconds: float
    start_time: str | None
    end_time: str | None = None
    transfer_limit: float = 150.0
    run_at: datetime | None = None
    account: str = ""
    parent_id: str = ""
    execution: str = ""
    ended: Grant | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """Where the stream stands now; `moves` numbers the position. An earlier version did not name the holder.

    `events`, `bytes` and `pages` count since the beginning. An activity gives the number of its `transfer`, and says
    whether it is the `last` that it delivers; the run gives the number of the transfer that follows.
    """

    fence: int
    moves: int
    now: datetime
    lease_seconds: float
    position: Position
    newest: datetime | None
    events: int
    recovered: bool
    last: bool = False
    bytes: int = 0
    pages: int = 0
    holder: str | None = None
    execution: str = ""
    transfer: int = 0


@dataclass(frozen=True, slots=True)
class Release:
    """How a run ended; `retry_after` in seconds. An earlier version did not name the holder.

    `done` is the run's last commit, said once more: its answer left before the state was stored, and if that is lost,
    the commit may come again only after the release.
    """

    fence: int
    now: datetime
    outcome: str
    error: str
    retry_after: float = 0.0
    holder: str | None = None
    execution: str = ""
    done: Commit | None = None
