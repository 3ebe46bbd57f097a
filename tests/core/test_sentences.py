"""One line for several failures."""

import pytest

from onepassword_sentinel.sentences import joined, shortened


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


def test_many_names_and_sentences_are_counted() -> None:
    """A line that nobody could read is not written."""
    alike = joined(f"s{number}: down" for number in range(140))
    assert alike == "s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 and 130 more: down"
    different = joined(f"s{number}: cause {number}" for number in range(150))
    assert different.split(" | ")[-2:] == ["s19: cause 19", "and 130 more"]


def test_a_long_text_is_cut_visibly() -> None:
    """One of the allowed length stays whole."""
    assert (shortened("abc", 3), shortened("abcd", 3)) == ("abc", "ab…")
