"""The connector in four conditions: healthy, broken, new, and fed with hostile text."""

from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onepassword_sentinel.status import (
    BackfillStatus,
    BackfillStreamStatus,
    LastFailure,
    PolledEvents,
    PollStatus,
    Status,
    StreamStatus,
)

NOW = datetime(2026, 11, 22, 12, 0, 5, tzinfo=UTC)
ACCOUNT = "MRTQYZ7CANBKLPOW3XDUHE5VSA"
OTHER_ACCOUNT = "B4F2JQ6SDZKX3WNYVPCTA7LHGE"
MONITOR = "https://monitor.example/taskhub"
EVENT_TYPES = ("signinattempts", "itemusages", "auditevents")
REVOKED = (
    "signinattempts: 1Password refuses the token (401): it was revoked or has expired; issue a new one and put it into "
    "ONEPASSWORD_TOKEN"
)
FORBIDDEN = (
    "auditevents: Azure refuses the rows (403): give the app's identity the role Monitoring Metrics Publisher on the "
    "data collection rule dcr-0123456789abcdef0123456789abcdef; a new role takes up to 30 minutes to work"
)
HOSTILE = """<script>alert("1")</script><img src=x onerror='alert(1)'>"'&amp;"""


def ago(**units: float) -> datetime:
    return NOW - timedelta(**units)


def quarter(events: int = 0, *, polls: int = 1, failed: int = 0, **units: float) -> PolledEvents:
    """Make the quarter of an hour that lies so long ago, in whose largest poll all its events came."""
    time = ago(**units)
    at = time.replace(minute=time.minute // 15 * 15, second=0, microsecond=0)
    return PolledEvents(at, polls, events, events, events * 600, failed)


def polled(*, minutes: int = 5, failed: Collection[int] = (), scale: int = 40) -> tuple[PolledEvents, ...]:
    """Make a day of polls, busy at day and quiet at night; `failed` are those that failed, counted back from now."""
    quarters: dict[datetime, PolledEvents] = {}
    for index in reversed(range(24 * 60 // minutes)):
        at = ago(minutes=index * minutes, seconds=5)
        bad = index in failed
        events = 0 if bad else max(scale * (9 - abs(at.hour - 12)), 0) * (index * 7_919 % 8)
        one = quarter(events, failed=int(bad), minutes=index * minutes, seconds=5)
        if old := quarters.get(one.at):
            one = PolledEvents(
                one.at, old.polls + 1, old.events + events, max(old.most, events), 0, old.failed + one.failed
            )
        quarters[one.at] = one
    return tuple(quarters.values())


def stream(event_type: str = "signinattempts", **changes: Any) -> StreamStatus:
    account = changes.pop("account", "")
    account_uuid = changes.pop("account_uuid", ACCOUNT)
    fields: dict[str, Any] = {
        "key": f"{account_uuid}-{event_type}",
        "label": f"{account.lower()}-{event_type}" if account else event_type,
        "account": account,
        "account_uuid": account_uuid,
        "event_type": event_type,
        "health": "healthy",
        "explanation": "everything was delivered",
        "lag_seconds": 42.0,
        "succeeded_at": ago(seconds=42),
        "newest": ago(minutes=3),
        "events_total": 1_234_567,
        "events_today": 12_345,
        "bytes_today": 8_123_456,
        "polled": polled(),
        "dead_letters": 0,
    }
    return StreamStatus(**fields | changes)


def poll(number: int = 0, **changes: Any) -> PollStatus:
    started = ago(minutes=number * 5, seconds=5)
    fields: dict[str, Any] = {
        "instance_id": f"{started:%Y%m%d%H%M}{number:020x}",
        "started_at": started,
        "ended_at": started + timedelta(seconds=2.4 + number),
        "state": "completed",
        "events": 1_311 * (number % 4),
        "outcomes": dict.fromkeys(EVENT_TYPES, "ok"),
    }
    fields |= changes
    return PollStatus(**{"counts": dict(Counter(fields["outcomes"].values())), **fields})


def backfill_stream(label: str, **changes: Any) -> BackfillStreamStatus:
    fields: dict[str, Any] = {
        "key": f"{ACCOUNT}-{label}-backfill-q3",
        "instance_id": f"backfill-q3-{label}",
        "state": "running",
        "events": 412_000,
        "pages": 412,
        "percent": 61.4,
        "events_per_second": 1_830.2,
        "seconds_left": 8_040.0,
    }
    return BackfillStreamStatus(label=label, **fields | changes)


def backfill(**changes: Any) -> BackfillStatus:
    fields: dict[str, Any] = {
        "id": "q3",
        "instance_id": "backfill-q3",
        "state": "running",
        "start_time": "2026-07-01T00:00:00Z",
        "end_time": "2026-10-01T00:00:00Z",
        "started_at": ago(minutes=17),
        "events": 812_000,
        "percent": 53.8,
        "streams": (
            backfill_stream("signinattempts", state="completed", percent=100.0, seconds_left=None),
            backfill_stream("itemusages"),
            backfill_stream(
                "auditevents", state="waiting", percent=0.0, events=0, events_per_second=None, seconds_left=None
            ),
        ),
    }
    return BackfillStatus(**fields | changes)


@pytest.fixture
def healthy() -> Status:
    """Provide a connector in which nothing is wrong."""
    return Status(
        checked_at=NOW,
        version="0.1.0",
        healthy=True,
        summary="3 of 3 streams healthy",
        streams=(
            stream(),
            stream("itemusages", polled=polled(scale=3), lag_seconds=3.4, bytes_today=812),
            stream("auditevents", events_today=0, bytes_today=0, newest=ago(days=3), polled=polled(minutes=30)),
        ),
        backfills=(backfill(),),
        polls=tuple(poll(number) for number in range(10)),
    )


@pytest.fixture
def broken() -> Status:
    """Provide one of two accounts in which about everything is wrong."""
    failed = range(3, 9)
    return Status(
        checked_at=NOW,
        version="0.1.0",
        healthy=False,
        summary="2 of 5 streams fail, 1 is behind",
        problems=(
            "Fix these app settings: LOGS_INGESTION_ENDPOINT is not an https address; POLL_SCHEDULE is not NCRONTAB",
            f"The latest poll failed: {REVOKED} | {FORBIDDEN}",
        ),
        streams=(
            stream(
                health="failing",
                explanation="the latest poll failed",
                lag_seconds=5_400.0,
                polled=polled(failed=range(18)),
                last_failure=LastFailure(ago(minutes=4), REVOKED, over=False),
                dead_letters=None,
            ),
            stream(
                "auditevents",
                health="failing",
                explanation="the latest poll failed",
                lag_seconds=None,
                succeeded_at=None,
                newest=None,
                events_total=0,
                events_today=0,
                bytes_today=0,
                polled=polled(failed=range(288)),
                last_failure=LastFailure(ago(minutes=4), FORBIDDEN, over=False),
                dead_letters=None,
            ),
            stream("itemusages", health="unpolled", explanation="the token no longer covers it", polled=()),
            stream(
                account="SUBSIDIARY",
                account_uuid=OTHER_ACCOUNT,
                health="behind",
                explanation="1Password asked to be left alone until 12:03:00 UTC",
                lag_seconds=93_600.0,
                dead_letters=1_204,
                polled=polled(failed=failed, scale=77),
                last_failure=LastFailure(ago(hours=5), "subsidiary-signinattempts: HTTP 503", over=True),
            ),
            stream("auditevents", account="SUBSIDIARY", account_uuid=OTHER_ACCOUNT),
        ),
        backfills=(
            backfill(
                state="failed",
                failure=FORBIDDEN,
                streams=(
                    backfill_stream("signinattempts", state="stopped", events_per_second=0.0, seconds_left=None),
                    backfill_stream("auditevents", state="failed", failure=FORBIDDEN, seconds_left=None),
                ),
            ),
        ),
        polls=(
            poll(0, state="running", ended_at=None, outcomes={}, events=0),
            poll(
                1,
                state="failed",
                error=f"{REVOKED} | {FORBIDDEN}",
                outcomes={
                    "signinattempts": "failed",
                    "auditevents": "failed",
                    "subsidiary-signinattempts": "throttled",
                },
            ),
            poll(2, state="stopped", outcomes={}, error="terminated by hand"),
            *(poll(number) for number in range(3, 6)),
        ),
        dead_letters_problem="AzureWebJobsStorage is not reachable",
    )


@pytest.fixture
def empty() -> Status:
    """Provide a connector that has never polled."""
    return Status(checked_at=NOW, version="0.1.0", healthy=False, summary="No poll has run yet")


@pytest.fixture
def hostile() -> Status:
    """Provide one in which every text that comes from outside tries to be markup."""
    return Status(
        checked_at=NOW,
        version=f"version {HOSTILE}",
        healthy=False,
        summary=f"summary {HOSTILE}",
        problems=(f"problem {HOSTILE}",),
        streams=tuple(
            stream(
                f"event type {HOSTILE}",
                key=f"key {HOSTILE}",
                label=f"label {HOSTILE}",
                account=account,
                account_uuid=f"account uuid {HOSTILE}",
                explanation=f"explanation {HOSTILE}",
                last_failure=LastFailure(NOW, f"last failure {HOSTILE}", over=False),
            )
            for account in (f"account {HOSTILE}", "")
        ),
        backfills=(
            backfill(
                id=f"backfill {HOSTILE}",
                instance_id=f"backfill instance {HOSTILE}",
                start_time=f"start {HOSTILE}",
                end_time=f"end {HOSTILE}",
                failure=f"backfill failure {HOSTILE}",
                streams=(backfill_stream(f"backfill stream {HOSTILE}", failure=f"stream failure {HOSTILE}"),),
            ),
        ),
        polls=(
            poll(
                instance_id=f"poll instance {HOSTILE}",
                outcomes={f"poll stream {HOSTILE}": f"outcome {HOSTILE}", "other": "ok"},
                error=f"poll error {HOSTILE}",
            ),
        ),
        dead_letters_problem=f"dead letters problem {HOSTILE}",
    )


@pytest.fixture(params=("healthy", "broken", "empty", "hostile"))
def status(request: pytest.FixtureRequest) -> Status:
    """Provide the connector in each condition."""
    found: Status = request.getfixturevalue(request.param)
    return found
