"""The template and the wizard, held against Azure's own descriptions of its resources.

The checker and the descriptions are in a folder beside this repository, `shared`; without it these tests are skipped.
"""

import copy
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from local.patience import within
from tests.deploy.switches import combinations, write_parameter_file
from tests.deploy.test_template import TEMPLATE, deployed

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

# Where the template has what analysts see; a rule among it, and the page.
CONTENT = "resources/-2/properties/template/resources"
RULE = next(symbol for symbol in TEMPLATE["resources"][-2]["properties"]["template"]["resources"] if "Rule" in symbol)
PAGE = f"{CONTENT}/dataConnectorDefinitions/properties/connectorUiConfig"
# The published JSON schemas have none for them; the types have.
WITHOUT_SCHEMA = "Microsoft.SecurityInsights/"

# One process for all of them: to start the checker takes longer than to check. How each ended is on a line of its own.
ONE_AFTER_ANOTHER = """
import json, runpy, sys
for sys.argv in json.load(sys.stdin):
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        print("ended with", end.code)
"""


def check(calls: Sequence[Sequence[str | Path]]) -> list[tuple[int, list[str]]]:
    """Run the checker with each of these arguments; give back exit codes and what it says, but for what is expected."""
    options = [
        "--quiet-notes",
        "--types",
        SHARED / "schemas" / "bicep-types",
        "--json-schema",
        SHARED / "schemas" / "arm",
    ]
    commands = [[str(part) for part in (CHECKER, *call, *options)] for call in calls]
    done = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_ANOTHER],
        input=json.dumps(commands), capture_output=True, check=False, text=True, timeout=within(200),
    )  # fmt: skip
    assert (done.stderr, done.returncode) == ("", 0)
    *parts, rest = re.split(r"^ended with (\d+)\n", done.stdout, flags=re.MULTILINE)
    assert (len(parts), rest) == (2 * len(calls), "")
    return [
        (int(code), [line for line in said.splitlines() if not EXPECTED.match(line)])
        for said, code in itertools.batched(parts, 2, strict=True)
    ]


@pytest.mark.timeout(300)
def test_every_combination_of_the_switches(tmp_path: Path) -> None:
    """Each expands to resources that Azure's types and schemas know, but those without a schema, without an error."""
    template, every = written(tmp_path / "azuredeploy.json", TEMPLATE), dict(combinations())
    files = [write_parameter_file(tmp_path / f"{number}.json", values) for number, values in enumerate(every.values())]
    answers = check([[template, "--ui", ROOT / "createUiDefinition.json", "--params", file] for file in files])
    for (name, values), (code, said) in zip(every.items(), answers, strict=True):
        assert (code, len(said)) == (0, 2), (name, said)
        checked, resources = map(int, re.findall(r"\d+", said[0])[:2])
        made = [each.type for each in deployed(**values).resources]
        assert (checked, resources) == (sum(not each.startswith(WITHOUT_SCHEMA) for each in made), len(made)), name
        assert said[1] == f"{resources} resources after expansion, 0 error(s), 1 warning(s)", name


def written(file: Path, template: dict[str, Any]) -> Path:
    """Write a template without what the checker does not know: that a resource is made only if it does not exist."""
    file.write_text(json.dumps(without_options(template)), encoding="utf-8")
    return file


def without_options(part: Any) -> Any:
    """A template, or a part of it, without the options of its resources."""
    if isinstance(part, dict):
        return {name: without_options(each) for name, each in part.items() if name != "@options"}
    return [without_options(each) for each in part] if isinstance(part, list) else part


# One thing that is wrong each: where it is, as keys and positions joined by slashes, and what stands there.
MISTAKES: Final[Mapping[str, tuple[str, object]]] = {
    "wrong type": ("resources/1/properties/minimumTlsVersion", True),
    "unknown property": ("resources/1/properties/allowKeys", False),
    "misspelt name": ("resources/5/name", "[variables('misspelt')]"),
    "lost dependency": (
        "resources/2/dependsOn",
        ["[resourceId('Microsoft.Storage/storageAccounts', 'another')]"],
    ),
    "secret in an output": ("outputs/appName/value", "[parameters('onePasswordToken')]"),
    "unknown property of the page": (f"{PAGE}/sampleQueries", []),
    "property that the page needs": (f"{PAGE}/permissions", None),
    "wrong type in a rule": (f"{CONTENT}/{RULE}/properties/triggerThreshold", "0"),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """Provide the checker's exit code for each mistake."""
    folder = tmp_path_factory.mktemp("mistakes")
    _, values = next(combinations())
    file = write_parameter_file(folder / "parameters.json", values)
    files = [broken(folder / f"{number}.json", *each) for number, each in enumerate(MISTAKES.values())]
    return dict(zip(MISTAKES, (code for code, _ in check([[each, "--params", file] for each in files])), strict=True))


def broken(file: Path, path: str, value: object) -> Path:
    """Write the template with one thing that is changed."""
    template = copy.deepcopy(TEMPLATE)
    *way, last = path.split("/")
    place = template
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    place[last] = value
    return written(file, template)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_check_can_fail(found: dict[str, int], mistake: str) -> None:
    """Each mistake is an error, wherever it is."""
    assert found[mistake] == 1
