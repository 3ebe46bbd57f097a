"""An instance's output stays small, whatever the number of accounts."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from onepassword_sentinel.sentences import joined
from onepassword_sentinel.stream_results import STREAMS_SHOWN, summed_up

OUTCOMES = st.sampled_from(["ok", "more", "busy", "throttled", "recovered"])
STREAMS = 3 * 1_000


def result(outcome: str, error: str = "") -> dict[str, object]:
    """Make what a stream's run returns, with all its counts."""
    counts = dict.fromkeys(["events", "pages", "chunks", "bytes", "requests", "dead_letters", "repeated"], 123_456_789)
    texts = {"account": "A" * 40, "account_uuid": "U" * 26, "event_type": "signinattempts", "backfill_id": "b" * 25}
    run = {"instance_id": "poll-20261122T124500Z-" + "a" * 60, "lag_seconds": 12.5, "seconds": 1.5, "drift": "x y"}
    return {"outcome": outcome, "error": error, **counts, **texts, **run}


@settings(max_examples=20, deadline=None)
@given(st.lists(OUTCOMES, min_size=1, max_size=8), st.integers(0, 5_000))
def test_an_output_of_1000_accounts_is_below_16_kb(outcomes: list[str], length: int) -> None:
    """However the streams ended, and however long their errors are."""
    results = {
        f"account-{number}-signinattempts": result(outcomes[number % len(outcomes)], "\N{SNOWMAN}" * length)
        for number in range(STREAMS)
    }
    output = summed_up(results)
    assert len(msgspec.json.encode(output)) < 16_384
    assert sum(output["outcomes"].values()) == STREAMS == len(output["streams"]) + output["left_out"]
    assert output["events"] == STREAMS * 123_456_789


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2_000), st.booleans())
def test_the_message_of_a_failure_of_1000_accounts_is_below_16_kb(causes: int, length: int, alike: bool) -> None:  # noqa: FBT001  # drawn
    """Whether all fail for one reason or each for its own."""
    sentences = [
        f"account-{number}-signinattempts: {'cause' if alike else number % causes} {'x' * length}"
        for number in range(STREAMS)
    ]
    assert len(joined(sentences).encode()) < 16_384


def test_what_is_not_ok_is_kept_first() -> None:
    """The results are in the order that they had."""
    results = {f"s{number}": result("ok") for number in range(100)} | {"t": result("busy", "t: poll-1 holds it")}
    output = summed_up(results)
    assert len(output["streams"]) <= STREAMS_SHOWN
    assert next(iter(output["streams"])) == "s0"
    assert output["streams"]["t"] == results["t"]
    assert output["outcomes"] == {"busy": 1, "ok": 100}


def test_a_few_results_are_kept_whole() -> None:
    """Nothing is said to be left out."""
    results = {"a": result("ok"), "b": result("more")}
    assert summed_up(results) == {
        "events": 2 * 123_456_789,
        "outcomes": {"more": 1, "ok": 1},
        "streams": results,
    }
