"""The account of a run: every event that was offered against every row that stands in the table."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from local.onepassword import OnePasswordSimulator
from local.workspace import Workspace

EVENTS_TABLE = "OnePasswordEventLogs_CL"


@dataclass(frozen=True, slots=True)
class StreamAccount:
    """One stream's account; None where a remote is real and nobody can know."""

    offered: int | None
    rows: int | None
    lost: int | None
    duplicated: int | None


def account_for(
    stream: str, source: OnePasswordSimulator | None, workspace: Workspace | None, kept: Collection[str] = ()
) -> StreamAccount:
    """Count in the workspace, not in the app: `lost` events have no row, `duplicated` rows repeat a `uuid_s`.

    Events whose uuid is among `kept` are in dead-letter storage, and so not lost.
    """
    offered = set(source.offered(stream)) if source else None
    if workspace is None:
        return StreamAccount(len(offered) if offered is not None else None, None, None, None)
    _, found = workspace.query(f"{EVENTS_TABLE} | where log_source == '{stream}' | project uuid_s")
    rows = Counter(uuid for (uuid,) in found)
    return StreamAccount(
        offered=len(offered) if offered is not None else None,
        rows=rows.total(),
        lost=len(offered.difference(rows, kept)) if offered is not None else None,
        duplicated=rows.total() - len(rows),
    )


def what_is_wrong(
    accounts: Mapping[str, StreamAccount], delivered: Mapping[str, int], backlog: Mapping[str, int]
) -> list[str]:
    """Say what does not add up, as far as it can be known.

    ``delivered`` is what the app says it delivered, ``backlog`` how many events there are that it had to ask for. The
    ledger alone would not do: it begins where the app asked it to.
    """
    found: list[str] = []
    for name, account in accounts.items():
        if account.offered is not None and account.offered < backlog.get(name, 0):
            found.append(f"{name}: only {account.offered:,} of {backlog[name]:,} events were asked for")
        if account.lost:
            found.append(f"{name}: {account.lost:,} of {account.offered:,} events are lost")
        if account.duplicated:
            found.append(f"{name}: {account.duplicated:,} rows are doubled")
        acknowledged = delivered.get(name, 0)
        if account.rows is None and account.offered is not None and account.offered != acknowledged:
            found.append(f"{name}: {account.offered:,} events were offered, {acknowledged:,} acknowledged")
    return found
