"""Sign-ins from where somebody did not sign in before."""

from typing import Any, Final

from tests.content.case import RuleCase
from tests.content.planted import BERLIN, MUNICH, SYDNEY, Planted, days, minutes, signin

ELSEWHERE: Final = "198.51.100.7"


def usual(who: str, **how: Any) -> list[Planted]:
    """Signed in on each of the last ten days, in Berlin unless it says otherwise."""
    return [signin(who, days(1 + each), **how) for each in range(10)]


def abroad(who: str, ago: float = 2, **how: Any) -> Planted:
    """Signed in, in Sydney unless it says otherwise."""
    return signin(who, minutes(ago), **{"place": SYDNEY, "ip": ELSEWHERE} | how)


CODE_ONLY: Final = {"location": None}
NAME_ONLY: Final = {"country": ""}
NAME_OUTSIDE: Final = {"country": "Germany", "location": {"country": "DE", "city": "Berlin"}}

CASES: Final = [
    RuleCase(
        rule="SigninFromNewCountry",
        fires={
            "another continent": [*usual("mia"), abroad("mia")],
            "several times from there": [*usual("mia"), *(abroad("mia", 2 + 9 * each) for each in range(5))],
            "the firewall reported it": [*usual("mia"), abroad("mia", category="firewall_reported_success")],
            "codes alone": [*usual("mia", **CODE_ONLY), abroad("mia", **CODE_ONLY)],
            "names alone": [*usual("mia", **NAME_ONLY), abroad("mia", **NAME_ONLY)],
            "a code alone, where both are known": [*usual("mia"), abroad("mia", **CODE_ONLY)],
            "a name as country, a code as location": [*usual("mia", **NAME_OUTSIDE), abroad("mia")],
            "usual for others": [*usual("noah", place=SYDNEY), *usual("mia"), abroad("mia")],
            "known from history": [
                signin("mia", days(60), seen=days(1)).backfilled(),
                abroad("mia"),
            ],
            "known for three days": [signin("mia", minutes(3 * 24 * 60 + 2)), abroad("mia")],
            "one of the usual sign-ins has no country": [
                *usual("mia"),
                signin("mia", days(2), country="", location=None),
                abroad("mia", **CODE_ONLY),
            ],
            "attempts from there had failed": [
                *usual("mia"),
                abroad("mia", 3 * 24 * 60, category="credentials_failed", kind="password_secret_bad"),
                abroad("mia"),
            ],
            "a day after it happened": [*usual("mia"), abroad("mia", 20 * 60, seen=minutes(2))],
            "two forms of one country in one run": [*usual("mia"), abroad("mia", 9), abroad("mia", 4, **CODE_ONLY)],
        },
        quiet={
            "the usual country": [*usual("mia"), signin("mia")],
            "another city": [*usual("mia"), signin("mia", place=MUNICH, ip=ELSEWHERE)],
            "been there last week": [*usual("mia"), abroad("mia", 7 * 24 * 60), abroad("mia")],
            "been there in history": [
                *usual("mia"),
                signin("mia", days(60), seen=days(1), place=SYDNEY).backfilled(),
                abroad("mia"),
            ],
            "a failed attempt": [
                *usual("mia"),
                abroad("mia", category="credentials_failed", kind="password_secret_bad"),
            ],
            "blocked by the firewall": [
                *usual("mia"),
                abroad("mia", category="firewall_failed", kind="country_blocked"),
            ],
            "a new person": [abroad("mia")],
            "a person since yesterday": [signin("mia", days(1)), signin("mia", days(0.5)), abroad("mia")],
            "a code, where only names are known": [
                *usual("mia", **NAME_ONLY),
                signin("mia", place=BERLIN, **CODE_ONLY),
            ],
            "a name, where only codes are known": [
                *usual("mia", **CODE_ONLY),
                signin("mia", place=BERLIN, **NAME_ONLY),
            ],
            "the same code, another name": [
                *usual("mia"),
                signin("mia", location={"country": "Federal Republic of Germany"}),
            ],
            "the same country in other letters": [*usual("mia"), signin("mia", country="de", location=None)],
            "no country at all": [*usual("mia"), abroad("mia", country="", location=None)],
            "nobody is named": [*usual("mia", target_user=None), abroad("mia", target_user=None)],
            "an earlier one, in another form, that arrives after the alert": [
                *usual("mia"),
                abroad("mia", 90),
                abroad("mia", 100, seen=minutes(2), **CODE_ONLY),
            ],
            "an earlier one that arrives after the alert": [
                *usual("mia"),
                abroad("mia", 90),
                abroad("mia", 100, seen=minutes(2)),
            ],
        },
        expect={
            "Actor": "mia@example.com",
            "SrcCountry": "Australia",
            "SrcGeoCity": "Sydney",
            "UsualCountries": '["Germany"]',
            "SrcIpAddr": ELSEWHERE,
        },
    ),
]
