"""Each rule alerts once on what it is for, and on nothing else: run over planted rows as Microsoft Sentinel does."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.content.sources import read_documents
from local.content import ScheduledRule, read_rules
from local.workspace import Workspace
from tests.content.case import RuleCase
from tests.content.cases import rule_cases
from tests.content.planted import NOW, TEMPLATE, Planted, plant, planted

DOCUMENTS: Final = read_documents("rules")
RULES: Final = {stem: read_rules(TEMPLATE)[document["name"]] for stem, document in DOCUMENTS.items()}
CASES: Final = rule_cases()
ONCE: Final = [case for case in CASES if not case.lasting]
ON_EVENTS: Final = [case for case in CASES if not case.absence]

each_rule = pytest.mark.parametrize("case", CASES, ids=[case.rule for case in CASES])
each_firing = pytest.mark.parametrize(
    ("case", "name"),
    [(case, name) for case in CASES for name in case.fires],
    ids=[f"{case.rule}: {name}" for case in CASES for name in case.fires],
)
each_near_miss = pytest.mark.parametrize(
    ("case", "name"),
    [(case, name) for case in CASES for name in case.quiet],
    ids=[f"{case.rule}: {name}" for case in CASES for name in case.quiet],
)


@contextmanager
def holding(folder: Path, rows: Iterable[Planted]) -> Iterator[Workspace]:
    workspace = planted(folder / "workspace.duckdb", rows)
    try:
        yield workspace
    finally:
        workspace.close()


def alerts(rule: ScheduledRule, workspace: Workspace, runs_later: int = 0) -> list[dict[str, Any]]:
    """What the rule alerts on at NOW, or so many of its runs later."""
    columns, rows = rule.run(workspace, NOW + runs_later * rule.frequency)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def first(case: RuleCase) -> list[Planted]:
    return list(next(iter(case.fires.values())))


def test_every_rule_is_tried() -> None:
    """No rule is without a case that must fire and two near misses, and no case without its rule."""
    assert sorted(case.rule for case in CASES) == sorted(DOCUMENTS)
    assert {case.rule for case in CASES if not case.fires or len(case.quiet) < 2} == set()


@each_firing
def test_it_fires(case: RuleCase, name: str, tmp_path: Path) -> None:
    """One alert for what happened, at the run after it was delivered."""
    with holding(tmp_path, case.fires[name]) as workspace:
        assert len(alerts(RULES[case.rule], workspace)) == 1


@each_rule
def test_it_says_what_happened(case: RuleCase, tmp_path: Path) -> None:
    """The alert has what it is to say, and something in every column that makes an entity or a title."""
    with holding(tmp_path, first(case)) as workspace:
        (alert,) = alerts(RULES[case.rule], workspace)
    assert {column: alert[column] for column in case.expect} == dict(case.expect)
    mapped = {
        mapping["columnName"]
        for entity in DOCUMENTS[case.rule]["entityMappings"]
        for mapping in entity["fieldMappings"]
    }
    assert [column for column in mapped if not isinstance(alert[column], str)] == []
    assert {column for column in mapped if not alert[column]} == set(case.unfilled)


@each_near_miss
def test_it_stays_quiet(case: RuleCase, name: str, tmp_path: Path) -> None:
    """What only looks like it makes no alert."""
    with holding(tmp_path, case.quiet[name]) as workspace:
        assert alerts(RULES[case.rule], workspace) == []


@pytest.mark.parametrize("case", ONCE, ids=[case.rule for case in ONCE])
def test_it_fires_once(case: RuleCase, tmp_path: Path) -> None:
    """No second alert at the next run, nor when the same events are delivered once more."""
    rule, rows = RULES[case.rule], first(case)
    with holding(tmp_path, rows) as workspace:
        assert alerts(rule, workspace, runs_later=1) == []
        plant(workspace, [row.again(ingested=-rule.frequency / 2) for row in rows])
        assert alerts(rule, workspace, runs_later=1) == []


@pytest.mark.parametrize("case", ON_EVENTS, ids=[case.rule for case in ON_EVENTS])
def test_it_ignores_history(case: RuleCase, tmp_path: Path) -> None:
    """What a backfill delivers is no news, whatever is in it."""
    with holding(tmp_path, [row.backfilled() for row in first(case)]) as workspace:
        assert alerts(RULES[case.rule], workspace) == []


@pytest.mark.parametrize("case", ON_EVENTS, ids=[case.rule for case in ON_EVENTS])
def test_an_empty_workspace_is_no_incident(case: RuleCase, tmp_path: Path) -> None:
    """Before the first event there is nothing to alert on, and no error."""
    with holding(tmp_path, []) as workspace:
        assert alerts(RULES[case.rule], workspace) == []
