"""One line for several failures."""

import pytest

from onepassword_sentinel.sentences import joined


@pytest.mark.parametrize(
    ("sentences", "line"),
    [
        (["a: down: twice"], "a: down: twice"),
        (["a: down", "b: up", "c: down"], "a, c: down | b: up"),
        (["a", "b: x", "c"], "a | c | b: x"),
        ([], ""),
    ],
)
def test_who_says_the_same_is_named_together(sentences: list[str], line: str) -> None:
    """Three streams with one cause read as one cause."""
    assert joined(sentences) == line
