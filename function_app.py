"""Composition root: registers the blueprints, nothing else."""

import logging

from triggers.import_failures import reported_on_standard_error

with reported_on_standard_error():
    from activities import discover_streams, look_up_run, report_health, transfer_events, upload_dead_letters
    from entities import recent_polls, stream_cursor
    from orchestrators import backfill, drain_stream, note_long_polls, poll, replay_dead_letters, reset_stream
    from triggers import backfills, dead_letters, housekeeping, polls, status, streams, timer
    from triggers.app import App
    from triggers.host_settings import read_host_problems

    # One line per replay and per HTTP call otherwise; theirs are worth reading only when something is wrong.
    for noisy in ("azure.core", "azure.durable_functions", "azure.identity", "durabletask"):
        logging.getLogger(noisy).setLevel(logging.WARNING)

    # A wrong value makes polls hang without an error, so the app logs it at start. Ticks and the status page repeat it.
    for problem in read_host_problems():
        logging.getLogger(__name__).error(problem)

    app = App()
    for module in (
        timer,
        housekeeping,
        polls,
        backfills,
        streams,
        dead_letters,
        status,
        poll,
        backfill,
        drain_stream,
        reset_stream,
        replay_dead_letters,
        note_long_polls,
        discover_streams,
        look_up_run,
        transfer_events,
        upload_dead_letters,
        report_health,
        stream_cursor,
        recent_polls,
    ):
        app.register_functions(module.bp)
