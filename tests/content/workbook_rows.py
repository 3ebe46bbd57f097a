"""What is put into the table to see it in the workbook: a day that is over, and what lies around it."""

from datetime import timedelta
from typing import Final

from tests.content.planted import NOW, SYDNEY, Planted, audit, days, health, heartbeat, minutes, person, signin, usage

# What happened in it may have come later.
A_DAY: Final = (NOW - days(3), NOW - days(2))
THEN: Final = days(2.5)


def of_that_day() -> list[Planted]:
    """All kinds of events that tiles count: some came late, some by a backfill, some twice."""
    twice = usage("mia", "reveal", THEN, seen=days(1.5), item="two")
    return [
        signin("mia", THEN, place=SYDNEY),
        signin("tom", THEN, category="credentials_failed", kind="password_secret_bad"),
        signin("tom", THEN, category="mfa_failed", kind="totp_bad", seen=minutes(5)).backfilled(),
        signin("eve", THEN, category="firewall_failed", kind="country_blocked", details={"value": "DE"}),
        usage("mia", "fill", THEN, seen=days(1.5)),
        twice,
        twice.again(ingested=days(1)),
        usage("tom", "secure-copy", THEN, seen=days(1.5)),
        usage("mia", "export", THEN, seen=days(1)).backfilled(),
        usage("mia", "export", THEN, item="two"),
        usage("bot", "server-fetch", THEN, user={**person("bot"), "email": "bot@1passwordserviceaccounts.com"}),
        audit("mia", "updatfw", "account", THEN),
        audit("mia", "grant", "uva", THEN, vault="v1", subject="mia"),
        audit("mia", "grant", "gva", THEN, vault="v1", group="g1"),
        audit("mia", "join", "gm", THEN, group="g1", subject="tom", info="A"),
        audit("mia", "suspend", "user", THEN, seen=days(1), subject="tom"),
        audit("mia", "create", "satoken", THEN, seen=days(1)).backfilled(),
    ]


def of(ago: timedelta, seen: timedelta) -> list[Planted]:
    """Events of another day."""
    return [
        signin("mia", ago, seen=seen),
        signin("eve", ago, seen=seen, category="mfa_failed", kind="totp_bad"),
        usage("mia", "export", ago, seen=seen),
        audit("mia", "updatfw", "account", ago, seen=seen),
        audit("mia", "suspend", "user", ago, seen=seen, subject="tom"),
    ]


def of_health() -> list[Planted]:
    """Reports of that day's polls, and of a backfill."""
    return [
        health("auditevents", days(2.6), outcome="failed", error="auditevents: 1Password was away"),
        health("auditevents", THEN),
        health("itemusages", THEN, outcome="failed", error="itemusages: the token was refused", events=0),
        health("signinattempts", THEN, dead_letters=2, drift="new_field"),
        health("auditevents", THEN, events=5000, outcome="more").backfilled(),
        heartbeat(THEN),
    ]
