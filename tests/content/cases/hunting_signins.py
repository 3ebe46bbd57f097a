"""Questions about sign-ins, sessions, apps and places."""

from typing import Any, Final

from tests.content.case import HuntingCase
from tests.content.planted import BERLIN, MUNICH, SYDNEY, Place, Planted, audit, days, heartbeat, minutes, signin, usage

ELSEWHERE: Final = "198.51.100.7"
CLI: Final = "1Password CLI"
NOWHERE: Final = Place("", "", "", 0, 0)


def failed(who: str, ago: float = 2, **how: Any) -> Planted:
    """A wrong password, from elsewhere."""
    return signin(
        who, minutes(ago), **{"category": "credentials_failed", "kind": "password_secret_bad", "ip": ELSEWHERE} | how
    )


def seen(session: str, place: Place, ip: str, who: str = "mia", **how: Any) -> Planted:
    """A change of the account within a session."""
    return audit(who, "update", "vault", place=place, ip=ip, session={"uuid": session, "ip": ip}, **how)


def at_noon(who: str, number: int = 12) -> list[Planted]:
    """A sign-in at 12:00 UTC on each of so many days."""
    return [signin(who, days(3 + each)) for each in range(number)]


def service(ago: float, ip: str = "192.0.2.50", name: str = "ci", **how: Any) -> Planted:
    """An item fetched by a service account."""
    user = {"uuid": name.upper(), "name": f"{name} pipeline", "email": f"{name}@1passwordserviceaccounts.com"}
    return usage(name, "server-fetch", minutes(ago), user=user, ip=ip, app=CLI, **how)


CASES: Final = [
    HuntingCase(
        query="PeopleAtOneAddress",
        found=[
            failed("tom", 9),
            failed("tom", 8),
            signin("mia", minutes(7), ip=ELSEWHERE, place=SYDNEY, app="1Password for Web"),
            usage("mia", ago=minutes(6), ip=ELSEWHERE, place=SYDNEY),
            signin("noah"),
        ],
        expect={
            "SrcIpAddr": ELSEWHERE,
            "People": 2,
            "PeopleIn": 1,
            "Names": '["mia@example.com","tom@example.com (never in)"]',
            "FailedSignins": 2,
        },
        left_alone={
            "one person": [signin("mia"), usage("mia"), audit("mia", "create", "vault")],
            "an office": [signin(f"person{each:02}") for each in range(11)],
            "one person, and who knows who": [signin("mia"), signin("tom", target_user=None)],
            "no address": [signin("mia", client=None), signin("tom", client=None)],
            "a heartbeat": [heartbeat(minutes(2))],
        },
    ),
    HuntingCase(
        query="SessionInSeveralPlaces",
        found=[
            signin("mia", minutes(30), session_uuid="S1"),
            seen("S1", SYDNEY, ELSEWHERE),
            signin("tom", minutes(30), session_uuid="S2"),
        ],
        expect={
            "SessionUuid": "S1",
            "People": 1,
            "Names": '["mia@example.com"]',
            "Kilometers": 16094.0,
            "Addresses": '["192.0.2.10","198.51.100.7"]',
            "Events": 2,
        },
        left_alone={
            "two sessions": [signin("mia", session_uuid="S1"), seen("S2", SYDNEY, ELSEWHERE)],
            "another address, nearby": [
                signin("mia", session_uuid="S1"),
                seen("S1", Place("DE", "Germany", "Potsdam", 52.39, 13.06), ELSEWHERE),
            ],
            "the same address, placed anew": [signin("mia", session_uuid="S1"), seen("S1", SYDNEY, "192.0.2.10")],
            "an attempt that failed": [
                signin("mia", session_uuid="S1"),
                failed("mia", session_uuid="S1", place=SYDNEY),
            ],
            "a place that is not known": [
                signin("mia", session_uuid="S1"),
                seen("S1", NOWHERE, ELSEWHERE),
                audit("mia", "update", "vault", session={"uuid": "S1", "ip": "203.0.113.1"}, location=None),
            ],
            "no session": [
                signin("mia", session_uuid=None),
                signin("tom", session_uuid=None, place=SYDNEY, ip=ELSEWHERE),
            ],
        },
    ),
    HuntingCase(
        query="SessionInSeveralPlaces",
        found=[signin("mia", session_uuid="S1"), seen("S1", BERLIN, "192.0.2.10", who="tom")],
        expect={"People": 2, "Names": '["mia@example.com","tom@example.com"]', "Kilometers": 0.0},
        left_alone={},
    ),
    HuntingCase(
        query="RareApplications",
        found=[
            *(signin(who) for who in ("mia", "tom", "noah")),
            usage("tom", app=CLI, ip=ELSEWHERE),
        ],
        expect={
            "AppName": CLI,
            "People": 1,
            "PeopleWithApp": 1,
            "Names": '["tom@example.com"]',
            "Addresses": '["198.51.100.7"]',
            "Signins": 0,
            "ItemUsages": 1,
        },
        left_alone={
            "what three people have": [signin("mia"), usage("tom"), signin("noah")],
            "an attempt that failed": [failed("mia", app=CLI)],
            "of whom it is not known": [signin("mia", target_user=None)],
            "no app": [usage("mia", client=None), audit("mia", "create", "vault")],
        },
    ),
    HuntingCase(
        query="RareApplications",
        found=[
            *(signin(who) for who in ("mia", "tom", "noah")),
            signin("ada", client={"app_name": "1Password for Mac", "app_version": "70000000", "os_name": "MacOSX"}),
        ],
        expect={"AppVersion": "70000000", "People": 1, "PeopleWithApp": 4},
        left_alone={},
    ),
    HuntingCase(
        query="ActivityOutsideUsualHours",
        found=[
            *at_noon("mia"),
            signin("mia", minutes(9 * 60), ip=ELSEWHERE, place=SYDNEY),
            usage("mia", ago=minutes(9 * 60 - 5), seen=minutes(5), ip=ELSEWHERE, place=SYDNEY),
            signin("mia"),
        ],
        expect={
            "Actor": "mia@example.com",
            "Events": 2,
            "Items": 1,
            "Actions": '["credentials_ok","reveal"]',
            "Hours": "[3]",
            "UsualHours": "[12]",
            "UsualDays": 12,
            "Addresses": '["198.51.100.7"]',
        },
        left_alone={
            "an hour earlier": [*at_noon("mia"), signin("mia", minutes(60))],
            "an hour later": [*at_noon("mia"), signin("mia", minutes(23 * 60))],
            "an attempt that failed": [*at_noon("mia"), failed("mia", 9 * 60)],
            "on nine days only": [*at_noon("mia", 9), signin("mia", minutes(9 * 60))],
            "of whom it is not known": [
                *(signin("mia", days(3 + each), target_user=None) for each in range(12)),
                signin("mia", minutes(9 * 60), target_user=None),
            ],
            "not of late": [*at_noon("mia"), signin("mia", days(2.375))],
            "at night before": [*at_noon("mia"), signin("mia", days(10.375)), signin("mia", minutes(9 * 60))],
            "somebody else's hours": [*at_noon("mia"), signin("tom", minutes(9 * 60))],
        },
    ),
    HuntingCase(
        query="ActivityOutsideUsualHours",
        # At 23:00: what lies beside it is 22:00 and 0:00.
        found=[
            *(signin("mia", days(3 + each) + minutes(13 * 60)) for each in range(10)),
            signin("mia", minutes(11 * 60)),
        ],
        expect={"Hours": "[1]", "UsualHours": "[23]"},
        left_alone={
            "past midnight": [
                *(signin("mia", days(3 + each) + minutes(13 * 60)) for each in range(10)),
                signin("mia", minutes(12 * 60)),
            ],
        },
    ),
    HuntingCase(
        query="ServiceAccountUse",
        found=[
            service(90, item="a", vault="prod"),
            service(60, item="b", vault="prod"),
            service(30, ip=ELSEWHERE, place=SYDNEY, item="c", vault="prod"),
            usage("mia"),
        ],
        expect={
            "Actor": "ci@1passwordserviceaccounts.com",
            "ActorName": "ci pipeline",
            "SrcIpAddr": ELSEWHERE,
            "AddressesOfAccount": 2,
            "Items": 1,
            "ItemsOfAccount": 3,
            "Apps": f'["{CLI}"]',
            "Actions": '["server-fetch"]',
        },
        left_alone={
            "a person with the same app": [usage("mia", "server-fetch", app=CLI)],
            "a person who makes one": [audit("mia", "create", "sa"), audit("mia", "create", "satoken")],
        },
    ),
    HuntingCase(
        query="FailedSigninsByAddress",
        found=[
            failed("tom", 9),
            failed("tom", 8),
            failed("noah", 7),
            failed("mia", 6, category="mfa_failed", kind="totp_bad"),
            signin("mia", minutes(5), ip=ELSEWHERE),
            failed(
                "ada", ip="203.0.113.9", category="firewall_failed", kind="country_blocked", details={"value": "AU"}
            ),
        ],
        expect={
            "SrcIpAddr": ELSEWHERE,
            "Category": "credentials_failed",
            "Reason": "wrong account password or Secret Key",
            "Attempts": 3,
            "People": 2,
            "Names": '["noah@example.com","tom@example.com"]',
            "PeopleIn": 1,
            "NamesIn": '["mia@example.com"]',
        },
        left_alone={
            "successes": [signin("mia"), signin("tom", place=MUNICH)],
            "what the firewall only reported": [signin("mia", category="firewall_reported_success", kind="ip_blocked")],
            "other events": [usage("mia"), audit("mia", "create", "vault")],
        },
    ),
    HuntingCase(
        query="FailedSigninsByAddress",
        found=[failed("ada", category="firewall_failed", kind="country_blocked", details={"value": "AU"})],
        expect={"Attempts": 1, "PeopleIn": 0, "FirewallMatches": '["AU"]', "Reason": "country is blocked"},
        left_alone={},
    ),
]
