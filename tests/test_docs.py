"""The documents say what the program does."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.chaos import CASES, KILLED
from local.chaos.command import HEADINGS as CHAOS_HEADINGS
from local.chaos.command import KILLS, left_out
from local.extension.choice import IN_MEMORY
from local.report import HEADINGS
from onepassword_sentinel import destination, schedule, settings, storage_account
from tests.e2e.conftest import STREAMS

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = (
    settings.TOKEN,
    settings.EVENTS_URL,
    destination.ENDPOINT,
    destination.RULE_ID,
    destination.SCOPE,
    settings.LOOKBACK,
    settings.RETENTION,
    settings.MONITOR_URL,
    schedule.SCHEDULE,
    storage_account.CONNECTION,
    storage_account.SERVICE_URI,
)
MAKE = shutil.which("make") or "make"
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "durable-host/README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


@pytest.mark.parametrize("name", SETTINGS)
def test_the_readme_names_every_setting(name: str) -> None:
    """An operator finds each in the table of settings."""
    assert re.search(rf"^\| .*`{name}`", (ROOT / "README.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    """No link within the repository is broken."""
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_make_help_lists_every_documented_target() -> None:
    """A target whose name has a hyphen is listed too, and no name runs into its description."""
    documented = re.findall(r"^([\w-]+):.*## (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert "durable-host" in dict(documented)
    done = subprocess.run(
        (MAKE, "-C", ROOT, "--no-print-directory", "help"), capture_output=True, text=True, check=True
    )
    listed = [re.split(r" {2,}", line, maxsplit=1) for line in done.stdout.splitlines()]
    assert sorted(map(tuple, listed)) == sorted(documented)


def test_make_builds_durable_host(tmp_path: Path) -> None:
    """The folder of the same name does not hide the target, and a missing SDK is named together with the remedy."""

    def build() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            (MAKE, "-C", ROOT, "--no-print-directory", "durable-host"),
            env={"PATH": os.fspath(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    (tmp_path / "sh").symlink_to(shutil.which("sh") or "")
    missing = build()
    assert missing.returncode != 0
    assert missing.stderr.startswith("dotnet is missing: ")
    assert "Install the .NET SDK 10" in missing.stderr
    for name in ("dotnet", "rm"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (tmp_path / name).chmod(0o755)
    built = build()
    assert (built.returncode, built.stderr) == (0, "")
    assert built.stdout.splitlines() == [
        "rm -rf dist/durable-host",
        "dotnet publish durable-host -c Release -r linux-x64 --self-contained -o dist/durable-host",
    ]


def test_the_readme_shows_what_a_run_prints() -> None:
    """The sample has today's columns and streams, and nothing lost."""
    readme = (ROOT / "README.md").read_text()
    table = readme[readme.index("$ make run") :].splitlines()[2:6]
    assert table[0].split() == " ".join(HEADINGS).split()
    assert [line.split()[0] for line in table[1:]] == list(STREAMS)
    assert all(line.split()[-2:] == ["0", "0"] for line in table[1:])


def test_the_delivery_document_shows_what_chaos_prints() -> None:
    """It has today's columns, cases and reasons, the worker was killed often enough, and nothing is out of bounds."""
    document = (ROOT / "docs/delivery.md").read_text()
    lines = document[document.index("$ make chaos") :].splitlines()[1:]
    assert lines[0].split() == list(CHAOS_HEADINGS)
    table = re.findall(r"^  (.+?) {2,}([\d, ]+)$", "\n".join(lines[1 : lines.index("")]), re.MULTILINE)
    assert [name for name, _ in table] == [case.name for case in CASES if not case.why_not_on(IN_MEMORY)]
    not_played = [line for line in lines[: lines.index("```")] if line.startswith("Not played: ")]
    assert not_played == list(left_out(CASES, IN_MEMORY))
    for name, figures in table:
        runs, _, _, lost, doubled, allowed = (int(figure.replace(",", "")) for figure in figures.split())
        assert (lost, doubled <= allowed) == (0, True), name
        assert runs >= (KILLS if name == KILLED else 1)


def test_the_operations_document_explains_host_json() -> None:
    """Each setting that is no default stands in the table, with the reason."""

    def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        if isinstance(value, dict):
            for name, inner in value.items():
                yield from leaves(inner, (*path, name))
        else:
            yield path

    document = (ROOT / "docs/operations.md").read_text()
    section = document[document.index("\n## host.json\n") :].split("\n## ")[1]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| ")]
    # What every app has, and what is the default.
    plain = {("version",), ("logging", "logLevel", "default")}
    plain |= {("logging", "applicationInsights", "samplingSettings", "isEnabled")}
    plain |= {("extensions", "durableTask", "storageProvider", "type")}
    for path in set(leaves(json.loads((ROOT / "host.json").read_text()))) - plain:
        # These two are explained as a whole.
        name = next((group for group in ("extensionBundle", "tracing") if group in path), path[-1])
        assert any(name in row for row in rows), path
