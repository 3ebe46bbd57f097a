"""The template and the wizard, held against Azure's own descriptions of its resources.

The checker and the descriptions are in a folder beside this repository, `shared`; without it these tests are skipped.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.switches import SWITCHES, combinations, write_parameter_file

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
CHECKER = SHARED / "tools" / "armcheck.py"

pytestmark = pytest.mark.skipif(
    not CHECKER.exists(), reason="needs the folder `shared` beside the repository, with armcheck.py and Azure's types"
)

# Existing app settings are read, so that they can be kept; the checker sees a `list` and thinks of keys.
EXPECTED = re.compile(
    r"warn: template\.resources\[\S+ *\]\.parameters\.current: list\(\) puts a key into the deployment"
)


def check(template: Path, *arguments: str | Path) -> tuple[int, list[str]]:
    """Run the checker; give back its exit code and what it says, but for what is expected."""
    done = subprocess.run(
        [
            sys.executable, CHECKER, template, "--quiet-notes",
            "--types", SHARED / "schemas" / "bicep-types", "--json-schema", SHARED / "schemas" / "arm",
            *arguments,
        ],
        capture_output=True, check=False, text=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return done.returncode, [line for line in done.stdout.splitlines() if not EXPECTED.match(line)]


@pytest.mark.parametrize("backend", SWITCHES["backend"])
@pytest.mark.parametrize("plan", SWITCHES["plan"])
@pytest.mark.timeout(300)
def test_every_combination_of_the_switches(tmp_path: Path, plan: str, backend: str) -> None:
    """Each expands to resources that Azure's types and schemas know, every one of them, without an error."""
    for number, (name, values) in enumerate(combinations(plan=plan, backend=backend)):
        file = write_parameter_file(tmp_path / f"{number}.json", values)
        code, said = check(ROOT / "azuredeploy.json", "--ui", ROOT / "createUiDefinition.json", "--params", file)
        assert (code, len(said)) == (0, 2), (name, said)
        checked, resources = re.findall(r"\d+", said[0])[:2]
        assert checked == resources, name
        assert said[1] == f"{resources} resources after expansion, 0 error(s), 1 warning(s)", name


def broken(tmp_path: Path, path: str, value: Any) -> Path:
    """Change one thing in the template: `path` is keys and positions, joined by slashes."""
    template = json.loads((ROOT / "azuredeploy.json").read_text(encoding="utf-8"))
    *way, last = path.split("/")
    place = template
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    place[last] = value
    file = tmp_path / "broken.json"
    file.write_text(json.dumps(template), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("resources/1/properties/minimumTlsVersion", True),
        ("resources/1/properties/allowKeys", False),
        ("resources/5/name", "[variables('misspelt')]"),
        ("resources/2/dependsOn", ["[resourceId('Microsoft.Storage/storageAccounts', 'another')]"]),
        ("outputs/appName/value", "[parameters('onePasswordToken')]"),
    ],
)
def test_the_check_can_fail(tmp_path: Path, path: str, value: object) -> None:
    """A wrong type, an unknown property, a misspelt name, a lost dependency and a secret in an output are found."""
    _, values = next(combinations())
    file = write_parameter_file(tmp_path / "parameters.json", values)
    assert check(broken(tmp_path, path, value), "--params", file)[0] == 1
