"""The list of what the package consists of is complete, valid and the same every time."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement

from deploy import sbom as module
from deploy.sbom import SbomError, main, needs, sbom
from onepassword_sentinel import __version__

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.txt").read_text()
PINNED = dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", LOCK, re.MULTILINE))


@pytest.fixture(scope="module", autouse=True)
def untimed() -> Iterator[None]:
    """Whatever the machine that tests says, there is no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SOURCE_DATE_EPOCH", raising=False)
        yield


@pytest.fixture(scope="module")
def text(untimed: None) -> str:
    return sbom(ROOT)


@pytest.fixture(scope="module")
def bom(text: str) -> dict[str, Any]:
    listed: dict[str, Any] = json.loads(text)
    return listed


def test_every_pinned_package_is_listed_by_version_and_purl(bom: dict[str, Any]) -> None:
    """Nothing that is installed into the package is missing, and nothing else is there."""
    listed = {component["name"]: (component["version"], component["purl"]) for component in bom["components"]}
    assert len(PINNED) > 30
    assert listed == {name: (version, f"pkg:pypi/{name}@{version}") for name, version in PINNED.items()}


def test_every_hash_of_the_lock_is_listed(bom: dict[str, Any]) -> None:
    """Whoever has a file of a package can tell that it is the one that was meant."""
    listed = [
        found["content"]
        for component in bom["components"]
        for reference in component["externalReferences"]
        for found in reference["hashes"]
    ]
    assert sorted(listed) == sorted(re.findall(r"sha256:([0-9a-f]{64})", LOCK))


def test_it_is_of_this_version_of_the_app(bom: dict[str, Any]) -> None:
    """Its subject is the app, with the version that pyproject.toml leaves to the code."""
    subject = bom["metadata"]["component"]
    assert (subject["name"], subject["version"]) == ("onepassword-sentinel", __version__)


def test_it_says_who_needs_whom(bom: dict[str, Any]) -> None:
    """Each package is led to from the app: for one that is found to be vulnerable, it shows what has to be raised."""
    edges = {entry["ref"]: entry["dependsOn"] for entry in bom["dependencies"]}
    names = {component["bom-ref"]: component["name"] for component in bom["components"]}
    reached: set[str] = set()
    waiting = [bom["metadata"]["component"]["bom-ref"]]
    while waiting:
        for ref in edges[waiting.pop()]:
            if ref not in reached:
                reached.add(ref)
                waiting.append(ref)
    assert reached == names.keys()
    assert "yarl" in {names[ref] for ref in edges[f"pkg:pypi/aiohttp@{PINNED['aiohttp']}"]}


def test_it_is_valid(text: str) -> None:
    """It is CycloneDX 1.6 to the letter, and the check can fail."""
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"bomFormat": "CycloneDX"', '"bomFormat": "Other"')) is not None


def test_it_is_the_same_every_time(text: str) -> None:
    """Two lists of one commit are the same bytes."""
    assert sbom(ROOT) == text


def test_its_time_is_the_commits(monkeypatch: pytest.MonkeyPatch, bom: dict[str, Any]) -> None:
    """It has the time that the release gives it, or none, and never the clock's."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert json.loads(sbom(ROOT))["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"
    assert "timestamp" not in bom["metadata"]


def test_an_extra_counts_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What others could ask of a package, such as what it is tested with, is not needed; other platforms' neither."""
    installed = {
        "app": ["library[speed]", "Plain_One"],
        "library": ["base", 'fast; extra == "speed"', 'pytest; extra == "dev"', 'winreg; sys_platform == "win32"'],
        "plain-one": ["library"],
        "base": ["library"],
    }
    monkeypatch.setattr(module, "requires", installed.get)
    assert needs([Requirement("app")]) == {
        "app": {"library", "plain-one"},
        "library": {"base", "fast"},
        "plain-one": {"library"},
        "base": {"library"},
        "fast": set(),
    }


def test_a_lock_that_lacks_a_package_is_told(tmp_path: Path) -> None:
    """A dependency that is not locked is not in the package either."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "a"\ndynamic = ["version"]\ndependencies = ["yarl"]\n')
    (tmp_path / "requirements.txt").write_text(f"yarl=={PINNED['yarl']}\nidna=={PINNED['idna']}\n")
    with pytest.raises(SbomError, match="run `make lock`: multidict, propcache"):
        sbom(tmp_path)


def test_the_command_writes_it_and_says_so(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make sbom` prints one line, and the folder need not be there."""
    path = tmp_path / "dist" / "it.json"
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", ["sbom", str(path)])
    assert main() == 0
    assert path.read_text() == text
    assert capsys.readouterr().out == f"{path}: {len(PINNED)} packages, CycloneDX 1.6, version {__version__}\n"
    assert "deploy.sbom dist/released-package.cdx.json" in (ROOT / "Makefile").read_text()
