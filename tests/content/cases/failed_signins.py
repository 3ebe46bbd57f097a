"""Attempts to sign in that fail, and fail, and then perhaps do not."""

from typing import Final

from tests.content.case import RuleCase
from tests.content.planted import NOW, SYDNEY, Place, Planted, days, minutes, signin

LISBON: Final = Place("PT", "Portugal", "Lisbon", 38.7223, -9.1393)
ELSEWHERE: Final = "198.51.100.7"


def failures(who: str, number: int, since: float = 40, every: float = 1, **how: str) -> list[Planted]:
    """Wrong passwords, the first of them so many minutes ago."""
    how = {"category": "credentials_failed", "kind": "password_secret_bad", "ip": ELSEWHERE} | how
    return [signin(who, minutes(since - every * each), **how) for each in range(number)]


def sprayed(number: int, since: float = 20, ip: str = ELSEWHERE, category: str = "credentials_failed") -> list[Planted]:
    """One wrong password for each of many people, within ten minutes."""
    kind = "password_secret_bad"
    return [
        signin(f"person{each:02}", minutes(since - each / 2), ip=ip, category=category, kind=kind)
        for each in range(number)
    ]


def second_factor(who: str, ago: float, kind: str = "totp_bad", **how: object) -> Planted:
    """Right password and Secret Key, and then no second factor."""
    return signin(who, minutes(ago), category="mfa_failed", kind=kind, **{"ip": ELSEWHERE, "place": LISBON} | how)


CASES: Final = [
    RuleCase(
        rule="FailedSigninsThenSuccess",
        fires={
            "ten wrong passwords, then the right one": [*failures("mia", 10), signin("mia", ip=ELSEWHERE)],
            "wrong second factors and single sign-on as well": [
                *failures("mia", 4),
                *failures("mia", 3, category="mfa_failed", kind="totp_bad"),
                *failures("mia", 3, category="sso_failed", kind="sso_user_mismatch"),
                signin("mia", kind="mfa_ok", ip=ELSEWHERE),
            ],
            "a failure that 1Password adds later": [
                *failures("mia", 10, category="passkey_failed", kind="passkey_bad"),
                signin("mia"),
            ],
            "the last failure is delivered after the success": [
                *failures("mia", 9),
                signin("mia", minutes(15), ip=ELSEWHERE),
                signin("mia", minutes(20), seen=minutes(2), category="mfa_failed", kind="totp_bad"),
            ],
            "the success is delivered last": [*failures("mia", 12), signin("mia", minutes(20), seen=minutes(1))],
            "two successes": [*failures("mia", 11), signin("mia", minutes(3)), signin("mia", minutes(2))],
            "the person's own sign-in between": [
                *failures("mia", 10),
                signin("mia", minutes(25), ip="192.0.2.10"),
                signin("mia", ip=ELSEWHERE),
            ],
            "somebody else was reported at this address": [
                *failures("noah", 10, since=60),
                signin("noah", minutes(40), ip=ELSEWHERE),
                *failures("mia", 10),
                signin("mia", ip=ELSEWHERE),
            ],
        },
        quiet={
            "nine failures": [*failures("mia", 9), signin("mia", ip=ELSEWHERE)],
            "no success": failures("mia", 12),
            "somebody else's success": [*failures("mia", 12), signin("noah", ip=ELSEWHERE)],
            "the success came first": [signin("mia", minutes(41), seen=minutes(1)), *failures("mia", 12)],
            "spread over hours": [*failures("mia", 12, since=180, every=14), signin("mia", ip=ELSEWHERE)],
            "blocked by the firewall": [
                *failures("mia", 12, category="firewall_failed", kind="country_blocked"),
                signin("mia"),
            ],
            "an app that is too old": [
                *failures("mia", 12, category="modern_version_failed", kind="modern_version_old"),
                signin("mia"),
            ],
            "complete since the run before": [
                *failures("mia", 9),
                signin("mia", minutes(15), ip=ELSEWHERE),
                signin("mia", minutes(20), seen=minutes(8), category="mfa_failed", kind="totp_bad"),
            ],
            "one more success from there": [
                *failures("mia", 12),
                signin("mia", minutes(20), ip=ELSEWHERE),
                signin("mia", ip=ELSEWHERE),
            ],
        },
        expect={
            "Actor": "mia@example.com",
            "Failures": 10,
            "SrcIpAddr": ELSEWHERE,
            "SameAddress": True,
            "FailureReasons": '["wrong account password or Secret Key"]',
        },
    ),
    RuleCase(
        rule="PasswordSpraying",
        fires={
            "ten people": [
                signin("noah", minutes(400), category="sso_failed", ip=ELSEWHERE),
                *sprayed(9),
                signin("mia", category="sso_failed", ip=ELSEWHERE),
                signin("noah", minutes(1), category="firewall_failed", ip=ELSEWHERE),
            ],
            "and one of them signed in": [*sprayed(14, since=8), signin("person03", minutes(1), ip=ELSEWHERE)],
            "over a full half-hour": [
                signin(f"person{each:02}", minutes(31 - each * 3), category="credentials_failed", ip=ELSEWHERE)
                for each in range(11)
            ],
            "in halves of which the earlier is delivered last": [
                *sprayed(5, since=20),
                *(
                    signin(f"late{each}", minutes(40), seen=minutes(2), category="credentials_failed", ip=ELSEWHERE)
                    for each in range(5)
                ),
            ],
        },
        quiet={
            "nine people": sprayed(9, since=6),
            "nine people fail and five sign in": [
                *sprayed(9, since=6),
                *(signin(f"worker{each}", ip=ELSEWHERE) for each in range(5)),
            ],
            "one person again and again": failures("mia", 30, since=6, every=0.1),
            "from as many addresses": [
                signin(f"person{each}", category="credentials_failed", ip=f"198.51.100.{each}") for each in range(20)
            ],
            "over the whole day": [
                signin(f"person{each}", minutes(2 + 60 * each), category="credentials_failed", ip=ELSEWHERE)
                for each in range(15)
            ],
            "an office where more sign in": [
                *sprayed(12, since=8),
                *(signin(f"worker{each}", minutes(30 + each), ip=ELSEWHERE) for each in range(12)),
            ],
            "successes": sprayed(12, since=8, category="success"),
            "blocked by the firewall": sprayed(12, since=8, category="firewall_failed"),
            "it goes on": [*sprayed(12, since=30), *sprayed(8, since=5)],
            "without an address": [
                signin(f"person{each}", category="credentials_failed", client=None) for each in range(12)
            ],
        },
        expect={
            "SrcIpAddr": ELSEWHERE,
            "People": 10,
            "SignedIn": "",
            "FirstFailure": NOW - minutes(20),
            "LastActor": "mia@example.com",
        },
    ),
    RuleCase(
        rule="SecondFactorFailed",
        fires={
            "three wrong codes in a new city": [
                signin("mia", days(2)),
                *(second_factor("mia", ago) for ago in (4, 3, 2)),
            ],
            "from three addresses": [second_factor("mia", ago, ip=f"198.51.100.{ago}") for ago in (4, 3, 2)],
            "slowly": [second_factor("mia", ago) for ago in (3000, 1500, 2)],
            "in different ways": [
                second_factor("mia", 4, "duo_timeout"),
                second_factor("mia", 3, "u2f_bad"),
                second_factor("mia", 2, "code_bad"),
            ],
            "they get in afterwards": [
                *(second_factor("mia", ago) for ago in (14, 13, 12)),
                signin("mia", place=LISBON, ip=ELSEWHERE),
            ],
            "somebody else is known there": [
                signin("noah", days(2), place=LISBON, ip=ELSEWHERE),
                *(second_factor("mia", ago) for ago in (4, 3, 2)),
            ],
            "where nothing is known of the place": [
                signin("mia", days(2)),
                *(second_factor("mia", ago, country=None, location=None) for ago in (4, 3, 2)),
            ],
        },
        quiet={
            "two wrong codes": [second_factor("mia", ago) for ago in (3, 2)],
            "where they signed in before": [
                signin("mia", days(5), place=LISBON, ip="203.0.113.9"),
                *(second_factor("mia", ago) for ago in (4, 3, 2)),
            ],
            "where a backfill knows them": [
                signin("mia", days(60), seen=days(2), place=LISBON).backfilled(),
                *(second_factor("mia", ago) for ago in (4, 3, 2)),
            ],
            "no second factor yet": [second_factor("mia", ago, "mfa_missing") for ago in (4, 3, 2)],
            "of three people": [second_factor(who, 2) for who in ("mia", "noah", "lena")],
            "in two cities": [
                *(second_factor("mia", ago) for ago in (4, 3)),
                second_factor("mia", 2, place=LISBON._replace(city="Porto")),
            ],
            "in two countries": [
                *(second_factor("mia", ago, place=LISBON._replace(city="")) for ago in (4, 3)),
                second_factor("mia", 2, place=SYDNEY._replace(city="")),
            ],
            "wrong passwords": failures("mia", 5, since=6, every=0.1),
            "a fourth one": [*(second_factor("mia", ago) for ago in (300, 200, 100)), second_factor("mia", 2)],
        },
        expect={
            "Actor": "mia@example.com",
            "Failures": 3,
            "Place": "Lisbon, PT",
            "Reasons": '["wrong one-time password"]',
            "SrcIpAddr": ELSEWHERE,
        },
    ),
]
