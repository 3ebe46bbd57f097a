"""What the documents show of `make bench` is what its last run measured."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.chart import chart
from benchmarks.documents import CHART, DOCUMENTS, RESULTS, blocks, filled
from benchmarks.tables import Target, targets

FOUND = json.loads(RESULTS.read_text())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_shows_the_last_run(document: Path) -> None:
    """No number was written by hand, and none is of another run."""
    text = document.read_text()
    assert filled(text, blocks(FOUND)) == text
    assert text.count("<!-- bench:") == text.count("<!-- /bench -->") > 0


def test_the_picture_shows_the_last_run() -> None:
    """The README's chart is that run's."""
    assert CHART.read_text() == chart(FOUND["transfer"])


def test_every_block_is_shown() -> None:
    """Nothing is rendered for nobody."""
    shown = "".join(document.read_text() for document in DOCUMENTS)
    assert [name for name in blocks(FOUND) if f"<!-- bench:{name} -->" not in shown] == []


def test_only_what_stands_between_marks_is_replaced() -> None:
    """A document keeps its own words."""
    text = "a\n<!-- bench:x -->\nold\n<!-- /bench -->\nb\n<!-- bench:y -->\nkept\n<!-- /bench -->\n"
    assert filled(text, {"x": "new", "z": "none"}) == text.replace("old", "new")


def test_the_last_run_reached_what_was_to_be_reached() -> None:
    """These are the figures that the documents show, not a measurement of today."""
    assert [target for target in targets(FOUND) if not target.reached] == []


@pytest.mark.parametrize(
    ("bound", "within", "beyond"),
    [("at most", 2.0, 2.001), ("at least", 2.0, 1.999), ("under", 1.999, 2.0), ("exactly", 2, 3)],
)
def test_a_target_is_held_to_its_limit(bound: Any, within: float, beyond: float) -> None:
    """It is the value that counts, not what is left of it once it is rounded."""
    assert Target("", bound, 2, within).reached
    assert not Target("", bound, 2, beyond).reached
