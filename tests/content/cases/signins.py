"""Sign-ins from places where the person can hardly be, or should not be."""

from typing import Final

from tests.content.case import RuleCase
from tests.content.planted import BERLIN, MUNICH, SYDNEY, Place, Planted, days, minutes, signin

LISBON: Final = Place("PT", "Portugal", "Lisbon", 38.7223, -9.1393)
NOWHERE: Final = Place("DE", "Germany", "", 0, 0)
ELSEWHERE: Final = "198.51.100.7"


def blocked(who: str, ago: float, kind: str = "country_blocked", seen: float | None = None) -> Planted:
    """Shut out by the firewall, in Sydney."""
    return signin(
        who, minutes(ago), seen=None if seen is None else minutes(seen), category="firewall_failed", kind=kind,
        ip=ELSEWHERE, place=SYDNEY, details={"value": "Australia"},
    )  # fmt: skip


def reported(who: str, ago: float, match: str = "Australia") -> Planted:
    """Let in and reported by the firewall."""
    return signin(
        who, minutes(ago), category="firewall_reported_success", place=SYDNEY, ip=ELSEWHERE, details={"value": match}
    )


CASES: Final = [
    RuleCase(
        rule="ImpossibleTravel",
        fires={
            "an hour from Berlin to Sydney": [signin("mia", minutes(62)), signin("mia", place=SYDNEY, ip=ELSEWHERE)],
            "the firewall reported the second": [
                signin("mia", minutes(62)),
                signin("mia", category="firewall_reported_success", place=SYDNEY, ip=ELSEWHERE),
            ],
            "the earlier one is delivered last": [
                signin("mia", minutes(62), seen=minutes(2)),
                signin("mia", minutes(50), seen=minutes(49), place=SYDNEY, ip=ELSEWHERE),
            ],
            "there and back again, in one run": [
                signin("mia", minutes(4)),
                signin("mia", minutes(3), place=SYDNEY, ip=ELSEWHERE),
                signin("mia", minutes(2)),
            ],
            "many sign-ins on both sides": [
                *(signin("mia", minutes(70 + each)) for each in range(9)),
                *(signin("mia", minutes(1 + each / 4), place=SYDNEY, ip=ELSEWHERE) for each in range(9)),
            ],
            "within one country": [signin("mia", minutes(12)), signin("mia", place=MUNICH, ip=ELSEWHERE)],
            "between two places that are new, after an alert for two others": [
                signin("mia", minutes(120)),
                signin("mia", minutes(90), place=SYDNEY, ip=ELSEWHERE),
                signin("mia", place=LISBON, ip="203.0.113.9"),
            ],
            "without a city, in v1's form": [
                signin("mia", minutes(62)),
                signin("mia", ip=ELSEWHERE, location={"latitude": -33.9, "longitude": 151.2}, account_uuid=None),
            ],
        },
        quiet={
            "two people": [signin("mia", minutes(62)), signin("noah", place=SYDNEY, ip=ELSEWHERE)],
            "the second failed": [
                signin("mia", minutes(62)),
                signin("mia", category="credentials_failed", kind="password_secret_bad", place=SYDNEY, ip=ELSEWHERE),
            ],
            "time enough for the flight": [signin("mia", minutes(20 * 60)), signin("mia", place=SYDNEY, ip=ELSEWHERE)],
            "too near to be told from jitter": [
                signin("mia", minutes(3)),
                signin("mia", place=Place("DE", "Germany", "Hamburg", 53.551, 9.994), ip=ELSEWHERE),
            ],
            "without coordinates": [signin("mia", minutes(62)), signin("mia", ip=ELSEWHERE, location=None)],
            "without a longitude": [
                signin("mia", minutes(62)),
                signin("mia", ip=ELSEWHERE, location={"country": "AU", "latitude": -33.9}),
            ],
            "coordinates that stand for unknown": [signin("mia", minutes(62)), signin("mia", place=NOWHERE)],
            "coordinates that are not on the earth": [
                signin("mia", minutes(62)),
                signin("mia", place=Place("AU", "Australia", "Sydney", 151.2, -33.9)),
            ],
            "a service account": [
                signin(who, ago, place=place, target_user={"uuid": "SA", "email": "ci@1passwordserviceaccounts.eu"})
                for who, ago, place in (("ci", minutes(62), BERLIN), ("ci", minutes(2), SYDNEY))
            ],
            "both places known for hours": [
                signin("mia", minutes(62)),
                signin("mia", minutes(30), place=SYDNEY, ip=ELSEWHERE),
                signin("mia"),
            ],
            "the sign-in between them leaves time": [
                signin("mia", minutes(23 * 60), place=SYDNEY, ip=ELSEWHERE),
                signin("mia", minutes(3)),
                signin("mia"),
            ],
        },
        expect={
            "Actor": "mia@example.com",
            "SrcIpAddr": ELSEWHERE,
            "EarlierIpAddr": "192.0.2.10",
            "Travel": "Berlin, DE to Sydney, AU",
            "DistanceKilometers": 16094,
            "SpeedKilometersPerHour": 16094,
        },
    ),
    RuleCase(
        rule="SigninAfterFirewallBlock",
        fires={
            "blocked in Sydney, let in from Lisbon": [
                signin("mia", days(3)),
                blocked("mia", 20),
                signin("mia", place=LISBON, ip="203.0.113.9"),
            ],
            "blocked often, in twice": [
                *(blocked("mia", 20 + each) for each in range(5)),
                signin("mia", minutes(10), place=LISBON, ip="203.0.113.9"),
                signin("mia", minutes(5), place=LISBON, ip="203.0.113.10"),
            ],
            "the block is delivered last": [
                blocked("mia", 90, seen=2),
                signin("mia", minutes(80), place=LISBON, ip="203.0.113.9"),
            ],
            "somebody else did the same": [
                *(blocked(who, 90) for who in ("mia", "noah")),
                signin("noah", minutes(80), place=LISBON, ip="203.0.113.9"),
                signin("mia", minutes(80), seen=minutes(2), place=LISBON, ip="203.0.113.9"),
            ],
            "another city after that": [
                blocked("mia", 90),
                signin("mia", minutes(80), place=LISBON, ip="203.0.113.9"),
                signin("mia", minutes(40), place=LISBON._replace(city="Porto"), ip="203.0.113.10"),
            ],
            "another country after that": [
                blocked("mia", 90),
                signin("mia", minutes(80), place=LISBON._replace(city=""), ip="203.0.113.9"),
                signin("mia", minutes(40), place=BERLIN._replace(city=""), ip="203.0.113.10"),
            ],
            "failed there before": [
                signin("mia", minutes(30), place=LISBON, ip="203.0.113.9", category="credentials_failed"),
                blocked("mia", 20),
                signin("mia", place=LISBON, ip="203.0.113.9"),
            ],
            "within one city that is new": [
                blocked("mia", 20, "anonymous_blocked"),
                signin("mia", place=SYDNEY, ip="203.0.113.9"),
            ],
        },
        quiet={
            "home, with another address": [
                signin("mia", days(3), ip="192.0.2.99"),
                blocked("mia", 20),
                signin("mia", ip="203.0.113.9"),
            ],
            "from the same address": [
                signin("mia", days(3)),
                blocked("mia", 20),
                signin("mia", place=SYDNEY, ip=ELSEWHERE),
            ],
            "before the block": [signin("mia", minutes(25), place=LISBON, ip="203.0.113.9"), blocked("mia", 20)],
            "two hours later": [blocked("mia", 122), signin("mia", place=LISBON, ip="203.0.113.9")],
            "somebody else": [blocked("mia", 20), signin("noah", place=LISBON, ip="203.0.113.9")],
            "and it fails": [
                blocked("mia", 20),
                signin("mia", place=LISBON, ip="203.0.113.9", category="credentials_failed"),
            ],
            "a wrong password, not a block": [
                signin("mia", minutes(20), place=SYDNEY, ip=ELSEWHERE, category="credentials_failed"),
                signin("mia", place=LISBON, ip="203.0.113.9"),
            ],
            "and it fails, long before a success": [
                blocked("mia", 200, seen=2),
                signin("mia", minutes(190), place=LISBON, ip="203.0.113.9", category="credentials_failed"),
                signin("mia", place=LISBON, ip="203.0.113.9"),
            ],
            "the sign-in is history": [
                blocked("mia", 20),
                signin("mia", place=LISBON, ip="203.0.113.9").backfilled(),
            ],
            "the block is history": [
                blocked("mia", 20).backfilled(),
                signin("mia", place=LISBON, ip="203.0.113.9"),
            ],
            "last week's, delivered by a first run": [
                blocked("mia", 9000, seen=2),
                signin("mia", minutes(8990), seen=minutes(2), place=LISBON, ip="203.0.113.9"),
            ],
            "again, the same evening": [
                blocked("mia", 90),
                signin("mia", minutes(80), place=LISBON, ip="203.0.113.9"),
                signin("mia", minutes(31), place=LISBON, ip="203.0.113.9"),
            ],
        },
        expect={
            "Actor": "mia@example.com",
            "SrcIpAddr": "203.0.113.9",
            "BlockIpAddr": ELSEWHERE,
            "BlockReason": "country is blocked",
            "BlockMatch": "Australia",
        },
    ),
    RuleCase(
        rule="FirewallReportedSignin",
        fires={
            "from a country": [reported("mia", 2)],
            "twice in one run": [reported("mia", 4), reported("mia", 2)],
            "somebody else was there before": [reported("noah", 200), reported("mia", 2)],
            "another rule matched before": [reported("mia", 200, "Tor"), reported("mia", 2)],
            "nothing is said of the match": [
                signin("mia", category="firewall_reported_success", details=None, country=None, location=None)
            ],
            "after a day without one": [reported("mia", 1450), reported("mia", 2)],
        },
        quiet={
            "a sign-in from home": [signin("mia")],
            "blocked": [blocked("mia", 2)],
            "a success that has details": [signin("mia", details={"value": "Australia"})],
            "again on the same day": [reported("mia", 300), reported("mia", 2)],
        },
        expect={
            "Actor": "mia@example.com",
            "Matched": "Australia",
            "SrcIpAddr": ELSEWHERE,
            "SrcGeoCountry": "AU",
            "Signins": 1,
        },
    ),
]
