"""The local workspace: KQL over a DuckDB file."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.ingestion import read_tables
from local.workspace import Workspace, WorkspaceError, WorkspaceQueryError

TEMPLATE = Path(__file__).parents[2] / "azuredeploy.json"
TABLE = "OnePasswordEventLogs_CL"
SELECT = 'SELECT unnest(from_json($1, \'[{"uuid_s":"VARCHAR","target_user":"JSON"}]\'), recursive := true)'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "workspace.duckdb"


@pytest.fixture
def workspace(path: Path) -> Iterator[Workspace]:
    opened = Workspace(path, read_tables(TEMPLATE))
    yield opened
    opened.close()


def names(*people: str) -> str:
    rows = [{"uuid_s": str(n), "target_user": {"name": name}} for n, name in enumerate(people)]
    return json.dumps(rows)


def test_the_issues_query(workspace: Workspace) -> None:
    """The query that the project promises gives readable names, the most frequent first."""
    assert workspace.insert(TABLE, SELECT, [names("Zoë", "山田", "Zoë")]) == 3
    columns, rows = workspace.query(f"{TABLE} | summarize count() by tostring(target_user.name) | top 10 by count_")
    assert columns == ["target_user_name", "count_"]
    assert rows == [("Zoë", 2), ("山田", 1)]


def test_missing_strings_are_empty(workspace: Workspace) -> None:
    """A string column that is not given is empty and not null, as in Log Analytics."""
    workspace.insert(TABLE, SELECT, [names("a")])
    assert workspace.query(f"{TABLE} | where country == '' | count")[1] == [(1,)]


@pytest.mark.parametrize(
    ("kql", "sentence"),
    [
        (f"{TABLE} | wher x", "cannot be parsed"),
        (f"{TABLE} | extend g = geo_info_from_ip_address(country)", "Log Analytics may run this query"),
        ("Nowhere | take 1", "Nowhere"),
        (f"{TABLE} | project nothing", "nothing"),
        (f".set-or-replace {TABLE} <| print 1", "writes are disabled"),
    ],
)
def test_a_query_that_cannot_run(workspace: Workspace, kql: str, sentence: str) -> None:
    """A query that is wrong, unsupported or would write ends with one line that says so."""
    with pytest.raises(WorkspaceQueryError, match=sentence) as caught:
        workspace.query(kql)
    assert "\n" not in str(caught.value)


def test_open_existing(workspace: Workspace, path: Path) -> None:
    """What one run stored can be read by the next process, and not be changed by it."""
    workspace.insert(TABLE, SELECT, [names("a", "b")])
    workspace.close()
    again = Workspace.open_existing(path)
    assert again.query(f"{TABLE} | count")[1] == [(2,)]
    again.close()
    again.close()


def test_open_what_is_not_there(path: Path) -> None:
    """Without a file the message says what to run first."""
    with pytest.raises(WorkspaceError, match="make run"):
        Workspace.open_existing(path)


def test_open_what_is_no_database(path: Path) -> None:
    """A file of another kind is refused by name."""
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(WorkspaceError, match=r"workspace\.duckdb"):
        Workspace.open_existing(path)


def test_other_columns(workspace: Workspace, path: Path) -> None:
    """A file whose tables have other columns than the template is refused, and the way out is named."""
    workspace.close()
    with pytest.raises(WorkspaceError, match="delete the file"):
        Workspace(path, {TABLE: {"TimeGenerated": "datetime"}})


def test_reading_while_writing(workspace: Workspace) -> None:
    """Queries see whole inserts only, while another thread inserts."""
    batch = names(*"abcdefghij")

    def write() -> None:
        for _ in range(20):
            workspace.insert(TABLE, SELECT, [batch])

    writer = threading.Thread(target=write)
    writer.start()
    counts = []
    while writer.is_alive():
        counts.append(workspace.query(f"{TABLE} | count")[1][0][0])
    writer.join()
    assert all(count % 10 == 0 for count in counts)
    assert workspace.query(f"{TABLE} | count")[1] == [(200,)]
