"""Activity: page an event type and deliver what comes."""

from typing import Any

import azure.durable_functions as df
from durabletask.entities import EntityInstanceId

from activities.connections import events_api, log_ingestion, read_settings
from onepassword_sentinel.errors import Failure, SettingsError, TransientError
from onepassword_sentinel.log_ingestion import EVENTS_STREAM
from onepassword_sentinel.payloads import TransferRequest
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.transfer import Budget, Drain, Transfer
from onepassword_sentinel.wire import from_wire, to_wire

bp = df.Blueprint()


@bp.durable_client_input(client_name="client")
@bp.activity_trigger(input_name="payload")
async def transfer_events(payload: dict, client: df.DurableFunctionsClient) -> dict[str, Any]:
    """Transfer up to a budget of pages and say how far it came, also when something failed on the way.

    Raises:
        TransientError: nothing was achieved, and trying again may help; the orchestration's retry policy does.

    """
    request = from_wire(TransferRequest, payload)
    entity = await client.get_entity(EntityInstanceId("stream_cursor", request.key))
    state = from_wire(StreamState, entity.get_typed_state() if entity else None)
    if not state.is_held_under(request.fence):
        return to_wire(Transfer(request.position, superseded=True))
    try:
        settings = read_settings()
        account = settings.account(request.stream.account)
    except SettingsError as error:
        return to_wire(Transfer(request.position, failure=Failure.of(error, who=request.stream.label)))
    pacing = request.pacing
    drain = Drain(
        source=events_api(account),
        sink=log_ingestion(settings),
        stream=EVENTS_STREAM,
        event_type=request.stream.event_type,
        label=request.stream.label,
        backfill_id=request.backfill_id,
        may_start_over=request.may_start_over,
        budget=Budget(pacing.transfer_pages, pacing.transfer_seconds, pacing.transfer_limit),
    )
    done = await drain.run(request.position, request.newest)
    if done.failure and done.failure.kind == "transient" and done.position == request.position:
        raise TransientError(done.failure.message)
    return to_wire(done)
