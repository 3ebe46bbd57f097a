"""Activity: page an event type and deliver what comes."""

import logging
from datetime import UTC, datetime
from typing import Any

import azure.durable_functions as df
import grpc
from durabletask.entities import EntityInstanceId

from activities.connections import dead_letters, events_api, log_ingestion, read_settings
from onepassword_sentinel.brief_failures import brief_activity
from onepassword_sentinel.delivery import Delivery
from onepassword_sentinel.destination import EVENTS_STREAM
from onepassword_sentinel.errors import Failure, SettingsError, TransientError
from onepassword_sentinel.payloads import TransferRequest
from onepassword_sentinel.settings import Settings
from onepassword_sentinel.stream_state import StreamState, UnreadableStateError, read_state
from onepassword_sentinel.transfer import Budget, CommitTransfer, Drain, Transfer
from onepassword_sentinel.wire import from_wire, to_wire

bp = df.Blueprint()
_LOG = logging.getLogger(__name__)


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
    cursor = EntityInstanceId("stream_cursor", request.key)
    entity = await client.get_entity(cursor)
    try:
        known = read_state(entity.get_typed_state) if entity else StreamState()
    except UnreadableStateError as error:
        failure = Failure("permanent", f"{request.stream.label}: {error}")
        return to_wire(Transfer(request.state.position, request.state.moves, failure=failure))
    if known.has_ended(request.state.fence):
        stopped = known.fence == request.state.fence
        return to_wire(Transfer(request.state.position, superseded=not stopped, stopped=stopped))
    now = datetime.now(UTC)
    if not any(copy.lease_covers(request.pacing.transfer_limit, now) for copy in (known, request.state)):
        raise TransientError(
            f"{request.stream.label}: this run was held up until its lease on the stream was about to run out; "
            "the next tick goes on"
        )
    # An earlier attempt at this very call may have committed before its worker died.
    state = max(request.state, known, key=lambda state: state.moves)

    async def commit(done: Transfer, *, last: bool) -> None:
        # A signal, because nobody needs to wait for it: the run commits the last one again and looks at the answer.
        try:
            await client.signal_entity(cursor, "commit", to_wire(request.commit(done, datetime.now(UTC), last=last)))
        except grpc.aio.AioRpcError as error:
            _LOG.warning("%s: the cursor could not be told yet: %s", request.stream.label, error.code())

    try:
        settings = read_settings()
        drain = _drain(request, settings, commit)
    except SettingsError as error:
        done = Transfer(state.position, state.moves, failure=Failure.of(error, who=request.stream.label))
        return to_wire(done)
    done = await drain.run(state)
    if done.position == state.position and done.failure and done.failure.kind == "transient":
        raise TransientError(done.failure.message)
    return to_wire(done)


def _drain(request: TransferRequest, settings: Settings, commit: CommitTransfer) -> Drain:
    account = settings.account(request.stream.account)
    pacing = request.pacing
    return Drain(
        source=events_api(account, pause=pacing.throttle_seconds),
        delivery=Delivery(
            sink=log_ingestion(settings.destination),
            dead_letters=dead_letters(settings.storage),
            stream=EVENTS_STREAM,
            event_type=request.stream.event_type,
            key=request.key,
            label=request.stream.label,
            backfill_id=request.backfill_id,
        ),
        commit=commit,
        may_start_over=request.may_start_over,
        budget=Budget(pacing.transfer_pages, pacing.transfer_seconds, pacing.transfer_limit, pacing.commit_seconds),
    )
