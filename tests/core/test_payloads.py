"""What orchestrations are given fits together, and what a person typed is read or refused with its place."""

import json
from pathlib import Path

import msgspec
import pytest

from onepassword_sentinel.payloads import Pacing, PollRequest
from onepassword_sentinel.wire import from_wire, to_wire

HOST = Path(__file__).resolve().parents[2] / "host.json"


def test_a_lease_covers_every_attempt_and_every_wait() -> None:
    """A slow run must not lose its stream to the next one while it is still at work."""
    pacing = Pacing()
    waits = sum(pacing.retry_seconds * 2**attempt for attempt in range(pacing.attempts - 1))
    assert pacing.budget_seconds is not None
    assert pacing.lease_seconds >= max(pacing.attempts * pacing.transfer_limit + waits, pacing.budget_seconds)


def test_an_activity_ends_well_inside_the_platforms_limit() -> None:
    """The platform would run an activity that exceeds it again, without end."""
    hours, minutes, seconds = map(int, json.loads(HOST.read_text())["functionTimeout"].split(":"))
    assert Pacing().transfer_limit * 2 < hours * 3600 + minutes * 60 + seconds


@pytest.mark.parametrize("typed", [None, {}, {"v": 1}, {"pacing": {}}])
def test_a_poll_needs_no_input(typed: object) -> None:
    """Whoever starts one by hand in Durable Functions Monitor leaves the field empty."""
    assert from_wire(PollRequest, typed) == PollRequest()


def test_a_wrong_input_is_refused_with_its_place() -> None:
    """The failed instance shows what to correct."""
    with pytest.raises(msgspec.ValidationError, match=r"Expected `int`, got `str` - at `\$.pacing.attempts`"):
        from_wire(PollRequest, {"pacing": {"attempts": "four"}})


def test_payloads_are_json() -> None:
    """Only plain values pass through the platform's codec."""
    request = PollRequest(Pacing(budget_seconds=None))
    assert from_wire(PollRequest, json.loads(json.dumps(to_wire(request)))) == request
