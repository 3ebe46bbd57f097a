"""What the documents show of `make bench` is what its last run measured."""

import json
from pathlib import Path

import pytest

from benchmarks.chart import chart
from benchmarks.documents import CHART, DOCUMENTS, RESULTS, blocks, filled
from benchmarks.tables import target_rows

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
    reached = {name: said.split()[0] for name, _, said in target_rows(FOUND)[1:]}
    assert float(reached["CPU per event, times the floor's"]) <= 1.3
    assert float(reached["better than the naive connector"]) >= 7
    assert float(reached["better than 1Password's Go add-on"]) >= 2
    assert float(reached["peak memory above the idle worker, any backlog"]) <= 60
    assert float(reached["upload bytes, times zlib level 6"]) <= 1.2
    assert float(reached["import and indexing, times an empty app's"]) < 1.5
    assert reached["requests of a poll with nothing new, health rows aside"] == "4"
