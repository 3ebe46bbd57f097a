"""Activity: write what happened to where people look for it."""

from datetime import UTC, datetime
from typing import Any

import azure.durable_functions as df

from activities.connections import log_ingestion, read_part
from onepassword_sentinel.brief_failures import brief_activity
from onepassword_sentinel.compression import compress
from onepassword_sentinel.destination import EVENTS_STREAM, HEALTH_STREAM, Destination
from onepassword_sentinel.errors import PermanentError, RowsRefusedError, ThrottledError
from onepassword_sentinel.health import heartbeat_row, outcome_rows
from onepassword_sentinel.time_limits import UPLOAD_LIMIT

bp = df.Blueprint()


@bp.activity_trigger(input_name="payload")
@brief_activity
async def report_health(payload: dict) -> dict[str, Any]:
    """Deliver `outcomes` of runs to the health table, or a poll's `heartbeat` (its instance id) to the events table.

    Returns `problem`: why it cannot be delivered, empty if it was; and `retry_after`: in how many seconds it may be, 0
    if never.

    Raises:
        TransientError: trying again may help; the orchestration's retry policy does.

    """
    try:
        # What is wrong with the other settings is what there may be to report.
        sink = log_ingestion(read_part(Destination.parse), UPLOAD_LIMIT)
        if outcomes := payload.get("outcomes"):
            await sink.upload(HEALTH_STREAM, compress(outcome_rows(outcomes)))
        if heartbeat := payload.get("heartbeat"):
            await sink.upload(EVENTS_STREAM, compress(heartbeat_row(heartbeat, datetime.now(UTC))))
    except (PermanentError, RowsRefusedError) as error:
        return {"v": 1, "problem": str(error), "retry_after": 0.0}
    except ThrottledError as error:
        return {"v": 1, "problem": str(error), "retry_after": error.retry_after}
    return {"v": 1, "problem": "", "retry_after": 0.0}
