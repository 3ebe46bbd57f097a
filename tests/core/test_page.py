"""A page is split into its items' own bytes, and what is no page is refused."""

from datetime import UTC, datetime

import pytest

from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.page import MalformedPageError, Page
from tests.core.conftest import NOW


def page(*items: str, cursor: str = "c", has_more: bool = True) -> Page:
    body = f'{{"items":[{",".join(items)}],"has_more":{str(has_more).lower()},"cursor":"{cursor}"}}'
    return Page.parse(body.encode())


def test_items_keep_their_bytes() -> None:
    """Numbers, escapes and spaces come out as they went in."""
    item = '{ "uuid":"A", "aux_id": 9007199254740993, "name":"\\u0041é" , "x":1.50}'
    assert bytes(page(item).items[0]) == item.encode()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html>busy</html>", "malformed JSON"),
        (b'{"cursor":"c","has_more":true,"items":[{"uuid":"A"', "malformed JSON"),
        (b"", "malformed JSON"),
        (b'{"cursor":"c","has_more":true,"items":[{"uuid":"\xff"}]}', "not UTF-8"),
        (b'{"has_more":true,"items":[]}', "`cursor`"),
        (b'{"cursor":"c","items":[]}', "`has_more`"),
        (b'{"cursor":"c","has_more":true,"items":null}', "items"),
        (b'{"cursor":null,"has_more":true,"items":[]}', "cursor"),
        (b'{"cursor":"c","has_more":true,"items":[{},7]}', "an item is not an object"),
        (b"[]", "not a page"),
    ],
)
def test_what_is_no_page_is_refused(body: bytes, says: str) -> None:
    """Whatever comes with status 200, only a whole page counts as one."""
    with pytest.raises(MalformedPageError, match=says):
        Page.parse(body)


def test_the_newest_event_is_found_first_or_last() -> None:
    """Nine fractional digits and offsets are understood."""
    found = page('{"timestamp":"2026-11-20T10:00:00.123456789Z"}', '{"timestamp":"2026-11-20T08:00:00-03:00"}')
    assert found.newest(now=NOW) == datetime(2026, 11, 20, 11, 0, tzinfo=UTC)


def test_a_client_clock_in_the_future_does_not_count() -> None:
    """The newest event is where a recovery starts from: it must not lie ahead of time."""
    assert page('{"timestamp":"2031-01-01T00:00:00Z"}').newest(now=NOW) == NOW


@pytest.mark.parametrize("item", ["{}", '{"timestamp":"soon"}', '{"timestamp":null}', '{"uuid":7}'])
def test_an_event_without_a_usable_time_has_none(item: str) -> None:
    """Every field but the page's own may be missing or odd."""
    assert page(item).newest(now=NOW) is None


def test_an_unknown_key_of_the_first_event_is_drift() -> None:
    """1Password adds fields now and then; the table has no column for them."""
    drifted = page('{"uuid":"A","timestamp":"x","session":{},"device_trust":1}')
    assert drifted.unknown_keys(EventType.AUDIT_EVENTS) == {"device_trust"}
    assert page().unknown_keys(EventType.AUDIT_EVENTS) == frozenset()


@pytest.mark.parametrize(
    ("item", "uuid"),
    [
        ('{"uuid":"ABC","timestamp":"x"}', "ABC"),
        ('{ "uuid" : "ABC" }', "ABC"),
        ('{"timestamp":"x","uuid":"ABC"}', "ABC"),
        ('{"target_user":{"uuid":"DEF"},"uuid":"ABC"}', "ABC"),
        ('{"uuid":"\\u0041\\"é"}', 'A"é'),
        ('{"target_user":{"uuid":"DEF"}}', ""),
        ('{"uuid":null}', ""),
        ("{}", ""),
    ],
)
def test_an_event_is_named_by_its_uuid_wherever_that_stands(item: str, uuid: str) -> None:
    """1Password writes it first, and nobody promises that; what has none has an empty name."""
    assert page(item, "{}", item).last_uuids(0, 3) == [uuid, "", uuid]


def test_an_event_that_is_not_utf8_is_left_to_azure() -> None:
    """The page is one, and the other events are not to wait for that one."""
    body = b'{"cursor":"c","has_more":false,"items":[{"uuid":"A","\xff":"\xff","timestamp":"\xff"},{"uuid":"B"}]}'
    found = Page.parse(body)
    assert (found.uuid(0), found.uuid(1), len(found.items)) == ("A", "B", 2)
    assert (found.newest(now=NOW), found.unknown_keys(EventType.AUDIT_EVENTS)) == (None, frozenset())
