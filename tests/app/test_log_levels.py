"""host.json keeps the log of an idle poll short, and keeps what operators and Application Insights need."""

import ast
from pathlib import Path
from typing import Final

import pytest

from tests.log_levels import DEFAULT, deciding, is_written, levels

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = ("activities", "entities", "onepassword_sentinel", "orchestrators", "triggers")
# The categories of the Functions host 4.1037, of the WebJobs SDK of October 2024 and of the Durable extension 3.19.0.
WRITTEN: Final = {
    "Function.poll_on_schedule.User": "the app's own line about each poll",
    "Function.housekeeping.User": "the app's own line about each night",
    "Host.Results": "each of them becomes a row of AppRequests",
    "Host.Aggregator": "they become the counts and durations in AppMetrics",
    "Host.Function.Console": "what the worker prints, such as why an import fails",
    "Host.Startup": "which functions were found, and what is wrong with one",
    "Host.General": "start and stop of the host",
    "Worker": "start, death and restart of the worker",
}
LEFT_OUT: Final = {
    "Function.poll_on_schedule": "Executing, Executed: AppRequests has them",
    "Function.drain_stream": "Executing, Executed: AppRequests has them",
    "Function.drain_stream.User": "the extension 3.19.0 writes a line here whenever a run goes on",
    "Function.stream_cursor.User": "likewise, for each operation of an entity",
    "Function.show_status": "Executing, Executed: AppRequests has them",
    "Host.Triggers.DurableTask": "the extension of October 2024 writes these lines here",
    "DurableTask.Core": "each turn",
    "DurableTask.AzureStorage": "each message",
    "Azure.Core": "each request to the storage account",
}


@pytest.mark.parametrize("category", WRITTEN)
def test_what_somebody_reads_is_written(category: str) -> None:
    """The reason is in the table."""
    assert is_written(category, "Information"), WRITTEN[category]


@pytest.mark.parametrize("category", LEFT_OUT)
def test_what_nobody_reads_is_left_out_unless_it_is_a_warning(category: str) -> None:
    """The reason is in the table; warnings and errors of every category are written."""
    assert not is_written(category, "Information"), LEFT_OUT[category]
    assert is_written(category, "Warning")


def test_every_level_of_host_json_is_needed() -> None:
    """Each name there decides on a category of the tables."""
    assert {deciding(category) for category in WRITTEN | LEFT_OUT} | {DEFAULT} == set(levels())


def test_what_the_app_logs_at_information_is_written() -> None:
    """A function that logs at this level has its category in host.json; no module without functions does so."""
    found = set()
    for path in (path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.py"))):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.Attribute) and node.attr == "info" for node in ast.walk(tree)):
            functions = {
                node.name
                for node in tree.body
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list
            }
            assert functions, f"{path.name} has no function: log where a function's category is known"
            found |= functions
    assert found == {"poll_on_schedule", "housekeeping"}
    assert all(is_written(f"Function.{name}.User", "Information") for name in found)
