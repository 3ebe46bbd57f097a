"""What is tagged is what gets released, from where its buttons point to."""

from pathlib import Path

import pytest

from deploy.publication import Publication
from deploy.release_check import Section, main, problems, section
from onepassword_sentinel import __version__

ROOT = Path(__file__).resolve().parents[2]
HERE = "https://github.com/me/it"
CHANGELOG = """# Changelog

For operators.

## 1.10.0 (unreleased)

- Not yet.

## 1.1.0 (2026-12-01)

Nothing has to be migrated.

- One.
- Two: `## not a heading`.

## 1.0.0 (2026-11-01)
"""
DATED = Section("2026-12-01", "- One.")


def checked(
    *, found: Section | None = DATED, tag: str = "v1.1.0", repository: str = HERE, declared: str = HERE
) -> list[str]:
    return list(problems(Publication(declared, "1.1.0"), found, tag, repository))


def project(root: Path, state: str) -> Path:
    (root / "pyproject.toml").write_text(f'[project]\n[project.urls]\nRepository = "{HERE}"\n')
    (root / "CHANGELOG.md").write_text(
        f"# Changelog\n\n## {__version__} ({state})\n\n- One.\n\n## 0.0.1 (2026-01-01)\n"
    )
    return root


def test_a_section_ends_where_the_next_version_begins() -> None:
    """The notes are all of one version's section and nothing of another's."""
    found = section(CHANGELOG, "1.1.0")
    assert found == Section("2026-12-01", "Nothing has to be migrated.\n\n- One.\n- Two: `## not a heading`.")


@pytest.mark.parametrize(("version", "expected"), [("1.1", None), ("1.0.0", Section("2026-11-01", ""))])
def test_a_version_is_found_by_its_whole_number(version: str, expected: Section | None) -> None:
    """A beginning is not it, and the last section ends with the file."""
    assert section(CHANGELOG, version) == expected


def test_all_being_well_nothing_is_said() -> None:
    """Tag, address and changelog agree."""
    assert checked() == []


@pytest.mark.parametrize("tag", ["v1.1.1", "1.1.0", "v1.1.0-rc1", ""])
def test_the_tag_is_the_version(tag: str) -> None:
    """Else the template would look for its package under a tag that is not there."""
    (problem,) = checked(tag=tag)
    assert "tag v1.1.0, or raise the version first" in problem


@pytest.mark.parametrize("declared", ["https://github.com/you/it", "https://github.com/me/it.git", ""])
def test_the_buttons_point_to_the_repository_that_releases(declared: str) -> None:
    """A fork that has kept the original's address would have its readers install the original."""
    (problem,) = checked(declared=declared)
    assert repr(declared) in problem
    assert f"this is {HERE!r}" in problem
    assert "make build" in problem


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, "no section `## 1.1.0`"),
        (Section("unreleased", "- One."), "(unreleased)`: put the day of the release there"),
        (Section("", "- One."), "put the day of the release there"),
        (Section("2026-12-01", ""), "says nothing below `## 1.1.0`"),
    ],
)
def test_the_changelog_tells_what_is_released_and_when(found: Section | None, expected: str) -> None:
    """A version that is still marked as unreleased, or says nothing, is not released."""
    (problem,) = checked(found=found)
    assert expected in problem


def test_all_problems_are_told_at_once() -> None:
    """Nobody tags three times to learn of three."""
    assert len(checked(found=None, tag="v2", declared="")) == 3


def test_the_notes_are_written_where_all_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are the changelog's words, in a folder that need not be there."""
    notes = tmp_path / "release" / "notes.md"
    arguments = ["--tag", f"v{__version__}", "--repository", HERE, "--notes", str(notes)]
    assert main(arguments, project(tmp_path, "2026-12-01")) == 0
    assert notes.read_text() == "- One.\n"
    assert capsys.readouterr().out == f"v{__version__} can be released from {HERE}\n"


def test_a_refusal_goes_to_stderr_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The workflow stops, and its log says why."""
    notes = tmp_path / "notes.md"
    arguments = ["--tag", f"v{__version__}", "--repository", HERE, "--notes", str(notes)]
    assert main(arguments, project(tmp_path, "unreleased")) == 1
    assert not notes.exists()
    assert "put the day of the release there" in capsys.readouterr().err


def test_this_version_has_a_section() -> None:
    """Whoever raises the version writes down what changes."""
    found = section((ROOT / "CHANGELOG.md").read_text(), __version__)
    assert found is not None
    assert found.notes
