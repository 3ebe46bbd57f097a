"""Rows that tell how the connector itself is doing, written only from what really happened."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from onepassword_sentinel import __version__
from onepassword_sentinel.moments import format_moment

# What a row of the health stream carries besides the version (sentinel/tables).
OUTCOME_COLUMNS: Final = (
    "account",
    "account_uuid",
    "event_type",
    "outcome",
    "events",
    "pages",
    "chunks",
    "bytes",
    "requests",
    "seconds",
    "lag_seconds",
    "dead_letters",
    "drift",
    "error",
    "instance_id",
    "backfill_id",
)


def outcome_rows(outcomes: Iterable[Mapping[str, Any]]) -> bytes:
    """Make the health table's rows of runs, one for each stream or, where none is known, for an account."""
    return msgspec.json.encode(
        [
            {column: outcome[column] for column in OUTCOME_COLUMNS if outcome.get(column) is not None}
            | {"connector_version": __version__}
            for outcome in outcomes
        ],
    )


def heartbeat_row(instance_id: str, now: datetime) -> bytes:
    """Make the row of a healthy poll for the events table.

    Microsoft's rule "Log Ingestion Failure" alerts when an hour passes without one. Its uuid comes from the poll, so
    that a repeated one can be told.
    """
    row = {
        "log_source": "healthevents",
        "uuid": instance_id,
        "timestamp": format_moment(now),
    }
    return msgspec.json.encode([row])
