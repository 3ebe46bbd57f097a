"""Nobody is left with an empty sentence about a run that did not complete."""

from datetime import UTC, datetime

import pytest

from onepassword_sentinel.run_failure import why_not_completed
from onepassword_sentinel.runs import Run, RunState

NOW = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "error", "says"),
    [
        ("failed", "start_time lies in the future", "start_time lies in the future"),
        ("failed", "", "The reset failed without a message"),
        ("failed", "failed without a message; its history", "The reset failed without a message; its history"),
        ("stopped", "was terminated: enough of it", "The reset was terminated: enough of it"),
        ("stopped", "", "The reset was terminated"),
    ],
)
def test_a_run_says_why_it_did_not_complete(state: RunState, error: str, says: str) -> None:
    """Its own sentence stands alone; of one without, what is known of its end is said."""
    run = Run("reset-x", "reset_stream", state, NOW, NOW, error=error)
    assert why_not_completed(run, "The reset") == says
