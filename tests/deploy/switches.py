"""The template's switches, and a parameter file for each combination of those that have to do with each other."""

import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

WORKSPACE: Final = (
    "/subscriptions/00000000-0000-0000-0000-0000000000ff/resourceGroups/rg-soc"
    "/providers/Microsoft.OperationalInsights/workspaces/soc"
)
TOKEN: Final = "eyJhbGciOiJFUzI1NiJ9.eyJhdWQiOlsiZXZlbnRzLjFwYXNzd29yZC5jb20iXX0.c2lnbmF0dXJl"
REFERENCE: Final = "@Microsoft.KeyVault(SecretUri=https://ours.vault.azure.net/secrets/onepassword)"
GROUP: Final = "00000000-0000-0000-0000-00000000abcd"

type Parameters = Mapping[str, Any]

# What each switch sets in each of its positions; the first is the default. Each is combined with each.
SWITCHES: Final[Mapping[str, Mapping[str, Parameters]]] = {
    "plan": {"flex": {}, "premium": {"hostingPlan": "ElasticPremium"}},
    "backend": {"storage": {}, "scheduler": {"durableBackend": "DurableTaskScheduler"}},
    "token": {
        "stored": {"onePasswordToken": TOKEN},
        "referenced": {"onePasswordToken": REFERENCE},
        "kept": {"onePasswordToken": ""},
    },
    "extras": {
        "none": {},
        "all": {
            "monitorPrincipalId": GROUP,
            "monitorPrincipalType": "User",
            "monitorUrl": "https://dfm.example/OnePasswordEvents",
            "onePasswordEventsUrl": "https://events.1password.eu",
            "alwaysReadyInstances": 2,
            "retentionDays": 180,
            "totalRetentionDays": 730,
        },
    },
}

# What decides only what analysts get, which nothing else does: each comes once, with the defaults of all others.
CONTENT: Final[Mapping[str, Parameters]] = {
    "content left out": {"installSentinelContent": False},
    "rules added, enabled": {"analyticsRules": "AddEnabled"},
    "rules replaced": {"analyticsRules": "Replace"},
    "rules replaced, enabled": {"analyticsRules": "ReplaceEnabled"},
    "rules kept": {"analyticsRules": "Keep"},
}


def combinations(**fixed: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Go through the positions of all switches but those that are `fixed`: what it is called, and the parameters.

    With the defaults, unless they are fixed otherwise, come the positions of `CONTENT`.
    """
    positions = [[fixed[switch]] if switch in fixed else list(SWITCHES[switch]) for switch in SWITCHES]
    defaults = tuple(next(iter(SWITCHES[switch])) for switch in SWITCHES)
    for chosen in itertools.product(*positions):
        values: dict[str, Any] = {"workspaceResourceId": WORKSPACE}
        for switch, position in zip(SWITCHES, chosen, strict=True):
            values |= SWITCHES[switch][position]
        yield ", ".join(chosen), values
        if chosen == defaults:
            yield from ((name, values | dict(content)) for name, content in CONTENT.items())


def write_parameter_file(path: Path, values: Parameters) -> Path:
    """Write a deployment parameter file."""
    content = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {name: {"value": value} for name, value in values.items()},
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
