"""Tokens of service accounts."""

from datetime import timedelta
from typing import Any, Final

from tests.content.case import RuleCase
from tests.content.planted import Planted, audit, days, heartbeat, minutes, signin, usage

COLLECTING: Final = heartbeat(days(13))
SERVER: Final = "198.51.100.20"
STRANGE: Final = "203.0.113.66"


def service(name: str, domain: str = "com") -> dict[str, str]:
    """A service account, as 1Password names it where people stand."""
    return {"uuid": name.upper().ljust(26, "S"), "name": name, "email": f"{name}@1passwordserviceaccounts.{domain}"}


def fetch(name: str, ago: timedelta = timedelta(minutes=2), ip: str = STRANGE, **changes: Any) -> Planted:
    """An item usage of a service account."""
    return usage(
        name, "server-fetch", ago, ip=ip, app="1Password CLI", **{"user": service(name), "item": "secret"} | changes
    )


def login(name: str, ago: timedelta = timedelta(minutes=2), **changes: Any) -> Planted:
    """A sign-in of a service account."""
    return signin(name, ago, app="1Password SDK", **{"ip": STRANGE, "target_user": service(name, "eu")} | changes)


def token(ago: timedelta = timedelta(minutes=30), object_type: str = "satoken", **changes: Any) -> Planted:
    return audit("mia", "create", object_type, ago, **changes)


CASES: Final = [
    RuleCase(
        rule="ServiceAccountTokenNewAddress",
        fires={
            "a token, then an item from a new address": [
                COLLECTING,
                fetch("ci", days(4), SERVER),
                token(aux_uuid=service("ci")["uuid"]),
                fetch("ci"),
            ],
            "a token of which nothing is said": [COLLECTING, fetch("ci", days(3), SERVER), token(), fetch("ci")],
            "five addresses in the days before": [
                COLLECTING,
                *(fetch("ci", days(4 + each / 10), f"192.0.2.{each}") for each in range(5)),
                token(),
                fetch("ci"),
            ],
            "an alert for another token last week": [
                COLLECTING,
                token(days(5)),
                fetch("ci", days(4.9), SERVER),
                token(),
                fetch("ci"),
            ],
            "an alert for somebody else's token today": [
                COLLECTING,
                audit("noah", "create", "satoken", minutes(120)),
                fetch("ci", minutes(110), SERVER),
                token(),
                fetch("ci"),
            ],
            "an alert for another service account today": [
                COLLECTING,
                token(minutes(120)),
                fetch("cd", minutes(110), SERVER),
                fetch("ci"),
            ],
            "a new service account signs in": [COLLECTING, token(object_type="sa"), login("bot")],
            "an account and its first token": [
                COLLECTING,
                token(object_type="sa"),
                token(minutes(29)),
                login("bot", minutes(10)),
                fetch("bot"),
            ],
            "from several new addresses": [
                COLLECTING,
                token(),
                *(fetch("ci", minutes(20 - each), f"203.0.113.{each}") for each in range(6)),
            ],
            "the usage is delivered a day late": [COLLECTING, token(days(1.9)), fetch("ci", days(1), seen=minutes(2))],
            "the token is delivered last": [
                COLLECTING,
                token(minutes(200), seen=minutes(2)),
                fetch("ci", minutes(190)),
            ],
            "a person is known at the address": [COLLECTING, signin("mia", days(2), ip=STRANGE), token(), fetch("ci")],
            "another account's addresses change": [
                COLLECTING,
                *(fetch("runner", days(4 + each / 10), f"192.0.2.{each}") for each in range(9)),
                token(),
                fetch("ci"),
            ],
            "neither says in which account": [
                COLLECTING,
                token(account_uuid=None),
                fetch("ci", account_uuid=None, location=None),
            ],
        },
        quiet={
            "an address that it uses": [COLLECTING, fetch("ci", days(3)), token(), fetch("ci")],
            "an address that another service account uses": [COLLECTING, fetch("cd", days(3)), token(), fetch("ci")],
            "an address that history knows": [
                COLLECTING,
                fetch("ci", days(40), seen=days(2)).backfilled(),
                token(),
                fetch("ci"),
            ],
            "before the token": [COLLECTING, token(), fetch("ci", minutes(35))],
            "two days after the token": [COLLECTING, token(days(2.5)), fetch("ci")],
            "the token is history": [COLLECTING, token().backfilled(), fetch("ci")],
            "the usage is history": [COLLECTING, token(), fetch("ci").backfilled()],
            "no address": [COLLECTING, token(), fetch("ci", client=None)],
            "no token": [COLLECTING, audit("mia", "trename", "satoken", minutes(30)), fetch("ci")],
            "something else is created": [COLLECTING, token(object_type="vault"), fetch("ci")],
            "a person, not a service account": [COLLECTING, token(), usage("noah", ip=STRANGE, app="1Password CLI")],
            "it fails": [COLLECTING, token(), login("ci", category="credentials_failed")],
            "its addresses always change": [
                COLLECTING,
                *(fetch("ci", days(4 + each / 10), f"192.0.2.{each}") for each in range(6)),
                token(),
                fetch("ci"),
            ],
            "in another account": [COLLECTING, token(), fetch("ci", account_uuid="OTHER")],
            "a connector that is new": [heartbeat(days(5)), token(), fetch("ci")],
            "the second address of one story": [
                COLLECTING,
                token(minutes(120)),
                fetch("ci", minutes(100)),
                fetch("ci", ip="203.0.113.67"),
            ],
        },
        expect={
            "Actor": "ci@1passwordserviceaccounts.com",
            "Creator": "mia@example.com",
            "SrcIpAddr": STRANGE,
            "CreatorIpAddr": "192.0.2.10",
            "LinkedBy": "uuid",
            "Uses": 1,
        },
    ),
]
