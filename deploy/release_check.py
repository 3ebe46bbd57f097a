"""Whether a tag may be released: `python -m deploy.release_check --tag v0.1.0 --repository https://github.com/me/it`.

Needs nothing but Python, so that a release stops here before anything is installed.
"""

import argparse
import datetime as dt
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.publication import Publication


@dataclass(frozen=True, slots=True)
class Section:
    """What the changelog says of one version: the parenthesis after its number, and the text below."""

    state: str
    notes: str


def section(changelog: str, version: str) -> Section | None:
    """Find a version's section: `## 0.1.0 (2026-12-01)`, up to the next version's."""
    headed = re.split(r"^## (.+)$", changelog, flags=re.MULTILINE)
    for heading, text in zip(headed[1::2], headed[2::2], strict=True):
        number, _, state = heading.strip().partition(" ")
        if number == version:
            return Section(state.removeprefix("(").removesuffix(")"), text.strip())
    return None


def problems(publication: Publication, found: Section | None, tag: str, repository: str) -> Iterator[str]:
    """Say, a sentence each, what has to change before `tag` can be released from `repository`."""
    version = publication.version
    if tag != f"v{version}":
        yield (
            f"The tag is {tag!r}, but onepassword_sentinel/__init__.py says {version}: "
            f"tag v{version}, or raise the version first."
        )
    if repository != publication.repository:
        yield (
            f"pyproject.toml says Repository = {publication.repository!r}, but this is {repository!r}: write that "
            "there and run `make build`, so that the Deploy to Azure buttons install this package and not another's."
        )
    if found is None:
        yield f"CHANGELOG.md has no section `## {version}`: say there what changes for a running deployment."
        return
    if not _is_date(found.state):
        yield f"CHANGELOG.md says `## {version} ({found.state})`: put the day of the release there, as in (2026-12-31)."
    if not found.notes:
        yield f"CHANGELOG.md says nothing below `## {version}`: say there what changes for a running deployment."


def main(arguments: Sequence[str] | None = None, root: Path | None = None) -> int:
    """Check a commit, write the release's notes if asked to, and return the exit status."""
    options = _parser().parse_args(arguments)
    root = root or Path.cwd()
    publication = Publication.read(root)
    found = section((root / "CHANGELOG.md").read_text(encoding="utf-8"), publication.version)
    if wrong := list(problems(publication, found, options.tag, options.repository)):
        print("\n".join(wrong), file=sys.stderr)
        return 1
    if found and options.notes:
        options.notes.parent.mkdir(parents=True, exist_ok=True)
        options.notes.write_text(found.notes + "\n", encoding="utf-8")
    print(f"{options.tag} can be released from {options.repository}")
    return 0


def _is_date(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.release_check", description="Tell whether a tag may be released."
    )
    parser.add_argument("--tag", required=True, help="as in v0.1.0")
    parser.add_argument("--repository", required=True, metavar="URL", help="where the release will be")
    parser.add_argument("--notes", type=Path, metavar="FILE", help="where to write what the changelog says of it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
