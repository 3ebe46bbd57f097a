"""What the package consists of, as a CycloneDX file: `python -m deploy.sbom dist/released-package.cdx.json`.

cyclonedx-py reads names, versions, purls and hashes out of requirements.txt. Two things it cannot find there: the app's
version, which pyproject.toml leaves to the code, and who needs whom, which the installed packages say.
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import requires
from pathlib import Path
from typing import Any, Final

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from onepassword_sentinel import __version__

_SCHEMA: Final = SchemaVersion.V1_6
# It warns that nobody says what the app needs; that is added here.
_GENERATOR: Final = (sys.executable, "-W", "ignore::UserWarning", "-m", "cyclonedx_py", "requirements")


class SbomError(Exception):
    """There is no list, or a wrong one; the message says what to do."""


def sbom(root: Path) -> str:
    """Describe the package that `root` is the source of; the same bytes for the same commit.

    SOURCE_DATE_EPOCH, where it is set, becomes the description's time; otherwise it has none.

    Raises:
        SbomError: the generator failed, the lock lacks a package, or the result is not CycloneDX.

    """
    bom = _locked(root)
    app = bom["metadata"]["component"]
    app["version"] = __version__
    purls: dict[str, str] = {}
    for component in bom["components"]:
        # What the generator writes here, a line's number and text, says nothing of the package.
        del component["description"]
        component["bom-ref"] = purls[canonicalize_name(component["name"])] = component["purl"]
    bom["components"].sort(key=lambda component: str(component["purl"]))
    bom["dependencies"] = _dependencies(app["bom-ref"], purls, _direct(root))
    text = json.dumps(bom, indent=2, sort_keys=True) + "\n"
    if error := JsonStrictValidator(_SCHEMA).validate_str(text):
        raise SbomError(f"the result is not CycloneDX {_SCHEMA.to_version()}: {error}")
    return text


def needs(direct: Iterable[Requirement]) -> dict[str, set[str]]:
    """Map each package that `direct` leads to on this platform, with the extras asked of it, to those it needs."""
    found: dict[str, set[str]] = {}
    seen: set[tuple[str, str]] = set()
    waiting = list(direct)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras} - {extra for asked, extra in seen if asked == name}:
            seen.add((name, extra))
            needed = [need for need in map(Requirement, requires(name) or ()) if _applies(need, extra)]
            found.setdefault(name, set()).update(canonicalize_name(need.name) for need in needed)
            waiting += needed
    return found


def _applies(requirement: Requirement, extra: str = "") -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _direct(root: Path) -> list[Requirement]:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [need for need in map(Requirement, project["dependencies"]) if _applies(need)]


def _dependencies(app: str, purls: Mapping[str, str], direct: Iterable[Requirement]) -> list[dict[str, Any]]:
    direct = list(direct)
    graph = needs(direct)
    if missing := sorted(graph.keys() - purls.keys()):
        raise SbomError(f"requirements.txt lacks what the app needs, run `make lock`: {', '.join(missing)}")
    edges = {purls[name]: sorted(purls[need] for need in needed) for name, needed in graph.items()}
    edges[app] = sorted(purls[canonicalize_name(need.name)] for need in direct)
    return [{"ref": ref, "dependsOn": edges.get(ref, [])} for ref in sorted({app, *purls.values()})]


def _locked(root: Path) -> dict[str, Any]:
    """List what the lock pins, without times and random numbers."""
    options = ("--pyproject", "pyproject.toml", "--spec-version", _SCHEMA.to_version(), "--output-reproducible")
    done = subprocess.run(
        (*_GENERATOR, *options, "--no-validate", "requirements.txt"),
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SbomError(f"cyclonedx-py failed: {done.stderr.strip()}")
    listed: dict[str, Any] = json.loads(done.stdout)
    return listed


def main() -> int:
    """Write the file that the command line names, and say so."""
    path = Path(sys.argv[1])
    try:
        text = sbom(Path.cwd())
    except SbomError as error:
        print(error, file=sys.stderr)
        return 1
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    count = len(json.loads(text)["components"])
    print(f"{path}: {count} packages, CycloneDX {_SCHEMA.to_version()}, version {__version__}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
