"""Changes of the account's own defences."""

from typing import Final

from tests.content.case import RuleCase
from tests.content.planted import audit

CASES: Final = [
    RuleCase(
        rule="FirewallRulesChanged",
        fires={"a change": [audit("mia", "updatfw", "account")]},
        quiet={
            "another change of the account": [audit("mia", "changenm", "account")],
            "a change of the network's name": [audit("mia", "update", "account", info="updatfw")],
        },
        expect={"Actor": "mia@example.com", "SrcIpAddr": "192.0.2.10", "SrcGeoCountry": "Germany"},
    ),
]
