"""The connector itself: polls that do not come, streams that fail, events that were kept, fields that are new."""

import itertools
from collections.abc import Iterable
from typing import Any, Final

from tests.content.case import RuleCase
from tests.content.planted import Planted, days, health, heartbeat, minutes, signin

HOUR: Final = 60
DAY: Final = 24 * HOUR
UNAUTHORIZED: Final = "auditevents: 1Password answered 401: issue a new token"

_numbers: Final = itertools.count(1)


def run(ago: float, event_type: str = "auditevents", **columns: Any) -> Planted:
    """What a poll so many minutes ago did with a stream; `account` is empty for the first one, as in the app."""
    columns = {"instance_id": f"poll-{next(_numbers)}-{event_type}", "account": "", "error": "", "drift": "", **columns}
    return health(event_type, minutes(ago), **columns)


def runs(since: float, until: float = 1, every: float = 5, **columns: Any) -> list[Planted]:
    """A poll every so many minutes, from so many minutes ago until so many ago."""
    count = int((since - until) // every) + 1
    return [run(since - every * each, **columns) for each in range(count)]


def failed(since: float, until: float = 1, **columns: Any) -> list[Planted]:
    return runs(
        since, until, **{"outcome": "failed", "error": UNAUTHORIZED, "events": 0, "lag_seconds": None} | columns
    )


def well(since: float, until: float = 1, **columns: Any) -> list[Planted]:
    return runs(since, until, **columns)


def twice(rows: Iterable[Planted]) -> list[Planted]:
    return [each for row in rows for each in (row, row)]


BEHIND: Final = {"outcome": "more", "lag_seconds": 9000.0, "events": 4000}
WHOLE: Final = {
    "event_type": "",
    "account_uuid": "",
    "outcome": "failed",
    "error": "introspection: 1Password answered 401",
}

CASES: Final = [
    RuleCase(
        rule="ConnectorSilent",
        fires={
            "polls fail": [
                heartbeat(minutes(90)),
                run(65, outcome="failed", error="not of this hour"),
                *failed(50),
                *(row.backfilled() for row in failed(20, error="of a backfill")),
            ],
            "for an hour to the minute": [heartbeat(minutes(60))],
            "the app does not run": [heartbeat(minutes(61)), heartbeat(minutes(66)), *well(66, 61)],
            "events arrive, but not of all streams": [heartbeat(minutes(90)), signin("mia"), *well(60)],
            "for almost two weeks": [heartbeat(days(13.5))],
            "the health table was never written": [heartbeat(minutes(70))],
        },
        quiet={
            "half an hour ago": [heartbeat(minutes(30)), *failed(25)],
            "just now": [heartbeat(minutes(125)), heartbeat(minutes(1))],
            "never installed": [signin("mia", minutes(120))],
            "removed long ago": [heartbeat(days(14.5))],
            "the other table alone": well(90, 70),
        },
        expect={
            "Application": "1Password",
            "Problem": f'["{UNAUTHORIZED}"]',
            "HoursWithout": 1.5,
            "RunsInLastHour": 10,
        },
        lasting=True,
    ),
    RuleCase(
        rule="ConnectorStreamUnhealthy",
        fires={
            "a stream fails": [*well(3 * HOUR, 45), *failed(40), *well(3 * HOUR, event_type="itemusages")],
            "from the beginning": failed(50),
            "for just half an hour": failed(31),
            "throttled": [*well(3 * HOUR, 45), *failed(40, outcome="throttled")],
            "fallen behind": [*well(3 * HOUR, 45), *runs(40, **BEHIND)],
            "by turns behind and failing": [*well(3 * HOUR, 45), *failed(40, 20), *runs(18, **BEHIND)],
            "nothing is delivered, and more waits": [
                *well(3 * HOUR, 45),
                *runs(40, outcome="more", events=0, lag_seconds=None),
            ],
            "an account as a whole": [*well(3 * HOUR, 45), *failed(40, **WHOLE)],
            "one account of two, as a whole": [
                *well(3 * HOUR, 45, account="EMEA"),
                *failed(40, account="EMEA", **WHOLE),
                *well(3 * HOUR),
            ],
            "all accounts, none of which is the first": [
                *well(3 * HOUR, 45, account="EMEA"),
                *failed(40, **WHOLE),
            ],
            "since a day and a little": [
                *well(30 * HOUR, 24 * HOUR + 45),
                *failed(24 * HOUR + 35),
            ],
            "another run held the stream in between": [
                *well(3 * HOUR, 45),
                *failed(40, 20),
                run(17, outcome="busy"),
                *failed(12),
            ],
            "polled every hour": [*well(10 * HOUR, 2 * HOUR), *failed(61, every=60)],
            "again, after it was well": [*failed(5 * HOUR, 4 * HOUR), *well(4 * HOUR - 2, 45), *failed(40)],
            "not polled any more": [
                *well(9 * HOUR, 2.5 * HOUR, event_type="itemusages"),
                *well(9 * HOUR),
            ],
        },
        quiet={
            "well": well(3 * HOUR),
            "one hiccup": [*well(3 * HOUR, 35), run(31, outcome="failed", error=UNAUTHORIZED), *well(26)],
            "a hiccup just now": [*well(3 * HOUR, 10), run(3, outcome="failed", error=UNAUTHORIZED)],
            "hiccups of days, each healed": [
                row
                for each in range(1, 6)
                for row in (run(each * DAY, outcome="failed"), run(each * DAY - 5), run(5 + each / 10))
            ],
            "hiccups of an account as a whole, each healed": [
                row
                for each in range(6)
                for row in (
                    run(each * DAY + 9, **WHOLE),
                    run(each * DAY + 4, account="EMEA"),
                )
            ],
            "failed for twenty minutes": [*well(3 * HOUR, 25), *failed(21)],
            "failed for an hour, and is well": [*well(3 * HOUR, 85), *failed(80, 20), *well(15)],
            "another stream of the account failed for so long": [*failed(40, 25), *failed(20, event_type="itemusages")],
            "more waits, but it keeps up": [*well(3 * HOUR, 45), *runs(40, outcome="more", lag_seconds=3600.0)],
            "catches up for the first time": runs(50, **BEHIND),
            "held by another run": [*well(3 * HOUR, 45), *runs(40, outcome="busy")],
            "taken over": [*well(3 * HOUR, 45), *runs(40, outcome="superseded")],
            "quiet for a day": runs(3 * HOUR, events=0, lag_seconds=90000.0),
            "recovered": runs(50, outcome="recovered", error="1Password rejected the cursor", lag_seconds=9000.0),
            "recovered in between": [
                *failed(40, 22),
                run(20, outcome="recovered", lag_seconds=9000.0),
                *failed(15),
            ],
            "alerted an hour ago": [*well(3 * HOUR, 95), *failed(90)],
            "alerted hours ago": [*well(9 * HOUR, 5 * HOUR), *failed(5 * HOUR - 5)],
            "an option is wrong, and all is polled": [
                row for each in range(12) for row in (run(4.5 * each + 2), run(4.5 * each + 1, **WHOLE))
            ],
            "a backfill fails": [row.backfilled() for row in failed(50)],
            "an account as a whole failed, two hours ago": [*failed(150, 140, **WHOLE), *well(135)],
            "not polled for an hour and a half": [
                *well(9 * HOUR, 1.5 * HOUR, event_type="itemusages"),
                *well(9 * HOUR),
            ],
            "not polled any more, and alerted an hour ago": [
                *well(9 * HOUR, 3.5 * HOUR, event_type="itemusages"),
                *well(9 * HOUR),
            ],
            "the app is stopped": well(9 * HOUR, 2.5 * HOUR),
            "an account was removed": [*well(9 * HOUR, 2.5 * HOUR, account="EMEA"), *well(9 * HOUR)],
            "not polled any more since yesterday": [
                *well(30 * HOUR, 24 * HOUR, event_type="itemusages"),
                *well(9 * HOUR),
            ],
        },
        expect={
            "Stream": "auditevents",
            "State": "fails",
            "Problem": UNAUTHORIZED,
            "Runs": 8,
            "Application": "1Password",
        },
    ),
    RuleCase(
        rule="ConnectorKeptEvents",
        fires={
            "one event": [run(9, dead_letters=1, error="auditevents: 1 event is kept")],
            "events of several polls": [*runs(50, dead_letters=2), *well(2 * DAY, 60)],
            "of a run that failed": [run(9, dead_letters=1, outcome="failed")],
            "again, after an alert": [run(5 * HOUR, dead_letters=3), run(9, dead_letters=1)],
            "told twice": twice([run(9, dead_letters=1)]),
        },
        quiet={
            "none": well(50),
            "an earlier one": [run(5 * HOUR, dead_letters=1), *well(50)],
            "known to the run before": [run(60, dead_letters=1)],
            "of a backfill": [run(9, dead_letters=4).backfilled()],
            "a failed run without any": failed(9),
        },
        expect={
            "Stream": "auditevents",
            "DeadLetters": 1,
            "Events": "1 event",
            "Problem": "auditevents: 1 event is kept",
        },
    ),
    RuleCase(
        rule="ConnectorSchemaDrift",
        fires={
            "a field": [*well(3 * HOUR, 30), *runs(20, drift="risk_score")],
            "two fields": runs(20, drift="device_trust risk_score"),
            "one more field": [*runs(3 * HOUR, 30, drift="risk_score"), *runs(20, drift="device_trust risk_score")],
            "the same field of other events": [
                *runs(3 * HOUR, drift="risk_score"),
                *runs(20, drift="risk_score", event_type="itemusages"),
            ],
            "in two accounts": [*runs(20, drift="risk_score"), *runs(20, drift="risk_score", account="EMEA")],
        },
        quiet={
            "none": well(3 * HOUR),
            "at each poll since hours": runs(3 * HOUR, drift="risk_score"),
            "known to the run before": runs(60, drift="risk_score"),
            "last week, and again": [run(7 * DAY, drift="risk_score"), run(9, drift="risk_score")],
            "one of two that were known": [run(7 * DAY, drift="device_trust risk_score"), run(9, drift="risk_score")],
            "in a backfill": [run(9, drift="risk_score").backfilled()],
        },
        expect={"EventType": "auditevents", "Fields": '["risk_score"]', "Accounts": 1},
    ),
]
