"""The account of a run: every event that was offered against every row that stands in the table."""

from collections import Counter
from dataclasses import dataclass

from local.onepassword import OnePasswordSimulator
from local.workspace import Workspace

EVENTS_TABLE = "OnePasswordEventLogs_CL"


@dataclass(frozen=True, slots=True)
class Account:
    """One stream's account; None where a remote is real and nobody can know."""

    offered: int | None
    rows: int | None
    lost: int | None
    duplicated: int | None


def account_for(stream: str, source: OnePasswordSimulator | None, workspace: Workspace | None) -> Account:
    """Count in the workspace, not in the app: `lost` events have no row, `duplicated` rows repeat a `uuid_s`."""
    offered = set(source.offered(stream)) if source else None
    if workspace is None:
        return Account(len(offered) if offered is not None else None, None, None, None)
    _, found = workspace.query(f"{EVENTS_TABLE} | where log_source == '{stream}' | project uuid_s")
    rows = Counter(uuid for (uuid,) in found)
    return Account(
        offered=len(offered) if offered is not None else None,
        rows=rows.total(),
        lost=len(offered - rows.keys()) if offered is not None else None,
        duplicated=rows.total() - len(rows),
    )
