"""HTTP: start, watch and stop backfills."""

from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus

import azure.durable_functions as df
import azure.functions as func

from activities.connections import read_settings
from onepassword_sentinel.backfill import ID, INSTANCE_PREFIX, read_backfill
from onepassword_sentinel.discovery import Stream
from onepassword_sentinel.errors import SettingsError
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.payloads import BackfillRequest
from onepassword_sentinel.requests import read_object
from onepassword_sentinel.settings import Settings
from onepassword_sentinel.status import BackfillStatus
from onepassword_sentinel.wire import to_wire
from triggers import running_backfills, task_hub
from triggers.answers import answer, answering, problem

bp = df.Blueprint()


@bp.route(route="backfill", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
@bp.durable_client_input(client_name="client")
@answering
async def start_backfill(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Start the backfill of a window, or find it: 202 while it runs, 200 when it has completed before.

    One that was stopped or has failed goes on from where it came to. Backfills of one account run one at a time,
    because together they may take half of its request quota: 409 names the one that runs.
    """
    settings = read_settings()
    if not settings.accounts:
        raise SettingsError(problem for error in settings.errors for problem in error.problems)
    request = _read(req.get_body(), settings)
    backfills = await running_backfills.all_of_them(client)
    known = backfills.get(request.id)
    if known:
        # A window without an end ended when the backfill was asked for first.
        request = replace(request, end_time=known.end_time or request.end_time)
        if known.state == "completed":
            return _accepted(request, settings, "completed", HTTPStatus.OK)
        if known.state == "running":
            return _accepted(request, settings, "running", HTTPStatus.ACCEPTED)
    for other in backfills.values():
        if other.state == "running" and (None in (request.account, other.account) or request.account == other.account):
            detail = f"Backfill {other.id} is running; wait for it, or stop it: DELETE /api/backfill/{other.id}"
            return problem(HTTPStatus.CONFLICT, detail, id=other.id)
    await task_hub.start(client, "backfill", to_wire(request), INSTANCE_PREFIX + request.id)
    return _accepted(request, settings, "running", HTTPStatus.ACCEPTED)


@bp.route(route="backfill", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
@bp.durable_client_input(client_name="client")
@answering
async def list_backfills(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:  # noqa: ARG001  # the trigger
    """Answer with all backfills, the newest first."""
    return answer({"backfills": list((await running_backfills.all_of_them(client)).values())})


@bp.route(route="backfill/{id}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
@bp.durable_client_input(client_name="client")
@answering
async def show_backfill(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Answer with one backfill."""
    found = await _find(client, req)
    return answer(found) if found else _not_found()


@bp.route(route="backfill/{id}", methods=["DELETE"], auth_level=func.AuthLevel.FUNCTION)
@bp.durable_client_input(client_name="client")
@answering
async def stop_backfill(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Stop a backfill with all its streams; what it has delivered stays, and starting it again goes on from there."""
    found = await _find(client, req)
    if found is None:
        return _not_found()
    if found.state != "running":
        return answer(found)
    await running_backfills.stop(client, found.id)
    # Somebody may have purged it in between.
    stopped = await running_backfills.find(client, found.id) or found
    return answer(stopped, HTTPStatus.OK if stopped.state != "running" else HTTPStatus.ACCEPTED)


def _read(body: bytes, settings: Settings) -> BackfillRequest:
    data = read_object(body)
    return read_backfill(data, datetime.now(UTC), accounts=[account.name for account in settings.accounts])


async def _find(client: df.DurableFunctionsClient, req: func.HttpRequest) -> BackfillStatus | None:
    backfill_id = req.route_params["id"]
    return await running_backfills.find(client, backfill_id) if ID.fullmatch(backfill_id) else None


def _not_found() -> func.HttpResponse:
    return problem(HTTPStatus.NOT_FOUND, "There is no such backfill: GET /api/backfill lists them.")


def _accepted(request: BackfillRequest, settings: Settings, state: str, status: HTTPStatus) -> func.HttpResponse:
    """Name the instance of each stream that the backfill is about, as far as its token covers it."""
    instance_id = INSTANCE_PREFIX + request.id
    streams = [Stream(account.name, "", event_type) for account in settings.accounts for event_type in EventType]
    body = {
        "id": request.id,
        "instance_id": instance_id,
        "state": state,
        "start_time": request.start_time,
        "end_time": request.end_time,
        "streams": {stream.label: f"{instance_id}-{stream.label}" for stream in streams if request.covers(stream)},
    }
    return answer(body, status, headers={"Location": f"/api/backfill/{request.id}"})
