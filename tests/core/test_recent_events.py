"""An event that 1Password gives again is recognised, within a page and among the pages before it."""

from hypothesis import given
from hypothesis import strategies as st

from onepassword_sentinel.recent_events import PAGES_REMEMBERED, RecentEvents

uuids = st.lists(st.sampled_from([b"", b"A", b"B", b"C", b"D", b"E", b"F", b"G"]), max_size=8)


@given(st.lists(uuids, max_size=PAGES_REMEMBERED), st.lists(st.text(st.sampled_from("ABC"), max_size=1), max_size=2))
def test_each_event_is_new_once(pages: list[list[bytes]], before: list[str]) -> None:
    """As if each were looked up by itself among all that came before; one without a uuid is always new."""
    recent, known = RecentEvents(), {uuid.encode() for uuid in before}
    recent.add(before)
    for page in pages[: PAGES_REMEMBERED - 1]:
        expected = []
        for place, uuid in enumerate(page):
            if not uuid or uuid not in known:
                expected.append(place)
            known.add(uuid)
        assert list(recent.places_of_new(page, 0)) == expected


def test_what_a_page_has_before_the_start_is_not_looked_at() -> None:
    """A page that was begun goes on where it was left."""
    recent = RecentEvents()
    assert list(recent.places_of_new([b"A", b"B", b"A"], 1)) == [1, 2]
    assert list(recent.places_of_new([b"B", b"C"], 0)) == [1]


def test_memory_does_not_grow_with_the_backlog() -> None:
    """Pages that lie far behind are forgotten, and empty ones push none out."""
    recent = RecentEvents()
    recent.places_of_new([b"first"], 0)
    for number in range(PAGES_REMEMBERED - 1):
        recent.places_of_new([str(number).encode()], 0)
        recent.places_of_new([], 0)
    assert list(recent.places_of_new([b"first"], 0)) == []
    recent.places_of_new([b"last"], 0)
    assert list(recent.places_of_new([b"0", b"first"], 0)) == [0]
