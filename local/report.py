"""What `run`, `query` and `chaos` print."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from local.accounting import StreamAccount
from local.polling import StreamReport

HEADINGS: Final = ("stream", "events", "pages", "chunks", "MB", "seconds", "lag", "cursor age", "lost", "doubled")


@dataclass(frozen=True, slots=True)
class RunReport:
    """Everything a run found out. Times in seconds, sizes in bytes; `worker_*` count from the end of its start-up."""

    streams: dict[str, StreamReport]
    accounts: dict[str, StreamAccount]
    polls: int
    wall_seconds: float
    worker_startup_cpu_seconds: float
    worker_cpu_seconds: float
    worker_peak_memory_bytes: int
    problems: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """One JSON object."""
        return {
            "streams": {
                name: {**asdict(stream), **asdict(self.accounts[name])} for name, stream in self.streams.items()
            },
            "polls": self.polls,
            "wall_seconds": round(self.wall_seconds, 3),
            "worker": {
                "startup_cpu_seconds": round(self.worker_startup_cpu_seconds, 3),
                "cpu_seconds": round(self.worker_cpu_seconds, 3),
                "peak_memory_bytes": self.worker_peak_memory_bytes,
            },
            "problems": list(self.problems),
        }

    def print(self, console: Console) -> None:
        """A table with a row per stream, and the worker's cost."""
        console.print(table_of(HEADINGS, [self._row(name, stream) for name, stream in self.streams.items()]))
        polls = "1 poll" if self.polls == 1 else f"{self.polls} polls"
        memory = f"{self.worker_peak_memory_bytes / 1e6:.0f} MB"
        cpu = f"{self.worker_cpu_seconds:.1f} s of CPU, {self.worker_startup_cpu_seconds:.1f} s more to start"
        console.print(f"\n{polls} in {self.wall_seconds:.1f} s. The worker took {cpu}, and {memory}.")

    def _row(self, name: str, stream: StreamReport) -> tuple[str, ...]:
        account = self.accounts[name]
        return (
            name,
            f"{stream.events:,}",
            f"{stream.pages:,}",
            f"{stream.chunks:,}",
            f"{stream.bytes / 1e6:.1f}",
            f"{stream.seconds:.2f}",
            _duration(stream.lag_seconds),
            _duration(stream.cursor_age_seconds),
            _number(account.lost),
            _number(account.duplicated),
        )


def print_rows(console: Console, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a query's answer."""
    table = plain_table()
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        table.add_column(escape(column), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell(value)) for value in row))
    console.print(table)


def progress_on(console: Console) -> Progress:
    """Make a bar that a person sees and that leaves nothing behind."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def table_of(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Make a table of texts; all but the first column are numbers."""
    table = plain_table()
    for heading in headings:
        table.add_column(heading, justify="left" if heading == headings[0] else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def plain_table() -> Table:
    """Make a table without lines, with one space between columns: those of a run fit into 80 characters."""
    return Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")


def cell(value: Any) -> str:
    """Write a value of an answer."""
    if value is None:
        return ""
    return f"{value:,}" if type(value) is int else str(value)


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for limit, unit, size in ((120, "s", 1), (7200, "min", 60), (172_800, "h", 3600)):
        if seconds < limit:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds / 86_400:.1f} d"
