"""Schedules: what NCrontab takes is taken, everything else is refused with a sentence before the host sees it."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from local.host.errors import HostError
from local.host.timers import Schedule
from onepassword_sentinel.schedule import DEFAULT_SCHEDULE, poll_schedule, read_ncrontab

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)

ACCEPTED = {
    "every five minutes": "0 */5 * * * *",
    "every second": "* * * * * *",
    "list": "0,30 0,20,40 * * * *",
    "range": "0 0 9-17 * * 1-5",
    "range of one": "0 0 9-9 * * *",
    "step in a range": "0 10-50/20 8-18/2 * * *",
    "step from a value": "5/10 3/5 * * * *",
    "step beyond the end": "0 */60 * * * *",
    "list of all": "0 1,5-9,20-40/5,50/3,*/20 * * * *",
    "names": "0 0 0 1 JAN,jul MON",
    "names in full": "0 0 0 * january-Sept mon-Friday/2",
    "leading zeros": "00 05 00 01 01 00",
    "leap day": "0 0 0 29 2 *",
    "leap day on a Monday": "0 0 0 29 FEB MON",
    "a day that some months have": "0 0 0 31 2,3 *",
}

REFUSED = {
    "nothing": ("", "its fields are 0"),
    "a word": ("hourly", "its fields are 1"),
    "macro": ("@hourly", "its fields are 1"),
    "TimeSpan": ("00:05:00", "its fields are 1"),
    "four fields": ("0 * * *", "its fields are 4"),
    "seven fields": ("0 0 0 * * * 2026", "its fields are 7"),
    "unresolved setting": ("%POLL_SCHEDULE%", "its fields are 1"),
    "unresolved reference": ("@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/s)", "its fields are 1"),
    "quoted": ('"0 */5 * * * *"', "its seconds are wrong"),
    "second 60": ("60 * * * * *", "its seconds are wrong"),
    "minute 60": ("0 60 * * * *", "its minutes are wrong"),
    "hour 24": ("0 0 24 * * *", "its hours are wrong"),
    "day 0": ("0 0 0 0 * *", "its days are wrong"),
    "day 32": ("0 0 0 1-32 * *", "its days are wrong"),
    "month 0": ("0 0 0 * 0 *", "its months are wrong"),
    "month 13": ("0 0 0 * 13 *", "its months are wrong"),
    "weekday 7": ("0 0 0 * * 7", "its weekdays are wrong"),
    "question mark": ("0 0 0 ? * 1", "its days are wrong"),
    "last day": ("0 0 0 L * *", "its days are wrong"),
    "working day": ("0 0 0 15W * *", "its days are wrong"),
    "second Monday": ("0 0 0 * * 1#2", "its weekdays are wrong"),
    "name of a weekday as month": ("0 0 0 * MON *", "its months are wrong"),
    "name of a month as weekday": ("0 0 0 * * JAN", "its weekdays are wrong"),
    "no name": ("0 0 0 * JANUS *", "its months are wrong"),
    "a name too short": ("0 0 0 * JA *", "its months are wrong"),
    "name as hour": ("0 0 MON * * *", "its hours are wrong"),
    "empty list": ("0 1,,2 * * * *", "its minutes are wrong"),
    "comma at the end": ("0 1, * * * *", "its minutes are wrong"),
    "half a range": ("0 5- * * * *", "its minutes are wrong"),
    "negative": ("0 -5 * * * *", "its minutes are wrong"),
    "range of three": ("0 1-2-3 * * * *", "its minutes are wrong"),
    "range from all": ("0 *-5 * * * *", "its minutes are wrong"),
    "backwards": ("0 0 22-6 * * *", "its hours are wrong"),
    "backwards by name": ("0 0 0 * * FRI-MON", "its weekdays are wrong"),
    "step of nothing": ("0 */0 * * * *", "its minutes are wrong"),
    "no step": ("0 */ * * * *", "its minutes are wrong"),
    "step by name": ("0 0 0 * */JAN *", "its months are wrong"),
    "fraction": ("0 */2.5 * * * *", "its minutes are wrong"),
    "digits of another script": ("0 */\u0665 * * * *", "its minutes are wrong"),
    "a number without end": (f"0 {'9' * 5_000} * * * *", "its minutes are wrong"),
    "tabs": ("0\t*/5\t*\t*\t*\t*", "its fields are 1"),
    "tab in a field": ("0 */5\t * * * *", "its minutes are wrong"),
    "February 30": ("0 0 0 30 2 *", "its day never comes"),
    "the 31st of short months": ("0 0 0 31 4,6,SEP,11 *", "its day never comes"),
}


@pytest.mark.parametrize("expression", ACCEPTED.values(), ids=ACCEPTED)
def test_what_azure_takes_is_handed_on_as_it_is(expression: str) -> None:
    """And the local host takes it too."""
    assert read_ncrontab(expression) == expression
    assert Schedule(expression).next_after(NEW_YEAR) > NEW_YEAR


@pytest.mark.parametrize(("expression", "why"), REFUSED.values(), ids=REFUSED)
def test_everything_else_is_refused(expression: str, why: str) -> None:
    """With the field that is wrong."""
    with pytest.raises(ValueError, match=f"^{why}$"):
        read_ncrontab(expression)


def test_five_fields_begin_at_the_full_minute() -> None:
    """As in Azure; the host is given six, and single blanks between them."""
    assert read_ncrontab("*/10  8-18 * * MON-FRI ") == "0 */10 8-18 * * MON-FRI"


@pytest.mark.parametrize(
    "values", [{}, {"POLL_SCHEDULE": ""}, {"POLL_SCHEDULE": " "}], ids=["missing", "empty", "blank"]
)
def test_without_a_setting_polls_come_every_five_minutes(values: dict[str, str]) -> None:
    """That is no problem."""
    problems: list[str] = []
    assert (poll_schedule(values, problems), problems) == (DEFAULT_SCHEDULE, [])
    assert Schedule(DEFAULT_SCHEDULE).next_after(NEW_YEAR) == datetime(2026, 1, 1, 0, 5, tzinfo=UTC)


def test_a_right_setting_is_used() -> None:
    """Whatever blanks stand around it."""
    problems: list[str] = []
    assert poll_schedule({"POLL_SCHEDULE": " 30 */2 * * * *\n"}, problems) == "30 */2 * * * *"
    assert problems == []


def test_a_wrong_setting_is_explained_and_replaced() -> None:
    """Polls go on, and the sentence says how often, and what to write; whatever stands there is not quoted."""
    problems: list[str] = []
    assert poll_schedule({"POLL_SCHEDULE": "0 */5 * * *  ey.secret.x"}, problems) == DEFAULT_SCHEDULE
    (problem,) = problems
    assert problem == (
        "POLL_SCHEDULE must be an NCRONTAB expression of six fields, seconds first, such as 0 */5 * * * * (its "
        "weekdays are wrong); until it is, 1Password is polled every 5 minutes"
    )


def part(first: int, last: int) -> st.SearchStrategy[str]:
    """One value, range or step; a range has two ends, as the local host takes `5-5` for all values."""
    value = st.integers(first, last)
    ranges = st.lists(value, min_size=2, max_size=2, unique=True).map(lambda ends: "-".join(map(str, sorted(ends))))
    stepped = st.tuples(st.just("*") | ranges, st.integers(1, last)).map(lambda both: f"{both[0]}/{both[1]}")
    return st.just("*") | value.map(str) | ranges | stepped


def field(first: int, last: int) -> st.SearchStrategy[str]:
    return st.lists(part(first, last), min_size=1, max_size=3).map(",".join)


EXPRESSIONS = st.tuples(field(0, 59), field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6)).map(" ".join)


def never_comes(expression: str) -> bool:
    try:
        Schedule(expression)
    except HostError:
        return True
    return False


@given(EXPRESSIONS)
@example("0 0 0 30,31 2 *")
@example("0 0 0 31 2-4/2 1")
def test_a_day_that_never_comes_is_known_by_counting(expression: str) -> None:
    """What a calendar finds by looking through the years is found without one."""
    try:
        refused = bool(not read_ncrontab(expression))
    except ValueError as error:
        assert str(error) == "its day never comes"  # noqa: PT017  # the only reason there is
        refused = True
    assert refused == never_comes(expression)


@given(st.text(st.sampled_from("0159*/,- ?LW#JANMON\t%@"), max_size=30) | st.text(max_size=30))
def test_whatever_stands_there_is_read_or_refused(text: str) -> None:
    """Never anything else, as the app has to be indexed; and what is read, a host takes."""
    problems: list[str] = []
    schedule = poll_schedule({"POLL_SCHEDULE": text}, problems)
    assert (schedule == DEFAULT_SCHEDULE) or not problems
    assert Schedule(schedule).next_after(NEW_YEAR) > NEW_YEAR
