"""The page says what the status says."""

from dataclasses import replace
from typing import Any

import pytest

from onepassword_sentinel.status import Status
from status_page.render import MARKS
from tests.status_page.conftest import ACCOUNT, FORBIDDEN, NOW, OTHER_ACCOUNT, poll, stream
from tests.status_page.document import Document, read

DASH = "\N{EN DASH}"


def one(**changes: Any) -> Document:
    """Read the page of a connector with a single stream."""
    return read(Status(NOW, "0.1.0", healthy=False, summary="summary", streams=(stream(**changes),)))


@pytest.mark.parametrize(("condition", "sign"), [("healthy", "✓"), ("broken", "✗"), ("empty", "…")])
def test_the_state_is_in_the_title_the_tab_and_the_heading(
    condition: str, sign: str, request: pytest.FixtureRequest
) -> None:
    """One sees whether all is well even in another tab."""
    status: Status = request.getfixturevalue(condition)
    found = read(status)
    assert found.texts["title"][0] == f"{sign} {status.summary} {DASH} 1Password connector"
    assert found.words("h1") == [status.summary]
    assert found.of("link")[0]["href"].startswith("data:image/svg+xml,%3Csvg%20")
    assert "Checked 2026-11-22 12:00:05 UTC" in found.text
    assert "Version 0.1.0" in found.text


def test_the_tab_has_an_icon_for_each_state(healthy: Status, broken: Status, empty: Status) -> None:
    """The icons differ."""
    assert len({read(status).of("link")[0]["href"] for status in (healthy, broken, empty)}) == 3


def test_problems_come_before_everything_else(broken: Status) -> None:
    """Each is a banner of its own, in full."""
    text = read(broken).text
    assert all(0 < text.index(problem) < text.index("Streams") for problem in broken.problems)
    assert f"Dead letters cannot be counted: {broken.dead_letters_problem}" in text


@pytest.mark.parametrize("health", ["healthy", "behind", "failing", "unpolled"])
def test_a_stream_tells_its_health_in_words(health: str) -> None:
    """Neither the colour nor the icon is needed to understand it."""
    found = one(health=health, explanation="because of the moon")
    assert f"Sign-in attempts {MARKS[health].word} because of the moon" in found.words("article")[0]


def test_a_stream_tells_its_figures() -> None:
    """Lag, times, rows, size and dead letters are there, and the cursor's key that a reset names."""
    text = one(dead_letters=1_204).words("article")[0]
    for said in (
        "Lag 42 s",
        "Last success 42 seconds ago",
        "Newest event 3 minutes ago",
        "Today, UTC 12,345 rows 8.1 MB",
        "Rows in total 1,234,567",
        "Dead letters 1,204 waiting",
        "Stream signinattempts",
        f"Cursor {ACCOUNT}-signinattempts",
    ):
        assert said in text


def test_a_stream_that_never_succeeded_has_no_figures_to_tell() -> None:
    """What is not known is said not to be known."""
    text = one(lag_seconds=None, succeeded_at=None, newest=None, dead_letters=None, polled=()).words("article")[0]
    assert "No poll in the last 24 hours" in text
    assert "Lag unknown Last success never Newest event none yet" in text
    assert "Dead letters unknown" in text


def test_the_chart_has_a_text() -> None:
    """Who cannot see the bars is told about them."""
    labels = [attributes["aria-label"] for attributes in one().of("svg") if "aria-label" in attributes]
    assert [label.partition(", max")[0] for label in labels] == ["events per poll, last 24 h: 286 polls"]


def test_the_last_failure_tells_what_to_do_and_whether_it_is_over(broken: Status) -> None:
    """An old failure does not look like a new one."""
    cards = read(broken).words("article")
    assert f"Last failure 4 minutes ago, not over {FORBIDDEN}" in cards[1]
    assert "Last failure 5 hours ago, over since subsidiary-signinattempts: HTTP 503" in cards[3]
    assert "Last failure" not in one().text


def test_streams_are_grouped_by_account(broken: Status, healthy: Status) -> None:
    """Several accounts are told apart, by uuid where there is no name; a single one needs no heading."""
    assert [title for title in read(broken).words("h3") if title != "q3"] == [ACCOUNT, f"SUBSIDIARY {OTHER_ACCOUNT}"]
    assert read(healthy).words("h3")[:3] == ["Sign-in attempts", "Item usages", "Audit events"]


def test_a_backfill_tells_how_far_it_is(healthy: Status) -> None:
    """The whole and every stream have a bar with a name and a value, and the figures beside it."""
    found = read(healthy)
    bars = {attributes["aria-label"]: attributes["value"] for attributes in found.of("progress")}
    card = found.words("article")[-1]
    assert bars == {"Backfill q3": "53.8", "signinattempts": "100.0", "itemusages": "61.4", "auditevents": "0.0"}
    assert "q3 Running 2026-07-01 00:00:00 UTC to 2026-10-01 00:00:00 UTC" in card
    assert "812,000 events, started 17 minutes ago, instance backfill-q3" in card
    assert "itemusages Running 61 % 61 % 412,000 1,830/s 2 h 14 min" in card
    assert f"auditevents Waiting 0 % 0 % 0 {DASH} {DASH}" in card


def test_a_bar_stays_within_its_bounds(healthy: Status) -> None:
    """A position outside the window is drawn at its end."""
    backfills = tuple(replace(healthy.backfills[0], percent=percent, streams=()) for percent in (-5.0, 120.0))
    bars = read(replace(healthy, backfills=backfills)).of("progress")
    assert [attributes["value"] for attributes in bars] == ["0", "100"]


def test_a_failed_backfill_tells_why(broken: Status) -> None:
    """The backfill's own sentence is there, and that of each stream."""
    card = read(broken).words("article")[-1]
    assert card.count(FORBIDDEN) == 2
    assert "signinattempts Stopped" in card


def test_a_poll_is_a_row() -> None:
    """It has its start, outcome, events, duration and id; a stream is named only where outcomes differ."""
    alike, different, running = (
        poll(1),
        poll(2, outcomes={"a": "ok", "b": "more"}),
        poll(3, ended_at=None, state="running"),
    )
    found = read(Status(NOW, "0.1.0", healthy=True, summary="", polls=(alike, different, running)))
    rows = found.words("tr")
    assert rows == [
        "Started Outcome Events Duration Instance",
        f"5 minutes ago Completed ok 1,311 3.4 s {alike.instance_id}",
        f"10 minutes ago Completed a: ok b: more 2,622 4.4 s {different.instance_id}",
        f"15 minutes ago Running ok 3,933 {DASH} {running.instance_id}",
    ]
    assert {attributes["scope"] for attributes in found.of("th")} == {"row", "col"}


def test_a_poll_of_many_streams_names_a_few_and_counts_the_others() -> None:
    """Hundreds of streams that are well are a number."""
    many = poll(1, outcomes={"a": "failed", "b": "busy", "c": "ok"}, counts={"failed": 1, "busy": 3, "ok": 1_446})
    row = read(Status(NOW, "0.1.0", healthy=True, summary="", polls=(many,))).words("tr")[1]
    assert "a: failed b: busy c: ok 2 more: busy 1,445 more: ok" in row


def test_a_poll_that_failed_for_another_reason_says_that_its_streams_are_well() -> None:
    """A wrong setting fails the poll although every stream was delivered."""
    failed = poll(1, state="failed", error="Fix these app settings: x")
    row = read(Status(NOW, "0.1.0", healthy=False, summary="", polls=(failed,))).words("tr")[1]
    assert row.startswith("5 minutes ago Failed streams: ok ")


def test_errors_have_a_column_only_if_there_are_any(broken: Status, healthy: Status) -> None:
    """A healthy connector's table is not half empty."""
    assert "Error" in read(broken).words("th")
    assert broken.polls[1].error in read(broken).words("td")
    assert "Error" not in read(healthy).words("th")


def test_times_are_relative_and_exact() -> None:
    """Hovering shows the time itself, and a program can read it."""
    assert {"datetime": "2026-11-22T11:57:05Z", "title": "2026-11-22 11:57:05 UTC"} in one().of("time")


def test_a_new_connector_has_nothing_to_show(empty: Status) -> None:
    """Every section says so in a line, or is left out."""
    found = read(empty)
    assert found.words("h2") == ["Streams", "Recent polls"]
    assert "No stream is known yet" in found.text
    assert "No poll has run yet." in found.text
