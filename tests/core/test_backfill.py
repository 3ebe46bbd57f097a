"""What a backfill is asked for."""

from datetime import timedelta
from typing import Any

import pytest

from onepassword_sentinel.backfill import ID, read_backfill
from onepassword_sentinel.discovery import Stream
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.payloads import BACKFILL_REQUESTS_PER_MINUTE, BackfillRequest
from onepassword_sentinel.rate_limit import EVENTS_API_QUOTA
from onepassword_sentinel.requests import InvalidRequestError
from tests.core.conftest import NOW

START, END = "2026-11-01T00:00:00Z", "2026-11-08T00:00:00Z"
WEEK = {"start_time": START, "end_time": END}


def read(data: dict[str, Any], **options: Any) -> BackfillRequest:
    return read_backfill(data, NOW, **options)


def problems(data: dict[str, Any], **options: Any) -> dict[str, str]:
    with pytest.raises(InvalidRequestError) as caught:
        read(data, **options)
    return {problem.pointer: problem.detail for problem in caught.value.problems}


def test_a_window_is_enough() -> None:
    """All event types of all accounts, and an id that is good in an instance id and in an address."""
    request = read(WEEK)
    assert (request.start_time, request.end_time) == (START, END)
    assert (request.event_types, request.account) == ((), None)
    assert ID.fullmatch(request.id)
    assert request.id.startswith("20261101T000000Z-")


@pytest.mark.parametrize(
    "same",
    [
        {**WEEK, "start_time": "2026-11-01T01:00:00+01:00"},
        {**WEEK, "event_types": None, "account": None},
    ],
    ids=["another offset", "nulls"],
)
def test_the_same_request_in_other_words_is_the_same_backfill(same: dict[str, Any]) -> None:
    """The id follows from what is meant."""
    assert read(same).id == read(WEEK).id


@pytest.mark.parametrize(
    "other",
    [
        {**WEEK, "start_time": "2026-11-01T00:00:01Z"},
        {**WEEK, "end_time": "2026-11-08T00:00:01Z"},
        {"start_time": START},
        {**WEEK, "event_types": ["auditevents"]},
        {**WEEK, "account": ""},
    ],
    ids=["start", "end", "no end", "event types", "account"],
)
def test_another_request_is_another_backfill(other: dict[str, Any]) -> None:
    """Each with a cursor of its own."""
    assert read(other).id != read(WEEK).id


def test_a_window_without_an_end_is_the_same_tomorrow() -> None:
    """It ends when it is asked for; asked for again, it is found by its id."""
    today, tomorrow = read({"start_time": START}), read_backfill({"start_time": START}, NOW + timedelta(days=1))
    assert today.id == tomorrow.id
    assert today.end_time == "2026-11-22T12:00:00Z"


def test_a_window_that_ends_in_the_future_ends_now() -> None:
    """What is not there yet is the live stream's."""
    assert read({"start_time": START, "end_time": "2027-01-01T00:00:00Z"}).end_time == "2026-11-22T12:00:00Z"


@pytest.mark.parametrize(
    ("change", "pointer", "says"),
    [
        ({"start_time": None}, "/start_time", "is missing"),
        ({"start_time": 5}, "/start_time", "must be a time"),
        ({"start_time": "2026-11-01T00:00:00"}, "/start_time", "must say its zone"),
        ({"start_time": "2026-12-01T00:00:00Z"}, "/start_time", "lies in the future"),
        ({"start_time": "2026-07-01T00:00:00Z"}, "/start_time", "more than 120 days ago"),
        ({"end_time": START}, "/end_time", "must be after start_time"),
        ({"end_time": []}, "/end_time", "must be a time"),
        ({"event_types": "auditevents"}, "/event_types", "must be a list of signinattempts"),
        ({"event_types": []}, "/event_types", "leave it out for all of them"),
        ({"event_types": ["auditevents", "logins"]}, "/event_types/1", "must be one of signinattempts"),
        ({"event_types": [[], {}]}, "/event_types/1", "must be one of"),
        ({"account": 3}, "/account", "must be a name"),
        ({"account": "NOPE"}, "/account", 'is not configured; there is "", "ACME"'),
        ({"event_type": "auditevents"}, "/event_type", "is not known here; known are start_time"),
        ({"a/b~c": 1}, "/a~1b~0c", "is not known here"),
    ],
)
def test_what_is_wrong_is_pointed_at(change: dict[str, Any], pointer: str, says: str) -> None:
    """In words that say what to write instead."""
    assert says in problems({**WEEK, **change}, accounts=["ACME", ""])[pointer]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    """Nobody has to try again for each."""
    wrong = {"start_time": "x", "end_time": "y", "event_types": ["z"], "account": 1, "what": 2}
    assert set(problems(wrong)) == {"/start_time", "/end_time", "/event_types/0", "/account", "/what"}


def test_a_window_of_exactly_120_days_is_taken() -> None:
    """Whoever counts back from now is a moment late when the request arrives."""
    start = (NOW - timedelta(days=120, seconds=30)).isoformat()
    assert read({"start_time": start}).start_time == "2026-07-25T11:59:30Z"


@pytest.mark.parametrize("share", [1, 2, 3])
def test_all_streams_of_a_backfill_leave_polls_half_of_the_quota(share: int) -> None:
    """Whichever window of the quota is the tighter one, and however many streams there are."""
    drain = read(WEEK).drain(Stream("", "ACC", EventType.AUDIT_EVENTS), share=share)
    assert drain.pacing.requests_per_minute is not None
    assert drain.pacing.requests_per_minute * share == pytest.approx(BACKFILL_REQUESTS_PER_MINUTE)
    for requests, seconds in EVENTS_API_QUOTA:
        assert drain.pacing.requests_per_minute * share * seconds / 60 <= requests / 2
        # Between two pauses, too.
        assert drain.pacing.transfer_pages * share <= requests / 2


def test_a_stream_is_drained_without_a_budget_under_a_key_of_its_own() -> None:
    """The live cursor's key is another one, and so is that of another account."""
    request, stream = read(WEEK), Stream("ACME", "ACC", EventType.AUDIT_EVENTS)
    drain = request.drain(stream, share=3)
    assert (drain.key, drain.backfill_id) == (f"{request.id}-ACC-auditevents", request.id)
    assert (drain.start_time, drain.end_time, drain.is_backfill) == (START, END, True)
    assert drain.key != stream.key


@pytest.mark.parametrize(
    ("account", "event_types", "covered"),
    [(None, None, True), ("ACME", None, True), ("", None, False), (None, ["itemusages"], False)],
)
def test_a_backfill_covers_what_it_names(account: str | None, event_types: list[str] | None, *, covered: bool) -> None:
    """What is left out means all of it; the first account's name is empty."""
    request = read({**WEEK, "account": account, "event_types": event_types})
    assert request.covers(Stream("ACME", "ACC", EventType.AUDIT_EVENTS)) is covered
