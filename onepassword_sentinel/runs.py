"""A run of an orchestration, as its history tells it."""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

type RunState = Literal["running", "completed", "failed", "stopped"]

# In front of the message of an exception: "orchestrators.poll.PollFailedError: ".
_TYPE: Final = re.compile(r"(?:(?:[^\W\d]\w*\.)+[^\W\d]\w*|[^\W\d]\w*(?:Error|Exception)): ?")


@dataclass(frozen=True, slots=True)
class Run:
    """One orchestration instance; times are in UTC.

    Attributes:
        name: the orchestrator's.
        updated_at: of one that has ended, when.
        state: `stopped` by somebody who terminated it; `running` also while it waits to begin.
        output: empty until it has completed.
        error: of a failed one, the sentence; of one that was stopped, that it was, and the reason if there is one.

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
    """Read why a run failed from its output, which is no JSON but "<type>: <message>"."""
    message = output[found.end() :] if (found := _TYPE.match(output)) else output
    return message or "failed without a message; its history in Durable Functions Monitor shows more"


def termination_of(output: str) -> str:
    """Read why a run was terminated from its output: the reason that was given, as JSON or as it is."""
    try:
        reason = json.loads(output)
    except ValueError:
        reason = output
    return f"was terminated: {reason}" if reason and isinstance(reason, str) else "was terminated"
