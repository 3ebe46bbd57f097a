"""docs/content.md is what its parts make, and leaves out nothing that they hold."""

import re
from pathlib import Path
from typing import Final

import pytest
from markdown_it import MarkdownIt

from deploy.content.documents import _duration, content_document
from deploy.content.functions import query_functions
from deploy.content.sources import read_documents
from tests.content.kusto import bind, tables

ROOT: Final = Path(__file__).resolve().parents[2]
TEXT: Final = (ROOT / "docs" / "content.md").read_text(encoding="utf-8")
RULES: Final = read_documents("rules")
HUNTING: Final = read_documents("hunting")
WORKBOOK: Final = read_documents("workbook")
OWN: Final = ("OnePasswordEvents", "OnePasswordSignins", "OnePasswordItemUsage", "OnePasswordAudit")


def title(name: str) -> str:
    short = name.removeprefix("1Password - ")
    return short[0].upper() + short[1:]


def section(heading: str) -> str:
    """What stands below a heading, up to the next of any rank."""
    found = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#+ |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, heading
    return " ".join(found[1].split())


def test_the_document_is_up_to_date() -> None:
    """What is committed is what `make build` makes now."""
    assert content_document() == TEXT, "run `make build`, and commit the result"


@pytest.mark.parametrize("stem", RULES)
def test_a_rule_is_told_in_full(stem: str) -> None:
    """What it finds, means and asks for stands below its name, every word of it, and how grave it is."""
    rule = RULES[stem]
    told = section(title(rule["name"]))
    for part in ("description", "meaning", "response"):
        assert " ".join(rule[part].split()) in told
    assert told.startswith(f"{rule['severity']} · every ")
    assert ", ".join(rule["relevantTechniques"]) in told
    assert f"| [{title(rule['name'])}](#" in section("Analytics rules")


@pytest.mark.parametrize("stem", HUNTING)
def test_a_hunting_query_is_listed(stem: str) -> None:
    """With what it finds."""
    query = HUNTING[stem]
    assert f"| {title(query['name'])} | {' '.join(query['description'].split())} |" in section("Hunting queries")


def test_the_workbook_s_questions_are_listed() -> None:
    """Each tab with each of its tiles, and no parameter of the workbook left in one."""
    told = section("Workbook")
    for stem in WORKBOOK["workbook"]["tabs"]:
        assert f"**{WORKBOOK[stem]['title']}**" in told
        assert all(re.sub(r"{\w+}.*", "", tile["title"]) in told for tile in WORKBOOK[stem]["tiles"])
    assert not re.search(r"[{}]", told)


def test_the_functions_are_listed() -> None:
    """All of them, those that analysts ask first."""
    listed = re.findall(r"^\| `(\w+)\(", section("Query functions").replace("| | ", "|\n| "), re.MULTILINE)
    assert sorted(listed) == sorted(each.name for each in query_functions())
    assert sorted(listed[:4]) == sorted(OWN)


def test_the_columns_are_those_that_the_functions_give() -> None:
    """Every column that a function adds to the table's is explained, and none that it does not add."""
    columns = re.search(r"^### Columns$(.*?)^## ", TEXT, re.MULTILINE | re.DOTALL)
    assert columns
    blocks = re.split(r"^`(\w+)\(\)` has besides:$", columns[1], flags=re.MULTILINE)
    common, *rest = blocks
    explained = {"OnePasswordEvents": columns_of(common)}
    explained |= {
        name: columns_of(common) | columns_of(block) for name, block in zip(rest[::2], rest[1::2], strict=True)
    }
    given = bind([f"{name}()" for name in OWN])
    known = set(tables()["OnePasswordEventLogs_CL"])
    assert explained == {name: set(bound.columns) - known for name, bound in zip(OWN, given, strict=True)}


def columns_of(block: str) -> set[str]:
    rows = [line.split("|")[1] for line in block.splitlines() if line.startswith("| `")]
    return set(re.findall(r"`(\w+)`", " ".join(rows)))


def test_every_link_leads_somewhere() -> None:
    """Links to headings, of this document and of others, and to files of the repository."""
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        path = (ROOT / "docs" / file) if file else ROOT / "docs" / "content.md"
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}, target


def test_it_renders_without_a_trace_of_its_source() -> None:
    """No placeholder is left, and every table is one."""
    assert "{{" not in TEXT
    html = MarkdownIt("commonmark").enable("table").render(TEXT)
    assert html.count("<table>") == len(re.findall(r"^\|---", TEXT, re.MULTILINE))
    assert "<p>|" not in html


@pytest.mark.parametrize(
    ("iso", "words"),
    [
        ("PT5M", "5 minutes"),
        ("PT1H", "hour"),
        ("P1D", "day"),
        ("P14D", "14 days"),
        ("P1DT23H", "47 hours"),
        ("PT60M", "hour"),
    ],
)
def test_durations_in_words(iso: str, words: str) -> None:
    """In the largest unit that fits."""
    assert _duration(iso) == words


@pytest.mark.parametrize("iso", ["", "P", "PT", "5M", "P1W"])
def test_what_is_no_duration(iso: str) -> None:
    """It is refused rather than told wrongly."""
    with pytest.raises(ValueError, match="no duration"):
        _duration(iso)
