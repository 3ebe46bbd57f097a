"""Every fault case of `make chaos`, once: nothing lost, and nothing doubled beyond what the case allows."""

from pathlib import Path

import pytest

from local.chaos import CASES, KILLED, Case, judge


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_every_event_is_in_one_place(case: Case, tmp_path: Path) -> None:
    """Counted in the workspace: each event offered is in the table or a dead letter, none more often than allowed."""
    verdict = await judge(case, 1, tmp_path)
    assert verdict.problem == ""
    assert verdict.events > 0


@pytest.mark.parametrize("seed", range(2, 6))
async def test_a_killed_worker_loses_nothing_whenever_it_dies(seed: int, tmp_path: Path) -> None:
    """A handful of the moments that `make chaos` tries a hundred of."""
    (case,) = (case for case in CASES if case.name == KILLED)
    assert (await judge(case, seed, tmp_path)).problem == ""
