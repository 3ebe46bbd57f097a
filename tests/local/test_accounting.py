"""The account of a run finds what is lost and what is doubled."""

from pathlib import Path

import pytest

from local.accounting import StreamAccount, account_for, what_is_wrong
from local.onepassword import OnePasswordSimulator
from local.onepassword.timestamps import to_ns
from local.workspace import Workspace

STREAM = "auditevents"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Provide a table with nothing but what is looked at."""
    return Workspace(tmp_path / "w.duckdb", {"OnePasswordEventLogs_CL": {"uuid_s": "string", "log_source": "string"}})


@pytest.fixture
def source() -> OnePasswordSimulator:
    """Provide a stream of ten events, all of which were offered."""
    simulator = OnePasswordSimulator(events=10)
    simulator.begin(STREAM, to_ns(simulator.now()) - 30 * 86_400 * 10**9)
    return simulator


def insert(workspace: Workspace, uuids: list[str], log_source: str = STREAM) -> None:
    for uuid in uuids:
        workspace.insert("OnePasswordEventLogs_CL", "SELECT ? AS uuid_s, ? AS log_source", [uuid, log_source])


def test_each_event_once_is_a_clean_account(workspace: Workspace, source: OnePasswordSimulator) -> None:
    """Rows of other streams do not count."""
    insert(workspace, list(source.offered(STREAM)))
    insert(workspace, ["other"], "itemusages")
    assert account_for(STREAM, source, workspace) == StreamAccount(offered=10, rows=10, lost=0, duplicated=0)


def test_a_missing_event_is_lost_and_a_repeated_one_doubled(workspace: Workspace, source: OnePasswordSimulator) -> None:
    """One does not make up for the other."""
    uuids = list(source.offered(STREAM))
    insert(workspace, [*uuids[:8], uuids[0], uuids[0]])
    assert account_for(STREAM, source, workspace) == StreamAccount(offered=10, rows=10, lost=2, duplicated=2)


def test_what_nobody_can_know_is_not_claimed(workspace: Workspace, source: OnePasswordSimulator) -> None:
    """A real source keeps no ledger, a real destination shows no rows."""
    insert(workspace, ["a", "a"])
    assert account_for(STREAM, None, workspace) == StreamAccount(offered=None, rows=2, lost=None, duplicated=1)
    assert account_for(STREAM, source, None) == StreamAccount(offered=10, rows=None, lost=None, duplicated=None)


@pytest.mark.parametrize(
    ("account", "backlog", "says"),
    [
        (StreamAccount(10, 10, 0, 0), 10, []),
        (StreamAccount(10, 10, 2, 2), 10, [f"{STREAM}: 2 of 10 events are lost", f"{STREAM}: 2 rows are doubled"]),
        (StreamAccount(0, 0, 0, 0), 10, [f"{STREAM}: only 0 of 10 events were asked for"]),
        (StreamAccount(4, 4, 0, 0), 10, [f"{STREAM}: only 4 of 10 events were asked for"]),
        (StreamAccount(4, 4, 0, 0), 0, []),
        (StreamAccount(10, None, None, None), 10, []),
        (StreamAccount(11, None, None, None), 10, [f"{STREAM}: 11 events were offered, 10 acknowledged"]),
        (StreamAccount(None, 10, None, 3), 0, [f"{STREAM}: 3 rows are doubled"]),
    ],
    ids=[
        "clean",
        "lost",
        "never polled",
        "begun too late",
        "own look-back",
        "own sink",
        "unacknowledged",
        "own source",
    ],
)
def test_what_does_not_add_up_is_said(account: StreamAccount, backlog: int, says: list[str]) -> None:
    """Also a stream that nobody polled, or that began too late: the ledger begins only where it was asked to."""
    assert what_is_wrong({STREAM: account}, {STREAM: 10}, {STREAM: backlog}) == says
