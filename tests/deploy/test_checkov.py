"""checkov finds no weak setting in what the template deploys, but for those that are meant.

It is given the expanded template: about names and values that are expressions it says nothing, or that all is well.
"""

import copy
import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from local.patience import within
from tests.arm.expansion import expand
from tests.deploy.switches import WORKSPACE, combinations

ROOT = Path(__file__).resolve().parents[2]
CHECKOV = ROOT / ".venv-checkov" / "bin" / "checkov"

SITE: Final = "Microsoft.Web/sites"
STORAGE: Final = "Microsoft.Storage/storageAccounts"
VAULT: Final = "Microsoft.KeyVault/vaults"

_NETWORK: Final = "The app has no network of its own, and comes in from anywhere in Azure: identities guard the door."
_SETTINGS: Final = "The check takes app settings for the site's configuration, which is a resource of another name."

# What fails and stays as it is: type of resource to check to the reason.
ACCEPTED: Final[Mapping[str, Mapping[str, str]]] = {
    SITE: {
        "CKV_AZURE_17": "People open the status page with a function key: few have a client certificate at hand.",
        "CKV_AZURE_18": "One page, asked for now and then, gains nothing from HTTP/2.",
        "CKV_AZURE_67": "One page, asked for now and then, gains nothing from HTTP/2.",
        "CKV_AZURE_78": "Flex Consumption has no FTP, and its newer regions refuse the property that says so.",
        "CKV_AZURE_212": "The next poll makes up for a missed one, and a second instance is paid for all day.",
        "CKV_AZURE_213": "The plan replaces instances by itself, and a probe would keep one awake that may sleep.",
        "CKV_AZURE_222": "The status page is for people's browsers, and wants a function key.",
    },
    f"{SITE}/config": {
        "CKV_AZURE_13": _SETTINGS,
        "CKV_AZURE_63": _SETTINGS,
        "CKV_AZURE_65": _SETTINGS,
        "CKV_AZURE_66": _SETTINGS,
        "CKV_AZURE_80": _SETTINGS,
        "CKV_AZURE_88": _SETTINGS,
        "CKV_AZURE_222": _SETTINGS,
    },
    "Microsoft.Web/serverfarms": {
        "CKV_AZURE_225": "Not every region has zones, and a zone that is out delays events, but loses none.",
    },
    STORAGE: {
        "CKV_AZURE_35": _NETWORK,
        "CKV_AZURE_36": _NETWORK,
        "CKV_AZURE_206": "Runs and cursors are of use only to the app, which is in the same region.",
    },
    VAULT: {
        "CKV_AZURE_109": _NETWORK,
        "CKV_AZURE_189": _NETWORK,
    },
    f"{VAULT}/secrets": {
        "CKV_AZURE_41": "The token's own date of expiry is 1Password's affair, and not known to the template.",
    },
}

# What must have been looked at and found well wherever there is a resource of the type.
PASSED: Final[Mapping[str, frozenset[str]]] = {
    SITE: frozenset({"CKV_AZURE_14", "CKV_AZURE_15", "CKV_AZURE_70", "CKV_AZURE_71"}),
    STORAGE: frozenset({"CKV_AZURE_3", "CKV_AZURE_44", "CKV_AZURE_59"}),
    VAULT: frozenset({"CKV_AZURE_42", "CKV_AZURE_110", "CKV_AZURE_111"}),
}

pytestmark = [
    pytest.mark.skipif(not CHECKOV.exists(), reason="checkov is not installed: run `make checkov` once"),
    pytest.mark.timeout(300),
]


@dataclass
class Findings:
    """What checkov says about one template: type of resource to the checks that it failed and passed."""

    failed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    passed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    types: set[str] = field(default_factory=set)


def flat_templates() -> Iterator[tuple[str, dict[str, Any]]]:
    """What the template deploys on either plan, with either backend, and with the token in each of its forms."""
    template = json.loads((ROOT / "azuredeploy.json").read_text(encoding="utf-8"))
    answers = {WORKSPACE: {"location": "westeurope", "properties": {"retentionInDays": 90}}}
    for name, parameters in combinations(extras="all"):
        yield name, expand(template, parameters, answers=answers).flat_template()


def weakened(flat: Mapping[str, Any]) -> dict[str, Any]:
    """A template with settings that nobody should have."""
    weak: dict[str, Any] = copy.deepcopy(dict(flat))
    for resource in weak["resources"]:
        if resource["type"] == STORAGE:
            resource["properties"] |= {"supportsHttpsTrafficOnly": False, "minimumTlsVersion": "TLS1_0"}
        if resource["type"] == SITE:
            resource["properties"] |= {"siteConfig": {"ftpsState": "AllAllowed"}, "httpsOnly": False}
    return weak


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Findings]:
    """Provide what checkov says about each template and about a `weak` one, from one run: it is slow to start."""
    folder = tmp_path_factory.mktemp("checkov")
    templates = dict(flat_templates())
    templates["weak"] = weakened(next(iter(templates.values())))
    for name, flat in templates.items():
        (folder / f"{name}.json").write_text(json.dumps(flat), encoding="utf-8")
    done = subprocess.run(
        [CHECKOV, "--directory", folder, "--framework", "arm", "--skip-download", "--compact", "--output", "json"],
        capture_output=True, check=False, cwd=folder, text=True, timeout=within(240),
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["resource_count"] == sum(len(flat["resources"]) for flat in templates.values())
    found = {name: Findings(types={each["type"] for each in flat["resources"]}) for name, flat in templates.items()}
    for result in ("failed", "passed"):
        for check in report["results"][f"{result}_checks"]:
            kind = re.match(r"[\w.]+?(/\w+)+(?=\.)", check["resource"])
            assert kind, check["resource"]
            getattr(found[Path(check["file_path"]).stem], result)[kind[0]].add(check["check_id"])
    return found


def test_nothing_fails_but_what_is_meant_to(findings: dict[str, Findings]) -> None:
    """No check fails without a reason that is written down here."""
    for name, each in findings.items():
        if name != "weak":
            for kind, failed in each.failed.items():
                assert failed <= ACCEPTED.get(kind, {}).keys(), (name, kind)


def test_every_reason_is_needed(findings: dict[str, Findings]) -> None:
    """What would not fail any more has to go from the list."""
    for kind, reasons in ACCEPTED.items():
        failed = set().union(*(each.failed[kind] for name, each in findings.items() if name != "weak"))
        assert reasons.keys() == failed, kind


def test_something_was_looked_at(findings: dict[str, Findings]) -> None:
    """The checks that matter most have seen a value, and not passed by an expression."""
    for name, each in findings.items():
        for kind, passed in PASSED.items():
            if name != "weak" and kind in each.types:
                assert passed <= each.passed[kind], (name, kind)


def test_weak_settings_are_found(findings: dict[str, Findings]) -> None:
    """Plain HTTP, old TLS and FTP fail."""
    assert {"CKV_AZURE_3", "CKV_AZURE_44"} <= findings["weak"].failed[STORAGE]
    assert {"CKV_AZURE_14", "CKV_AZURE_70", "CKV_AZURE_78"} <= findings["weak"].failed[SITE]
