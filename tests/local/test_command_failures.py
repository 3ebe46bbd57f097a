"""What ends a command is explained by the part that caused it."""

from types import SimpleNamespace
from typing import Any

import pytest

from local.command_failures import explained
from local.host import EngineError, HostError, InvocationError

FAILURES = [EngineError("UNAVAILABLE", "no connection"), InvocationError("poll_on_schedule", "AioRpcError: lost")]


def host_that(*checks: HostError | None) -> Any:
    """Make a host whose checks fail with these errors, one after the other."""
    left = iter(checks)

    def check() -> None:
        if (error := next(left, None)) is not None:
            raise error

    return SimpleNamespace(check=check)


@pytest.mark.parametrize("failure", FAILURES, ids=["engine", "invocation"])
async def test_a_part_that_ended_is_the_reason(failure: Exception) -> None:
    """It is named in place of the failure, also if its end is noticed a little later."""
    with pytest.raises(HostError, match="Azurite ended"):
        async with explained(host_that(None, HostError("Azurite ended"))):
            raise failure


@pytest.mark.parametrize(
    ("failure", "says"),
    [(FAILURES[0], r"rejected a request \(UNAVAILABLE\): no connection"), (FAILURES[1], "AioRpcError: lost")],
    ids=["engine", "invocation"],
)
async def test_a_failure_with_all_parts_alive_stays(
    failure: Exception, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message is the failure's own."""
    monkeypatch.setattr("local.command_failures._NOTICE_SECONDS", 0.0)
    with pytest.raises(HostError, match=says):
        async with explained(host_that()):
            raise failure
