"""Each hunting query finds what it is for, counts each event once, and leaves alone what only looks like it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.content.sources import read_documents
from local.content import read_hunting_queries
from tests.content.case import HuntingCase
from tests.content.cases import hunting_cases
from tests.content.cases.hunting_people import FINANCE, GUEST, outsider
from tests.content.cases.hunting_signins import ELSEWHERE, failed
from tests.content.planted import NOW, TEMPLATE, Planted, audit, days, minutes, person, planted, signin, usage

DOCUMENTS: Final = read_documents("hunting")
QUERIES: Final = {stem: read_hunting_queries(TEMPLATE)[document["name"]].query for stem, document in DOCUMENTS.items()}
CASES: Final = hunting_cases()

each_query = pytest.mark.parametrize("stem", QUERIES)
each_case = pytest.mark.parametrize("case", CASES, ids=[case.query for case in CASES])
each_near_miss = pytest.mark.parametrize(
    ("case", "name"),
    [(case, name) for case in CASES for name in case.left_alone],
    ids=[f"{case.query}: {name}" for case in CASES for name in case.left_alone],
)


def rows_of(query: str, folder: Path, rows: Iterable[Planted]) -> list[dict[str, Any]]:
    """What a person who runs the query at NOW is shown."""
    workspace = planted(folder / "workspace.duckdb", rows)
    try:
        columns, found = workspace.query(query, at=NOW)
    finally:
        workspace.close()
    return [dict(zip(columns, row, strict=True)) for row in found]


def test_every_query_is_tried() -> None:
    """No query is without a case and a near miss, and no case without its query."""
    assert {case.query for case in CASES} == set(DOCUMENTS)
    assert {case.query for case in CASES if case.left_alone} == set(DOCUMENTS)


@each_case
def test_it_finds(case: HuntingCase, tmp_path: Path) -> None:
    """The first row says what happened."""
    found, *_ = rows_of(QUERIES[case.query], tmp_path, case.found)
    assert {column: found[column] for column in case.expect} == dict(case.expect)


@each_near_miss
def test_it_leaves_alone(case: HuntingCase, name: str, tmp_path: Path) -> None:
    """What only looks like it gives no row."""
    assert rows_of(QUERIES[case.query], tmp_path, case.left_alone[name]) == []


@each_query
def test_an_empty_workspace_has_no_answer(stem: str, tmp_path: Path) -> None:
    """Before the first event there is nothing to find, and no error."""
    assert rows_of(QUERIES[stem], tmp_path, []) == []


@each_case
def test_each_event_counts_once(case: HuntingCase, tmp_path: Path) -> None:
    """Events that were delivered twice, and before that by a backfill, give what they give when delivered once."""
    (tmp_path / "once").mkdir()
    once = rows_of(QUERIES[case.query], tmp_path / "once", case.found)
    twice = [
        again
        for row in case.found
        for again in (row, row.again(row.ingested / 2), row.again(row.ingested + days(1)).backfilled())
    ]
    assert rows_of(QUERIES[case.query], tmp_path, twice) == once


@each_case
def test_history_is_found(case: HuntingCase, tmp_path: Path) -> None:
    """What only a backfill has delivered is hunted through as well."""
    found, *_ = rows_of(QUERIES[case.query], tmp_path, [row.backfilled() for row in case.found])
    assert {column: found[column] for column in case.expect} == dict(case.expect)


STORY: Final = [
    signin("mia", minutes(9)),
    usage("tom", ago=minutes(8), vault="finance"),
    audit("ada", "suspend", "user", minutes(7), subject="mia"),
    usage("mia", ago=minutes(6), vault="other"),
    failed("mia", 5),
]
OF_MIA: Final = [
    "signed in: account password and Secret Key were right",
    "suspended user",
    "item revealed",
    "could not sign in: wrong account password or Secret Key",
]
OFFICE: Final = [signin(f"person{each:02}", ip=ELSEWHERE) for each in range(11)]


@pytest.mark.parametrize(
    ("stem", "said", "rows", "column", "expected"),
    [
        ("VaultItemsTaken", f'Vault = "{FINANCE.upper()}"', STORY, "Actor", ["tom@example.com"]),
        ("PeopleAtOneAddress", f'Address = "{ELSEWHERE}"', [*OFFICE, *STORY], "People", [12]),
        ("PeopleAtOneAddress", 'Address = "203.0.113.77"', STORY, "People", []),
        ("PersonTimeline", 'Who = "MIA@example.com"', STORY, "What", OF_MIA),
        ("PersonTimeline", 'Who = "mia"', STORY, "What", OF_MIA),
        ("PersonTimeline", f'Who = "{person("mia")["uuid"]}"', STORY, "What", OF_MIA),
        ("PersonTimeline", 'Who = "ada@example.com"', STORY, "Whom", ["mia@example.com"]),
        ("ExternalPeople", 'OwnDomains = dynamic(["partner.example.org"])', [signin("mia"), outsider()], "Actor",
         [GUEST["email"], "mia@example.com"]),
        ("ExternalPeople", 'OwnDomains = dynamic(["Example.com", "partner.example.org"])',
         [signin("mia"), outsider(user_type="user")], "Actor", []),
    ],
)  # fmt: skip
def test_a_hunter_can_narrow_it(
    stem: str, said: str, rows: list[Planted], column: str, expected: list[Any], tmp_path: Path
) -> None:
    """Filled in at the top of the query, a vault, an address, a person or a domain is what it looks at."""
    name = said.split(" = ", maxsplit=1)[0]
    (line,) = (line for line in QUERIES[stem].splitlines() if line.startswith(f"let {name} = "))
    narrowed = QUERIES[stem].replace(line, f"let {said};")
    assert [row[column] for row in rows_of(narrowed, tmp_path, rows)] == expected
