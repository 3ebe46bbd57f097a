"""The runs of backfills, read by prefix and by id: what runs, what ended badly, and what cursors remember."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import azure.durable_functions as df

from onepassword_sentinel.backfill import INSTANCE_PREFIX
from onepassword_sentinel.backfill_progress import backfill_of, backfill_of_run
from onepassword_sentinel.runs import Run
from onepassword_sentinel.stream_operations import is_finished
from onepassword_sentinel.stream_state import StreamState
from triggers import task_hub


@dataclass(frozen=True, slots=True)
class Limits:
    """How many rows may be read, by prefix of those that run or ended badly, and by id."""

    running: int
    ended_badly: int
    by_id: int

    @property
    def rows(self) -> int:
        """All of them."""
        return self.running + self.ended_badly + self.by_id


@dataclass(frozen=True, slots=True)
class BackfillRuns:
    """What was read; parents have their inputs and outputs. `whole` says that no limit left anything out."""

    runs: tuple[Run, ...]
    whole: bool


async def read(
    client: df.DurableFunctionsClient, cursors: Mapping[str, StreamState], limits: Limits, backfill_id: str = ""
) -> BackfillRuns:
    """Read the runs of all backfills, or of one.

    One that was restarted under an id of its own is found through its cursors. One that ended well has cursors; one
    that failed before a stream began has none, and is found by its id.
    """
    prefix = INSTANCE_PREFIX + backfill_id
    running = await task_hub.runs(client, prefix, statuses=task_hub.RUNNING, most=limits.running)
    badly = await task_hub.runs(client, prefix, statuses=task_hub.ENDED_BADLY, most=limits.ended_badly)
    own = {key: state for key, state in cursors.items() if backfill_of(key)}
    wanted = list(dict.fromkeys(_wanted(own, running, badly)))
    by_id = await task_hub.some_runs(client, wanted, most=limits.by_id)
    children = [run for run in badly if run.name != "backfill"]
    found = {run.instance_id: run for run in (*running, *children, *by_id)}
    whole = len(running) < limits.running and len(badly) < limits.ended_badly and len(wanted) <= limits.by_id
    return BackfillRuns(tuple(found.values()), whole)


def _wanted(cursors: Mapping[str, StreamState], running: Iterable[Run], badly: Iterable[Run]) -> Iterable[str]:
    """Name the runs to look up by id, those that may run first."""
    yield from (run.instance_id for run in running if run.name == "backfill")
    unfinished = [state for state in cursors.values() if not is_finished(state)]
    for state in unfinished:
        yield from (state.parent_id, state.refused.parent_id if state.refused else "")
    listed = {run.instance_id for run in running}
    yield from (run_id for state in unfinished if (run_id := state.run_id or state.holder) not in listed)
    # A stream that waits for its entity has no cursor yet, and its key is in its input.
    remembered = {state.run_id for state in cursors.values()}
    yield from (run.instance_id for run in running if run.name != "backfill" and run.instance_id not in remembered)
    latest_first = sorted(
        cursors, key=lambda key: started.at.timestamp() if (started := cursors[key].run) else 0.0, reverse=True
    )
    for key in latest_first:
        yield from (INSTANCE_PREFIX + backfill_of(key), cursors[key].parent_id)
    yield from (run.instance_id for run in badly if run.name == "backfill" and backfill_of_run(run))
