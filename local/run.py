"""`run`: do the main job once, from end to end, and check it."""

import json
import os
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import Final

from rich.console import Console

from local.accounting import account_for, what_is_wrong
from local.command_failures import FAILURES, errors_at_start, explained, is_complete, print_failure
from local.extension.choice import engine_for
from local.host import FunctionsHost
from local.host.process_usage import cpu_seconds, resident_bytes
from local.onepassword import OnePasswordSimulator
from local.polling import Polls
from local.report import RunReport, print_rows, progress_on
from local.simulators import Simulators

APP_DIR: Final = Path(__file__).resolve().parent.parent
LOG_FILE: Final = "app.log"
EVENTS_STREAM: Final = "Custom-OnePasswordEvents"
QUERY: Final = "OnePasswordEventLogs_CL | summarize count() by tostring(target_user.name) | top 10 by count_"


async def run(options: Namespace) -> int:
    """Poll until caught up, let events arrive, poll again; print what happened. 0 if nothing is lost or doubled."""
    log = options.state / LOG_FILE
    out, err = Console(), Console(stderr=True)
    if not is_complete(options.engine, err):
        return 1
    async with Simulators(
        os.environ, app_dir=APP_DIR, state_dir=options.state, events=options.events, seed=options.seed
    ) as simulators:
        log.unlink(missing_ok=True)
        host = None
        try:
            with engine_for(options.engine, options.state) as engine:
                async with FunctionsHost(APP_DIR, simulators.settings, log_path=log, engine=engine) as host:
                    if errors := errors_at_start(host):
                        print_failure(err, "The app delivers nothing", " | ".join(errors), log)
                        return 1
                    async with explained(host):
                        report = await _polls(options, simulators, host, err)
        except FAILURES as error:
            print_failure(err, "The run failed" if host else "The app does not start", str(error), log)
            return 1
        if options.json:
            sys.stdout.write(json.dumps(report.to_dict()) + "\n")
        else:
            report.print(out)
            if simulators.workspace:
                out.print(f"\n> {QUERY}", markup=False, highlight=False, soft_wrap=True)
                print_rows(out, *simulators.workspace.query(QUERY))
    for problem in report.problems:
        err.print(problem, style="red", markup=False, highlight=False, soft_wrap=True)
    if report.problems:
        err.print(f"The app's log: {log}", markup=False, highlight=False, soft_wrap=True)
    return 1 if report.problems else 0


async def _polls(options: Namespace, simulators: Simulators, host: FunctionsHost, err: Console) -> RunReport:
    started, startup_cpu = time.monotonic(), cpu_seconds(host.worker.pid)
    polls = Polls(host)
    with progress_on(err) as progress:
        task = progress.add_task("events delivered", total=None)

        async def show() -> None:
            if simulators.ingestion:
                source = simulators.onepassword
                total = sum(map(len, source.logs.values())) if source else None
                progress.update(task, completed=simulators.ingestion.rows[EVENTS_STREAM], total=total)

        going_on = await polls.catch_up(show)
        for _ in range(options.polls):
            if not going_on:
                break
            if simulators.onepassword:
                _let_events_arrive(simulators.onepassword, options.events)
            going_on = await polls.catch_up(show)
    streams = simulators.onepassword.features if simulators.onepassword else tuple(polls.streams)
    accounts = {name: account_for(name, simulators.onepassword, simulators.workspace) for name in streams}
    return RunReport(
        streams=polls.streams,
        accounts=accounts,
        polls=polls.count,
        wall_seconds=time.monotonic() - started,
        worker_startup_cpu_seconds=startup_cpu,
        worker_cpu_seconds=cpu_seconds(host.worker.pid) - startup_cpu,
        worker_peak_memory_bytes=resident_bytes(host.worker.pid, peak=True),
        problems=(*polls.problems, *what_is_wrong(accounts, polls.delivered, simulators.backlog)),
    )


def _let_events_arrive(source: OnePasswordSimulator, events: int) -> None:
    """Add a twentieth of the backlog to each stream, a third of the item usages behind what was delivered already."""
    new = max(3, events // 20)
    for stream in source.features:
        late = new // 3 if stream == "itemusages" else 0
        source.add_events(stream, new - late)
        source.add_events(stream, late, late=True)
