"""Activity: tell whether a run has ended."""

from typing import Any, Final

import azure.durable_functions as df
from durabletask.client import OrchestrationStatus

from onepassword_sentinel.brief_failures import brief_activity

bp = df.Blueprint()

_ENDED: Final = {OrchestrationStatus.COMPLETED, OrchestrationStatus.FAILED, OrchestrationStatus.TERMINATED}


@bp.durable_client_input(client_name="client")
@bp.activity_trigger(input_name="payload")
@brief_activity
async def look_up_run(payload: dict, client: df.DurableFunctionsClient) -> dict[str, Any]:
    """Look up the run with an `instance_id`; return whether it has `ended`. A run that the task hub lacks has, too."""
    state = await client.get_orchestration_state(payload["instance_id"], fetch_payloads=False)
    return {"v": 1, "ended": state is None or state.runtime_status in _ENDED}
