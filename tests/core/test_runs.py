"""Why a run failed or was terminated is read from its output, as Azure Storage keeps it."""

import pytest

from onepassword_sentinel.runs import NO_MESSAGE, Run, RunState, failure_of, termination_of, why_not_completed
from tests.core.conftest import NOW


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (
            "orchestrators.poll.PollFailedError: Fix these app settings: X is missing",
            "Fix these app settings: X is missing",
        ),
        ("ValueError: bad", "bad"),
        ("durabletask.task.TaskFailedError: auditevents: 401", "auditevents: 401"),
        ("auditevents: 1Password answered 401", "auditevents: 1Password answered 401"),
        ("acme-auditevents: x", "acme-auditevents: x"),
        ("two\nlines", "two\nlines"),
        ("", NO_MESSAGE),
        (
            "orchestrators.poll.PollFailedError: ",
            NO_MESSAGE,
        ),
        ('{"message": "The function poll\\nwas not found.", "details": null}', "The function poll was not found."),
        ('{"message": "orchestrators.poll.PollFailedError: bad", "details": "at X.Y()"}', "bad"),
        ('{"message": "", "details": null}', NO_MESSAGE),
        ("builtins.ValueError: \n ", NO_MESSAGE),
        ('{"details": "x"}', '{"details": "x"}'),
        ("[" * 100_000, "[" * 1_999 + "…"),
    ],
)
def test_the_message_of_a_failure(output: str, message: str) -> None:
    """The exception's type is left out, and no message is empty."""
    assert failure_of(output) == message


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ('"stopped over HTTP"', "was terminated: stopped over HTTP"),
        ("stopped over HTTP", "was terminated: stopped over HTTP"),
        ("", "was terminated"),
        ('""', "was terminated"),
        ("  ", "was terminated"),
        ("4711", "was terminated: 4711"),
        ("0", "was terminated: 0"),
        ("true", "was terminated: true"),
        ('{"ticket": 4711}', 'was terminated: {"ticket": 4711}'),
        ("null", "was terminated"),
        ("{}", "was terminated"),
    ],
)
def test_the_reason_of_a_termination(output: str, told: str) -> None:
    """It is JSON or plain text, and there may be none."""
    assert termination_of(output) == told


def test_no_text_of_an_output_is_longer_than_2000_characters() -> None:
    """A stack trace or a reason of any length fills no log and no page."""
    long = "x" * 5_000
    for text in (failure_of(long), failure_of(f'{{"message": "{long}"}}'), termination_of(long)):
        assert (len(text), text[-2:]) == (2_000, "x…")


@pytest.mark.parametrize(
    ("state", "error", "says"),
    [
        ("failed", failure_of("ValueError: start_time lies in the future"), "start_time lies in the future"),
        ("failed", failure_of(""), f"The reset {NO_MESSAGE}"),
        ("stopped", termination_of("enough of it"), "The reset was terminated: enough of it"),
        ("stopped", termination_of(""), "The reset was terminated"),
    ],
)
def test_a_run_says_why_it_did_not_complete(state: RunState, error: str, says: str) -> None:
    """Its own sentence stands alone; of one without, what is known of its end is said."""
    run = Run("reset-x", "reset_stream", state, NOW, NOW, error=error)
    assert why_not_completed(run, "The reset") == says
