"""HTTP: poll now."""

from datetime import UTC, datetime
from http import HTTPStatus

import azure.durable_functions as df
import azure.functions as func

from triggers.answers import answer, answering, problem
from triggers.start_poll import start_poll

bp = df.Blueprint()


@bp.route(route="poll", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
@bp.durable_client_input(client_name="client")
@answering
async def poll_now(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:  # noqa: ARG001  # the trigger
    """Start a poll: 202 with its instance id, or 409 with that of the one that was running before."""
    poll = await start_poll(client, datetime.now(UTC))
    if poll.skipped:
        return problem(HTTPStatus.CONFLICT, f"{poll.instance_id} is still running.", instance_id=poll.instance_id)
    return answer({"instance_id": poll.instance_id}, HTTPStatus.ACCEPTED, headers={"Location": "/api/status"})
