"""What analytics rules and hunting queries found, as `query` prints it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape

from local.alerts import Replay
from local.content import HuntingQuery, ScheduledRule
from local.report import cell, plain_table
from local.workspace import Answer

_MOST_ROWS: Final = 20
_WIDEST: Final = 42
_NARROWEST: Final = 16
_TITLE_AT_LEAST: Final = 58
# What an alert's title does not always say, the most telling first.
_OF_AN_ALERT: Final = ("EventTime", "SrcIpAddr", "Severity", "Actor")
_SEVERITIES: Final = ("High", "Medium", "Low", "Informational")
# Columns that are there to be joined or mapped by, not to be read.
_NOT_TO_READ: Final = ("Uuid", "UpnName", "UpnSuffix")


def print_replay(console: Console, rule: ScheduledRule, replay: Replay) -> None:
    """Print what a rule is, when it would have run, and its alerts."""
    _introduce(console, rule.name, f"{rule.severity}. {rule.description.partition('\n')[0]}")
    if not replay.runs:
        _say(console, "No row has come yet, so no run would have seen one.")
        return
    _say(console, _summary(replay))
    if replay.alerts:
        console.print()
        _print_alerts(console, rule, replay)


def print_alert_counts(console: Console, replays: Sequence[tuple[ScheduledRule, Replay]]) -> None:
    """Print a line for each rule: those that alert first, the gravest of them at the top."""
    table = plain_table()
    table.add_column("rule", overflow="fold")
    table.add_column("severity")
    table.add_column("runs", justify="right")
    table.add_column("alerts", justify="right")
    for rule, replay in sorted(replays, key=_gravest_first):
        table.add_row(escape(rule.name), rule.severity, f"{len(replay.runs):,}", f"{len(replay.alerts):,}")
    console.print(table)


def print_hunt(console: Console, hunt: HuntingQuery, answer: Answer) -> None:
    """Print what a hunting query is and the first rows that it gave, in the columns that can be read side by side."""
    _introduce(console, hunt.name, hunt.description)
    shown = [[_to_the_second(value) for value in row] for row in answer.rows[:_MOST_ROWS]]
    if not shown:
        _say(console, "No row.")
        return
    table, left = plain_table(), console.width
    cells: list[list[str]] = [[] for _ in shown]
    missing: list[str] = []
    for index, column in enumerate(answer.columns):
        texts = [cell(row[index]) for row in shown]
        width = min(_WIDEST, max(map(cell_len, [column, *texts])))
        if column.endswith(_NOT_TO_READ) or left < min(width, _NARROWEST):
            missing.append(column)
            continue
        numeric = all(isinstance(row[index], int | float) for row in shown)
        width = min(width, left)
        table.add_column(column, justify="right" if numeric else "left", no_wrap=True, width=width)
        left -= width + 1
        for line, text in zip(cells, texts, strict=True):
            line.append(escape(text))
    for line in cells:
        table.add_row(*line)
    console.print(table)
    _say_how_many_more(console, len(answer.rows))
    if missing:
        _say(console, f"\nNot shown: {', '.join(missing)}.")


def _summary(replay: Replay) -> str:
    runs, alerts = replay.runs, len(replay.alerts)
    first, last = (f"{run.at:%Y-%m-%d %H:%M}" for run in (runs[0], runs[-1]))
    when = f"at {first}" if len(runs) == 1 else f"from {first} to {last}"
    summary = f"{_counted(alerts, 'alert') if alerts else 'No alert'} in {_counted(len(runs), 'run')} {when} UTC"
    summary += f", to which {_counted(replay.rows, 'row')} were new."
    return f"{summary} {_counted(replay.left_out, 'earlier run')} left out." if replay.left_out else summary


def _print_alerts(console: Console, rule: ScheduledRule, replay: Replay) -> None:
    shown = replay.alerts[:_MOST_ROWS]
    table = plain_table()
    table.add_column("alert", overflow="fold")
    cells = [[escape(alert.title)] for _, alert in shown]
    columns = {"run": [f"{at:%m-%d %H:%M}" for at, _ in shown]} if len(replay.runs) > 1 else {}
    for name in _OF_AN_ALERT:
        if name in shown[0][1].values and f"{{{{{name}}}}}" not in rule.title:
            columns[name] = [cell(_to_the_second(alert.values[name])) for _, alert in shown]
    left = console.width - _TITLE_AT_LEAST
    for name, texts in columns.items():
        left -= 1 + max(map(cell_len, [name, *texts]))
        if left < 0:
            break
        table.add_column(name, no_wrap=True)
        for row, text in zip(cells, texts, strict=True):
            row.append(escape(text))
    for row in cells:
        table.add_row(*row)
    console.print(table)
    _say_how_many_more(console, len(replay.alerts))


def _gravest_first(found: tuple[ScheduledRule, Replay]) -> tuple[bool, int, str]:
    rule, replay = found
    return (not replay.alerts, _SEVERITIES.index(rule.severity), rule.name)


def _introduce(console: Console, name: str, description: str) -> None:
    console.print(name, style="bold", markup=False, highlight=False)
    _say(console, f"{description}\n")


def _say(console: Console, sentence: str) -> None:
    console.print(sentence, markup=False, highlight=False)


def _say_how_many_more(console: Console, rows: int) -> None:
    if rows > _MOST_ROWS:
        _say(console, f"... and {rows - _MOST_ROWS:,} more.")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _to_the_second(value: Any) -> Any:
    return value.replace(microsecond=0) if isinstance(value, datetime) else value
