"""Every fault case of `make chaos`, once: nothing lost, and nothing doubled beyond what the case allows."""

from pathlib import Path
from typing import Any

import pytest

from local.chaos import CASES, KILLED, Case, judge
from local.extension.choice import AZURE_STORAGE, IN_MEMORY, NewEngine
from tests.engines import Engines

# Messages that leave before the history is stored once made a stream busy with itself.
_LOCKOUTS = {"a turn that is not stored for a minute", "lost in a stream's first turn"}
_MARKS = {IN_MEMORY: pytest.mark.in_memory, AZURE_STORAGE: pytest.mark.azure_storage}


@pytest.fixture
def new_engine(engines: Engines) -> NewEngine:
    """Make engines of the chosen kind."""
    return lambda _, settings: engines.new(dict(settings))


def _marked(case: Case) -> Any:
    marks = [_MARKS[case.only.engine](case.only.reason)] if case.only else []
    return pytest.param(case, marks=[*marks, pytest.mark.engine] if case.name in _LOCKOUTS else marks)


@pytest.mark.parametrize("case", [_marked(case) for case in CASES], ids=str)
async def test_every_event_is_in_one_place(case: Case, tmp_path: Path, new_engine: NewEngine) -> None:
    """Counted in the workspace: each event offered is in the table or a dead letter, none more often than allowed."""
    verdict = await judge(case, 1, tmp_path, new_engine)
    assert verdict.problem == ""
    assert verdict.events > 0


@pytest.mark.parametrize("seed", range(2, 6))
async def test_a_killed_worker_loses_nothing_whenever_it_dies(seed: int, tmp_path: Path, new_engine: NewEngine) -> None:
    """A handful of the moments that `make chaos` tries a hundred of."""
    (case,) = (case for case in CASES if case.name == KILLED)
    assert (await judge(case, seed, tmp_path, new_engine)).problem == ""
