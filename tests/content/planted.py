"""Made-up events, put into the table as the connector's own are: through the data collection rule."""

import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from local.content import read_functions
from local.ingestion import CompiledFlow, compile_flow, read_rows, read_rule, read_tables
from local.workspace import Workspace

TEMPLATE: Final = Path(__file__).resolve().parents[2] / "azuredeploy.json"
EVENTS: Final = "Custom-OnePasswordEvents"
HEALTH: Final = "Custom-OnePasswordConnectorHealth"
NOW: Final = datetime(2026, 11, 25, 12)  # noqa: DTZ001 (as the workspace gives its datetimes: in UTC, without a zone)
ACCOUNT: Final = "ACCOUNT".ljust(26, "A")

_numbers: Final = itertools.count(1)


class Place(NamedTuple):
    """Where somebody is: as 1Password's `country` and `location` say it."""

    code: str
    country: str
    city: str
    latitude: float
    longitude: float


BERLIN: Final = Place("DE", "Germany", "Berlin", 52.52, 13.405)
MUNICH: Final = Place("DE", "Germany", "Munich", 48.137, 11.575)
SYDNEY: Final = Place("AU", "Australia", "Sydney", -33.8688, 151.2093)


@dataclass(frozen=True, slots=True)
class Planted:
    """A row on its way into the table: `happened` and `ingested` before NOW."""

    source: str
    content: dict[str, Any]
    happened: timedelta
    ingested: timedelta
    backfill_id: str = ""
    stream: str = EVENTS
    uuid: str = field(default_factory=lambda: f"EVENT{next(_numbers):021}")

    def again(self, ingested: timedelta) -> "Planted":
        """The same event, delivered once more."""
        return replace(self, ingested=ingested)

    def backfilled(self) -> "Planted":
        """The same row as a backfill delivers it."""
        return replace(self, backfill_id="november")

    def row(self) -> dict[str, Any]:
        """What the connector sends."""
        if self.stream == HEALTH:
            return {**self.content, "backfill_id": self.backfill_id}
        return {
            "log_source": self.source,
            "backfill_id": self.backfill_id,
            "uuid": self.uuid,
            "timestamp": f"{NOW - self.happened:%Y-%m-%dT%H:%M:%S.%f}789Z",
            **self.content,
        }


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def days(number: float) -> timedelta:
    return timedelta(days=number)


def person(name: str) -> dict[str, str]:
    """Someone of the company: mia is mia@example.com."""
    return {"uuid": name.upper().ljust(26, "A"), "name": name.title(), "email": f"{name}@example.com"}


def signin(
    who: str,
    ago: timedelta = timedelta(minutes=2),
    *,
    seen: timedelta | None = None,
    category: str = "success",
    kind: str = "credentials_ok",
    ip: str = "192.0.2.10",
    place: Place = BERLIN,
    app: str = "1Password for Mac",
    **changes: Any,
) -> Planted:
    """A sign-in attempt; `seen` is when it was ingested, at once unless it says otherwise."""
    content = {
        "session_uuid": f"SESSION{next(_numbers):019}",
        "country": place.code,
        "category": category,
        "type": kind,
        "details": None,
        "target_user": {**person(who), "user_type": "user", "user_account_uuid": ACCOUNT},
        "client": _client(app, ip),
        "location": _location(place),
        "account_uuid": ACCOUNT,
        **changes,
    }
    return Planted("signinattempts", content, ago, ago if seen is None else seen)


def usage(
    who: str,
    action: str = "reveal",
    ago: timedelta = timedelta(minutes=2),
    *,
    seen: timedelta | None = None,
    item: str = "item",
    vault: str = "vault",
    ip: str = "192.0.2.10",
    place: Place = BERLIN,
    app: str = "1Password for Mac",
    **changes: Any,
) -> Planted:
    """A use of an item of a shared vault."""
    content = {
        "used_version": 1,
        "vault_uuid": vault.ljust(26, "v"),
        "item_uuid": item.ljust(26, "i"),
        "action": action,
        "user": {**person(who), "user_type": "user", "user_account_uuid": ACCOUNT},
        "client": _client(app, ip),
        "location": _location(place),
        "account_uuid": ACCOUNT,
        **changes,
    }
    return Planted("itemusages", content, ago, ago if seen is None else seen)


def audit(
    who: str,
    action: str,
    object_type: str,
    ago: timedelta = timedelta(minutes=2),
    *,
    seen: timedelta | None = None,
    subject: str = "",
    vault: str = "",
    group: str = "",
    info: str | None = None,
    ip: str = "192.0.2.10",
    place: Place = BERLIN,
    **changes: Any,
) -> Planted:
    """An audit event; `subject` is the person whom it happens to, placed where 1Password places them."""
    content: dict[str, Any] = {
        "actor_uuid": person(who)["uuid"],
        "actor_details": person(who),
        "actor_type": "user",
        "actor_account_uuid": ACCOUNT,
        "action": action,
        "object_type": object_type,
        "object_uuid": "object".ljust(26, "o"),
        "aux_info": info,
        "session": {"uuid": "SESSION".ljust(26, "S"), "login_time": "2026-11-25T08:00:00.123456789Z", "ip": ip},
        "location": _location(place),
        "account_uuid": ACCOUNT,
    }
    if vault:
        content["object_uuid"] = vault.ljust(26, "v")
    if group:
        content["aux_uuid" if vault else "object_uuid"] = group.ljust(26, "g")
    if subject and object_type == "user":
        content |= {"object_uuid": person(subject)["uuid"], "object_details": person(subject)}
    elif subject:
        content |= {"aux_uuid": person(subject)["uuid"], "aux_details": person(subject)}
    return Planted("auditevents", {**content, **changes}, ago, ago if seen is None else seen)


def heartbeat(ago: timedelta) -> Planted:
    """The row that each healthy poll writes among the events."""
    return Planted("healthevents", {}, ago, ago)


def health(event_type: str = "auditevents", ago: timedelta = timedelta(minutes=2), **columns: Any) -> Planted:
    """A row of the health table: what a poll did with a stream."""
    content = {
        "account": "default", "account_uuid": ACCOUNT, "event_type": event_type, "outcome": "ok",
        "events": 3, "pages": 1, "chunks": 1, "bytes": 2000, "requests": 1, "seconds": 0.4, "lag_seconds": 30.0,
        "dead_letters": 0, "connector_version": "0.1.0", "instance_id": f"poll-20261125T120000Z-{event_type}",
        **columns,
    }  # fmt: skip
    return Planted("health", content, ago, ago, stream=HEALTH)


def planted(path: Path, rows: Iterable[Planted]) -> Workspace:
    """A workspace with the template's tables and functions, and these rows."""
    workspace = Workspace(path, read_tables(TEMPLATE), read_functions(TEMPLATE))
    plant(workspace, rows)
    return workspace


def plant(workspace: Workspace, rows: Iterable[Planted]) -> None:
    """Put rows into their tables, each with its own time of ingestion."""
    streams: dict[str, list[Planted]] = {}
    for row in rows:
        streams.setdefault(row.stream, []).append(row)
    for stream, planted_rows in streams.items():
        flow, connection = _flows()[stream], workspace._connection
        (before,) = connection.execute(f'SELECT count(*) FROM "{flow.table}"').fetchone() or (0,)
        workspace.insert(flow.table, flow.select, [read_rows(json.dumps([row.row() for row in planted_rows]).encode())])
        # Rows are numbered as they come: one statement for all moments, because each takes as long as many rows.
        connection.execute(
            f'UPDATE "{flow.table}" SET TimeGenerated = (?::TIMESTAMP[])[rowid - {before} + 1] WHERE rowid >= {before}',
            [[NOW - row.ingested for row in planted_rows]],
        )


@cache
def _flows() -> dict[str, CompiledFlow]:
    rule, tables = read_rule(TEMPLATE), read_tables(TEMPLATE)
    return {stream: compile_flow(rule, stream, tables) for stream in rule.flows}


def _client(app: str, ip: str) -> dict[str, str]:
    return {
        "app_name": app, "app_version": "81038012", "platform_name": "MacBook", "platform_version": "MacBookPro18,3",
        "os_name": "MacOSX", "os_version": "15.6.1", "ip_address": ip,
    }  # fmt: skip


def _location(place: Place) -> dict[str, Any]:
    return {
        "country": place.country, "region": "", "city": place.city,
        "latitude": place.latitude, "longitude": place.longitude,
    }  # fmt: skip
