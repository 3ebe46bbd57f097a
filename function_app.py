"""Composition root: registers the blueprints, nothing else."""

import logging

import azure.durable_functions as df

from activities import discover_streams, report_health, transfer_events
from entities import stream_cursor
from orchestrators import backfill, drain_stream, poll, reset_stream
from triggers import backfills, housekeeping, polls, status, streams, timer

# One line per replay and per HTTP call otherwise; theirs are worth reading only when something is wrong.
for noisy in ("azure.core", "azure.durable_functions", "azure.identity", "durabletask"):
    logging.getLogger(noisy).setLevel(logging.WARNING)

app = df.DFApp()
for module in (
    timer,
    housekeeping,
    polls,
    backfills,
    streams,
    status,
    poll,
    backfill,
    drain_stream,
    reset_stream,
    discover_streams,
    transfer_events,
    report_health,
    stream_cursor,
):
    app.register_functions(module.bp)
