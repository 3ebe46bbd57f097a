"""Activity: page an event type and deliver what comes."""

from typing import Any

import azure.durable_functions as df

from activities.connections import dead_letters, events_api, log_ingestion, read_settings
from activities.held_stream import HeldStream
from onepassword_sentinel.brief_failures import brief_activity
from onepassword_sentinel.delivery import Delivery
from onepassword_sentinel.destination import EVENTS_STREAM
from onepassword_sentinel.errors import Failure, SettingsError, TransientError
from onepassword_sentinel.payloads import TransferRequest
from onepassword_sentinel.settings import Settings
from onepassword_sentinel.stream_state import UnreadableStateError
from onepassword_sentinel.time_limits import CutOff
from onepassword_sentinel.transfer import Budget, CommitTransfer, Drain, Transfer
from onepassword_sentinel.wire import from_wire, to_wire

bp = df.Blueprint()


@bp.durable_client_input(client_name="client")
@bp.activity_trigger(input_name="payload")
@brief_activity
async def transfer_events(payload: dict, client: df.DurableFunctionsClient) -> dict[str, Any]:
    """Transfer up to a budget of pages, commit them, and say how far it came, also when something failed on the way.

    Raises:
        TransientError: nothing was achieved, and trying again may help; the orchestration's retry policy does. Or it
            comes so late that another run may be granted the stream while it is at work.

    """
    request = from_wire(TransferRequest, payload)
    stream = HeldStream(client, request)
    try:
        known, began, seconds = await stream.confirm()
    except UnreadableStateError as error:
        failure = Failure("permanent", f"{request.stream.label}: {error}")
        return to_wire(Transfer(request.state.position, request.state.moves, failure=failure))
    if known.has_ended(request.state.grant):
        stopped = known.was_stopped(request.state.grant)
        return to_wire(Transfer(request.state.position, superseded=not stopped, stopped=stopped))
    # An earlier attempt at this very call may have committed before its worker died.
    state = max(request.state, known, key=lambda state: state.moves)
    try:
        settings = read_settings()
        drain = _drain(request, settings, stream.commit, request.pacing.cut_off(began, seconds))
    except SettingsError as error:
        done = Transfer(state.position, state.moves, failure=Failure.of(error, who=request.stream.label))
        return to_wire(done)
    done = await drain.run(state)
    if done.position == state.position and done.failure and done.failure.kind == "transient":
        raise TransientError(done.failure.message)
    return to_wire(done)


def _drain(request: TransferRequest, settings: Settings, commit: CommitTransfer, cut_off: CutOff) -> Drain:
    account = settings.account(request.stream.account)
    pacing = request.pacing
    return Drain(
        source=events_api(account, pause=pacing.throttle_seconds),
        delivery=Delivery(
            sink=log_ingestion(settings.destination, pacing.upload_limit),
            dead_letters=dead_letters(settings.storage),
            stream=EVENTS_STREAM,
            event_type=request.stream.event_type,
            key=request.key,
            label=request.stream.label,
            backfill_id=request.backfill_id,
            cut_off=cut_off,
        ),
        commit=commit,
        may_start_over=request.may_start_over,
        budget=Budget(pacing.transfer_pages, pacing.transfer_seconds, pacing.commit_seconds),
    )
