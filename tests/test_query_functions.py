"""The query functions that a deployment installs do what their comments say."""

from pathlib import Path

from local.ingestion import read_tables
from local.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]


def test_each_event_is_there_once(tmp_path: Path) -> None:
    """The first of several rows of an event stays, and what the connector says of itself is left out."""
    workspace = Workspace(tmp_path / "workspace.duckdb", read_tables(ROOT / "azuredeploy.json"))
    rows = """
        SELECT * FROM (VALUES
            (TIMESTAMP '2026-11-25 10:00', 'A', 'auditevents', ''),
            (TIMESTAMP '2026-11-25 10:05', 'A', 'auditevents', ''),
            (TIMESTAMP '2026-11-25 10:10', 'A', 'auditevents', 'november'),
            (TIMESTAMP '2026-11-25 10:00', 'B', 'itemusages', ''),
            (TIMESTAMP '2026-11-25 10:00', 'poll-1', 'healthevents', '')
        ) AS rows(TimeGenerated, uuid_s, log_source, backfill_id)
    """
    workspace.insert("OnePasswordEventLogs_CL", rows)
    query = (ROOT / "sentinel" / "functions" / "OnePasswordEvents.kql").read_text()
    names, found = workspace.query(query + "| project uuid_s, TimeGenerated, backfill_id | order by uuid_s asc")
    workspace.close()
    assert names == ["uuid_s", "TimeGenerated", "backfill_id"]
    assert [(row[0], row[1].hour, row[1].minute, row[2]) for row in found] == [("A", 10, 0, ""), ("B", 10, 0, "")]
