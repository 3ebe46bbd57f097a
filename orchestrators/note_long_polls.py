"""A run that does nothing: its id and its input are what ticks remember of polls that hang (triggers/long_polls)."""

from typing import Any

import azure.durable_functions as df
from durabletask.task import OrchestrationContext

bp = df.Blueprint()


@bp.orchestration_trigger(context_name="ctx")
def note_long_polls(ctx: OrchestrationContext, data: dict[str, Any] | None) -> dict[str, Any]:  # noqa: ARG001  # the trigger
    """End at once; the input says which polls were running, or which one was reported."""
    return {"v": 1}
