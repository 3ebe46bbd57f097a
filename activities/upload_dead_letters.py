"""Activity: deliver dead letters again, and take out those that Azure takes now."""

import time
from typing import Any

import azure.durable_functions as df

from activities.connections import dead_letters, log_ingestion, read_part
from onepassword_sentinel.brief_failures import brief_activity
from onepassword_sentinel.destination import EVENTS_STREAM, Destination
from onepassword_sentinel.errors import Failure, SettingsError, TransientError
from onepassword_sentinel.replay import Replay
from onepassword_sentinel.replay_run import ReplayBatch, ReplayRequest
from onepassword_sentinel.storage_account import StorageAccount
from onepassword_sentinel.wire import from_wire, to_wire

bp = df.Blueprint()


@bp.activity_trigger(input_name="payload")
@brief_activity
async def upload_dead_letters(payload: dict) -> dict[str, Any]:
    """Replay a batch, and say how far it came, also when something failed on the way.

    Raises:
        TransientError: nothing was achieved, and trying again may help; the orchestration's retry policy does.

    """
    began = time.monotonic()
    request = from_wire(ReplayRequest, payload)
    try:
        kept = dead_letters(read_part(StorageAccount.parse))
        sink = log_ingestion(read_part(Destination.parse), request.pacing.upload_limit)
    except SettingsError as error:
        return to_wire(ReplayBatch(request.place, failure=Failure.of(error)))
    replay = Replay(kept, sink, EVENTS_STREAM, request.pacing.cut_off(began, request.pacing.transfer_limit))
    batch = await replay.run(request.place)
    if batch.place == request.place and batch.failure and batch.failure.kind == "transient":
        raise TransientError(batch.failure.message)
    return to_wire(batch)
