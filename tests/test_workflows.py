"""What GitHub runs: pinned, with no more rights than it needs, and the same commands as on a machine of one's own."""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.publication import PACKAGES
from tests.browser import NAMES

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PINNED = re.compile(r"uses: (?P<action>[\w-]+/[\w/-]+)@(?P<commit>[0-9a-f]{40}) # (?P<version>v\d+\.\d+\.\d+)")
READ = {"contents": "read"}
RIGHTS = {
    "ci.test": READ,
    "core-tools.test": READ,
    "engine.test": READ,
    "release.test": READ,
    "release.build": READ,
    "release.attest": {"id-token": "write", "attestations": "write"},
    "release.publish": {"contents": "write"},
}
PORTAL = {"azuredeploy.json", "createUiDefinition.json"}
CHECKSUMS = {f"{name}.sha256" for name in PACKAGES.values()}
ASSETS = {*PACKAGES.values(), *CHECKSUMS, "released-package.cdx.json", *PORTAL}
HARMLESS = """name: X
on: push
permissions: {}
concurrency:
  group: x
  cancel-in-progress: true
jobs:
  x:
    name: X
    runs-on: ubuntu-24.04
    timeout-minutes: 1
    permissions: {}
    steps:
      - run: echo
"""


def read(name: str) -> dict[Any, Any]:
    workflow: dict[Any, Any] = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())
    return workflow


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in read(path.stem)["jobs"].items():
            yield f"{path.stem}.{name}", job


def steps(job: str) -> list[dict[str, Any]]:
    return list(dict(jobs())[job]["steps"])


def commands(job: str) -> list[str]:
    return [step["run"] for step in steps(job) if "run" in step]


def position(job: str, word: str) -> int:
    (found,) = (index for index, command in enumerate(commands(job)) if word in command)
    return found


def zizmor(path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("zizmor")
    fixed = ("--offline", "--pedantic", "--no-progress", "--strict-collection", "--no-config")
    return subprocess.run((program, *fixed, *options, path), capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit_with_its_version(path: Path) -> None:
    """A tag can be moved to other code, a commit cannot; the version is for people and Dependabot."""
    lines = [line.strip().removeprefix("- ") for line in path.read_text().splitlines() if "uses:" in line]
    assert lines
    assert [line for line in lines if not PINNED.fullmatch(line)] == []


def test_an_action_has_one_version_everywhere() -> None:
    """What is released was tested by the same actions, and all are GitHub's own."""
    pins = [match.groups() for path in WORKFLOWS for match in PINNED.finditer(path.read_text())]
    assert len(set(pins)) == len({action for action, _, _ in pins})
    assert {action.split("/")[0] for action, _, _ in pins} == {"actions"}


def test_each_job_has_the_rights_that_it_needs() -> None:
    """Nothing by default, each job its own, and the only one that writes to the repository runs nothing of ours."""
    assert [path.stem for path in WORKFLOWS] == ["ci", "core-tools", "engine", "release"]
    assert [read(path.stem)["permissions"] for path in WORKFLOWS] == [{}] * len(WORKFLOWS)
    assert {name: job["permissions"] for name, job in jobs()} == RIGHTS
    assert [step for step in steps("release.publish") if "checkout" in step.get("uses", "")] == []


def test_jobs_run_on_a_known_image_and_end() -> None:
    """An image that GitHub changes under us breaks no release, and nothing hangs for hours."""
    assert {job["runs-on"] for _, job in jobs()} == {"ubuntu-24.04"}
    assert all(0 < job["timeout-minutes"] <= 60 for _, job in jobs())


def test_no_step_keeps_credentials_or_a_cache() -> None:
    """What a later step runs finds no token on the disk, and nothing of another run's gets into a package."""
    every = [step for _, job in jobs() for step in job["steps"] if "uses" in step]
    checkouts = [step for step in every if step["uses"].startswith("actions/checkout@")]
    assert len(checkouts) == 5
    assert [step for step in checkouts if step["with"]["persist-credentials"] is not False] == []
    assert [step for step in every if "cache" in step["uses"] or "cache" in step.get("with", {})] == []


def test_strangers_code_never_runs_with_rights() -> None:
    """Pull requests run as such, and a release comes from a tag alone; YAML takes the key `on` for true."""
    assert read("ci")[True] == {"push": {"branches": ["main"]}, "pull_request": None}
    assert read("release")[True] == {"push": {"tags": ["v*"]}}
    for name in ("core-tools", "engine"):
        assert set(read(name)[True]) == {"schedule", "workflow_dispatch", "push", "pull_request"}


def test_no_script_is_put_together_by_a_template() -> None:
    """A tag's or branch's name reaches a script as a variable, never as code."""
    assert [command for name, _ in jobs() for command in commands(name) if "${{" in command] == []


@pytest.mark.parametrize("command", sorted({command for name, _ in jobs() for command in commands(name)}))
def test_scripts_are_bash(command: str) -> None:
    """Each one parses."""
    done = subprocess.run(("bash", "-n"), input=command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("job", ["ci.test", "release.test"])
def test_the_test_command_is_ours(job: str) -> None:
    """What GitHub tests is what .ci/run tests anywhere."""
    assert commands(job) == [".ci/run"]


def test_the_engine_is_tested_weekly_and_when_it_or_what_it_runs_changes() -> None:
    """The job builds durable-host and passes the program, by its absolute path, to the tests."""
    triggers = read("engine")[True]
    paths = [
        *("activities/**", "durable-host/**", "entities/**", "orchestrators/**", "host.json"),
        ".github/workflows/engine.yml",
    ]
    assert triggers["push"] == {"branches": ["main"], "paths": paths}
    assert triggers["pull_request"] == {"paths": paths}
    (schedule,) = triggers["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", schedule["cron"])
    assert commands("engine.test") == ["make durable-host", "make test-engine-all"]
    (dotnet,) = (step["with"] for step in steps("engine.test") if "setup-dotnet@" in step.get("uses", ""))
    assert (
        f"net{dotnet['dotnet-version'].removesuffix('.x')}" in (ROOT / "durable-host/durable-host.csproj").read_text()
    )
    program = "${{ github.workspace }}/dist/durable-host/durable-host"
    assert steps("engine.test")[-1]["env"] == {"DURABLE_HOST": program}


def test_core_tools_run_the_main_job_of_every_change() -> None:
    """The job installs a version that is known, and Azurite; the first push to a fork starts it."""
    triggers = read("core-tools")[True]
    assert (triggers["push"], triggers["pull_request"]) == ({"branches": ["main"]}, None)
    assert commands("core-tools.test") == ["make core-tools", "make azurite", "make test-core-tools"]
    assert re.search(r"^CORE_TOOLS \?= 4\.\d+\.\d+$", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_ordinary_tests_need_no_dotnet() -> None:
    """Neither CI nor a release installs the SDK or builds durable-host."""
    for name in ("ci.test", "release.test", "release.build"):
        assert [step for step in steps(name) if "dotnet" in str(step) or "durable-host" in str(step)] == []


def test_a_release_waits_for_the_tests_and_the_checks() -> None:
    """Nothing is attested before it is tested and built, nor published before it is attested."""
    release = read("release")["jobs"]
    assert set(release["attest"]["needs"]) == {"test", "build"}
    assert release["publish"]["needs"] == "attest"
    order = [position("release.build", word) for word in ("release_check", "cmp ", "make sbom", "cp dist/")]
    assert order == sorted(order)
    assert '--tag "$GITHUB_REF_NAME"' in commands("release.build")[0]
    assert '--repository "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY"' in commands("release.build")[0]


def test_a_release_has_all_its_files() -> None:
    """Every package that the template may ask for and its checksum, the parts list, and what the portal needs."""
    words = shlex.split(commands("release.publish")[position("release.publish", "gh release create")])
    named = words[words.index("--notes-file") + 1 :]
    assert named[0] == "notes.md"
    assert (set(named[1:]), len(named)) == (ASSETS, 1 + len(ASSETS))
    assert "--verify-tag" in words
    copied = shlex.split(commands("release.build")[position("release.build", "cp dist/")])
    assert {Path(word).name for word in copied[1:-1]} == ASSETS


def test_what_an_operator_runs_is_attested() -> None:
    """Everything that is published, but for the checksums, which say the same."""
    (subjects,) = (
        step["with"]["subject-path"].split() for step in steps("release.attest") if "attest@" in step["uses"]
    )
    published = {f"release/{name}" for name in (*ASSETS, "notes.md")}
    attested = {name for pattern in subjects for name in fnmatch.filter(published, pattern)}
    assert attested == {f"release/{name}" for name in ASSETS - CHECKSUMS}


def test_zizmor_finds_nothing() -> None:
    """The linter for workflows has no objection, not even a pedantic one."""
    done = zizmor(ROOT / ".github")
    assert done.returncode == 0, done.stdout
    assert "No findings" in done.stdout


@pytest.mark.parametrize(
    ("step", "finding"),
    [
        ("- uses: actions/setup-python@v6", "unpinned-uses"),
        ('- run: echo "${{ github.event.head_commit.message }}"', "template-injection"),
        ("- uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0", "artipacked"),
    ],
)
def test_zizmor_finds_what_is_wrong(tmp_path: Path, step: str, finding: str) -> None:
    """The check can fail: each fault alone is found in a workflow that is harmless without it."""
    path = tmp_path / ".github/workflows/x.yml"
    path.parent.mkdir(parents=True)
    path.write_text(HARMLESS)
    assert json.loads(zizmor(tmp_path, "--format", "json").stdout) == []
    path.write_text(HARMLESS.replace("- run: echo", step))
    assert {found["ident"] for found in json.loads(zizmor(tmp_path, "--format", "json").stdout)} == {finding}


@pytest.mark.parametrize(("browser", "installed"), [*((name, "") for name in NAMES), ("", "chromium")])
def test_ci_installs_only_what_is_missing(tmp_path: Path, browser: str, installed: str) -> None:
    """Where there is a browser that the tests take, as on GitHub's machines, nothing is installed: that needs root."""
    for program in filter(None, ("make", "python3.13", "apt-get", browser)):
        path = tmp_path / program
        path.write_text(f'#!/bin/sh\necho {program} "$@"\n')
        path.chmod(0o755)
    (tmp_path / "dirname").symlink_to(shutil.which("dirname") or "")
    done = ci(tmp_path)
    assert [line.split()[-1] for line in done if "apt-get install" in line] == installed.split()
    assert done[-2] == "make test"


@pytest.mark.parametrize("engine", [False, True])
def test_ci_tests_on_the_extension_where_its_program_is(tmp_path: Path, *, engine: bool) -> None:
    """Where it is not, the last line says so."""
    for program in ("make", "python3.13", *NAMES):
        path = tmp_path / program
        path.write_text(f'#!/bin/sh\necho {program} "$@"\n')
        path.chmod(0o755)
    (tmp_path / "dirname").symlink_to(shutil.which("dirname") or "")
    *_, tests, last = ci(tmp_path, **({"DURABLE_HOST": "/durable-host"} if engine else {}))
    assert tests == "make test"
    assert last == "make test-engine" if engine else last.startswith("make test-engine was left out: ")


def ci(programs: Path, **environment: str) -> list[str]:
    """Run a copy of .ci/run, beside which there is nothing, with these programs alone; return what it prints."""
    run = programs / "clone/.ci/run"
    run.parent.mkdir(parents=True)
    shutil.copy(ROOT / ".ci/run", run)
    done = subprocess.run(
        (shutil.which("bash") or "", run),
        env={"PATH": os.fspath(programs), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()
