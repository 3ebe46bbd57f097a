"""Why a run ended without its result, in a sentence that is never empty."""

from onepassword_sentinel.runs import Run


def why_not_completed(run: Run, what: str) -> str:
    """Say why a run that has ended did not complete; `what` names it at the beginning of a sentence."""
    error = run.error or ("was terminated" if run.state == "stopped" else "failed without a message")
    # These are no sentences of the run's own.
    return f"{what} {error}" if error.startswith(("was terminated", "failed without")) else error
