"""HTTP: move a live stream's cursor."""

import re
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import azure.durable_functions as df
import azure.functions as func

from onepassword_sentinel.moments import format_moment
from onepassword_sentinel.payloads import ResetRequest
from onepassword_sentinel.requests import InvalidRequestError, Problem, read_object, unknown_members
from onepassword_sentinel.runs import why_not_completed
from onepassword_sentinel.stream_operations import beginning
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.wire import from_wire, to_wire
from triggers import task_hub
from triggers.answers import answer, answering, problem

bp = df.Blueprint()

# What can be a key; an entity's id takes no "@".
_KEY: Final = re.compile(r"[0-9A-Za-z_-]{1,200}")
_WAIT_SECONDS: Final = 20.0


@bp.route(route="streams/{key}/reset", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
@bp.durable_client_input(client_name="client")
@answering
async def reset_cursor(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Move the cursor to a time, and answer where it stood and where it stands.

    The run that holds the stream can commit no more; the next poll begins at the new place.
    """
    now, key = datetime.now(UTC), req.route_params["key"]
    start_time = _read(req.get_body(), now)
    state = await task_hub.cursor(client, key) if _KEY.fullmatch(key) else None
    if state is None:
        return problem(HTTPStatus.NOT_FOUND, "There is no such stream: GET /api/status names the key of each.")
    if state.position.end_time is not None:
        return problem(HTTPStatus.CONFLICT, "This is a backfill's cursor; start another backfill for another window.")
    instance_id = f"reset-{key}-{now:%Y%m%dT%H%M%S}{now.microsecond:06}Z"
    await task_hub.start(client, "reset_stream", to_wire(ResetRequest(key, start_time)), instance_id)
    run = await task_hub.ended(client, instance_id, _WAIT_SECONDS)
    if run is None:
        return answer(
            {"key": key, "instance_id": instance_id}, HTTPStatus.ACCEPTED, headers={"Location": "/api/status"}
        )
    if run.state != "completed":
        return problem(HTTPStatus.CONFLICT, why_not_completed(run, "The reset"), instance_id=instance_id)
    old, new = (_position(run.output[name]) for name in ("old", "new"))
    return answer({"key": key, "instance_id": instance_id, "old": old, "new": new})


def _read(body: bytes, now: datetime) -> str:
    data = read_object(body)
    problems = unknown_members(data, ["start_time"])
    value = data.get("start_time")
    try:
        start = beginning(value if isinstance(value, str) else "", now)
    except ValueError as error:
        raise InvalidRequestError([*problems, Problem("/start_time", str(error))]) from error
    if problems:
        raise InvalidRequestError(problems)
    return format_moment(start)


def _position(data: dict[str, Any] | None) -> dict[str, Any] | None:
    """Tell of a state what says where the stream stands."""
    if data is None:
        return None
    state = from_wire(StreamState, data)
    return {
        "cursor": state.position.cursor,
        "start_time": state.position.start_time,
        "newest": format_moment(state.newest) if state.newest else None,
        "moved_at": format_moment(state.moved_at) if state.moved_at else None,
    }
