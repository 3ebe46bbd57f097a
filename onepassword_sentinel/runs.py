"""A run of an orchestration, as its history tells it."""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from onepassword_sentinel.quotation import one_line
from onepassword_sentinel.sentences import shortened

# Why a run failed that gave no reason.
NO_MESSAGE: Final = "failed without a message; its history in Durable Functions Monitor shows more"
_TERMINATED: Final = "was terminated"

type RunState = Literal["running", "completed", "failed", "stopped"]

# In front of the message of an exception: "orchestrators.poll.PollFailedError: ".
_TYPE: Final = re.compile(r"(?:(?:[^\W\d]\w*\.)+[^\W\d]\w*|[^\W\d]\w*(?:Error|Exception)): ?")
# An output may be as long as a stack trace, or as what somebody typed into Durable Functions Monitor.
_LONGEST: Final = 2_000


@dataclass(frozen=True, slots=True)
class Run:
    """One orchestration instance; times are in UTC.

    Attributes:
        name: the orchestrator's.
        updated_at: of one that has ended, when.
        state: `stopped` by somebody who terminated it; `running` also while it waits to begin.
        output: empty until it has completed.
        error: of a failed one, the sentence; of one that was stopped, that it was, and the reason if there is one.
            Never empty for these two, and empty for the others.
        suspended: whether an operator has paused it; its state is `running` then.

    """

    instance_id: str
    name: str
    state: RunState
    started_at: datetime
    updated_at: datetime
    input: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    custom_status: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    suspended: bool = False

    @property
    def ended(self) -> bool:
        """Whether it will not run on by itself."""
        return self.state != "running"

    def counted(self, name: str) -> int:
        """Read a number of its custom status; 0 if there is none. Anybody may have set it in the monitor."""
        value = self.custom_status.get(name)
        return value if isinstance(value, int) else 0

    def told(self, name: str) -> str:
        """Read a text of its custom status; empty if there is none."""
        value = self.custom_status.get(name)
        return value if isinstance(value, str) else ""


def failure_of(output: str) -> str:
    """Read why a run failed from its output: "<type>: <message>", or an object with a `message`.

    It is an object if a whole turn failed, and if the app has no such orchestrator.
    """
    value = _loaded(output)
    if isinstance(value, dict) and isinstance(value.get("message"), str):
        output = one_line(value["message"], _LONGEST)
    message = output[found.end() :] if (found := _TYPE.match(output)) else output
    return shortened(message.strip(), _LONGEST) or NO_MESSAGE


def termination_of(output: str) -> str:
    """Read why a run was terminated from its output: the reason that was given, as JSON or as it is.

    The management API stores the reason as it is, so a ticket's number looks like JSON.
    """
    value = _loaded(output, otherwise=output)
    reason = "" if value is None or value == {} else (value if isinstance(value, str) else output).strip()
    return shortened(f"{_TERMINATED}: {reason}", _LONGEST) if reason else _TERMINATED


def why_not_completed(run: Run, what: str) -> str:
    """Say why a run that has ended did not complete; `what` names it at the beginning of a sentence."""
    # These two are no sentences of the run's own.
    return f"{what} {run.error}" if run.error.startswith((_TERMINATED, NO_MESSAGE)) else run.error


def _loaded(text: str, otherwise: Any = None) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return otherwise
