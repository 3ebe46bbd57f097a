"""Activity: write what happened to where people look for it."""

import gzip
from datetime import UTC, datetime
from typing import Any

import azure.durable_functions as df

from activities.connections import log_ingestion, read_settings
from onepassword_sentinel.health import heartbeat_row, outcome_row
from onepassword_sentinel.log_ingestion import EVENTS_STREAM, HEALTH_STREAM

bp = df.Blueprint()


@bp.activity_trigger(input_name="payload")
async def report_health(payload: dict) -> dict[str, Any]:
    """Deliver a stream's `outcome` to the health table, or a poll's `heartbeat` (its instance id) to the events table.

    Raises:
        ConnectorError: it could not be delivered.

    """
    sink = log_ingestion(read_settings())
    if outcome := payload.get("outcome"):
        await sink.upload(HEALTH_STREAM, gzip.compress(outcome_row(outcome)))
    if heartbeat := payload.get("heartbeat"):
        await sink.upload(EVENTS_STREAM, gzip.compress(heartbeat_row(heartbeat, datetime.now(UTC))))
    return {"v": 1}
