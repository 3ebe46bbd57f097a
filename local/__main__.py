"""The local environment's command line: `python -m local run|serve|query|simulate|chaos`."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from local.chaos.command import chaos
from local.extension.choice import ENGINES, IN_MEMORY
from local.query import add_options as add_query_options
from local.run import run
from local.serve import serve, simulate
from local.workspace import WorkspaceError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except KeyboardInterrupt:
        return 130
    except WorkspaceError as error:
        Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description="Run the connector on this machine. App settings in the environment are used; what they leave out "
        "is simulated.",
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    once = commands.add_parser("run", help="poll until caught up, check the table, print the result and exit")
    once.add_argument(
        "--polls", type=_number, default=1, metavar="N", help="rounds of new and late events (default: 1)"
    )
    once.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    once.set_defaults(command=lambda options: asyncio.run(run(options)))

    on = commands.add_parser("serve", help="keep running on the real schedule, until Ctrl-C")
    on.add_argument("--port", type=_port, default=7071, help="of the HTTP functions (default: 7071)")
    on.set_defaults(command=lambda options: asyncio.run(serve(options)))

    only = commands.add_parser("simulate", help="run only the simulators and print settings for `func start`")
    only.set_defaults(command=lambda options: asyncio.run(simulate(options)))

    for command in (once, on, only):
        command.add_argument(
            "--events", type=_number, default=10_000, metavar="N", help="simulated events per stream (default: 10,000)"
        )
        command.add_argument("--seed", type=int, default=1, help="of the simulated events (default: 1)")

    faults = commands.add_parser("chaos", help="play every fault case, and count what was lost and doubled")
    faults.add_argument(
        "--minutes", type=float, metavar="N", help="time for all of it (default: 5; with --once as long as it takes)"
    )
    faults.add_argument("--case", default="", metavar="TEXT", help="only the cases with this in their name")
    faults.add_argument("--once", action="store_true", help="each case once, with the first seed")
    faults.add_argument("--seed", type=int, default=1, help="the first seed (default: 1)")
    faults.add_argument("--jobs", type=_number, default=0, metavar="N", help="so many at once (default: one per core)")
    faults.set_defaults(command=lambda options: asyncio.run(chaos(options)))

    for command in (once, on, faults):
        command.add_argument(
            "--engine",
            choices=ENGINES,
            default=IN_MEMORY,
            help="azure-storage: Microsoft's Durable extension, as in Azure (needs durable-host; default: in-memory)",
        )

    query = commands.add_parser("query", help="ask what the last run left: in KQL, or what a rule would have found")
    add_query_options(query)

    for command in (once, on, only, faults, query):
        command.add_argument(
            "--state", type=Path, default=Path(".local"), metavar="DIR", help="where a run leaves its table and its log"
        )
    return parser


def _number(text: str) -> int:
    digits = text.replace("_", "").replace(",", "")
    if not (digits.isascii() and digits.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(digits)


def _port(text: str) -> int:
    number = _number(text)
    if number >= 2**16:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: choose a number up to 65535, or 0 for a free port")
    return number


if __name__ == "__main__":
    sys.exit(main())
