"""Activities and orchestrators fail with what the task hub can store."""

import logging
import traceback
from collections.abc import Callable, Generator
from typing import Any

import pytest

from onepassword_sentinel.brief_failures import LongFailureError, brief_activity, brief_orchestrator

LONG = "x" * 40_000


async def of_activity(error: Callable[[], Exception]) -> Exception:
    """Let an activity fail."""

    @brief_activity
    async def activity() -> None:
        raise error()

    with pytest.raises(Exception, match=r".") as failed:
        await activity()
    return failed.value


async def of_orchestrator(error: Callable[[], Exception]) -> Exception:
    """Let an orchestrator fail in its second turn."""

    @brief_orchestrator
    def orchestrator() -> Generator[str]:
        yield "a task"
        raise error()

    turns = orchestrator()
    assert next(turns) == "a task"
    with pytest.raises(Exception, match=r".") as failed:
        turns.send(None)
    return failed.value


def caused() -> Exception:
    """Make a brief error with a long cause, as a remote's answer may be."""
    error = ValueError("brief")
    error.__cause__ = OSError(LONG)
    return error


def met() -> Exception:
    """Make a brief error that was raised while a long one was dealt with."""
    error = ValueError("brief")
    error.__context__ = OSError(LONG)
    return error


@pytest.mark.parametrize("fail", [of_activity, of_orchestrator])
@pytest.mark.parametrize("error", [lambda: ValueError(LONG), caused, met], ids=["itself", "cause", "context"])
async def test_a_long_failure_is_cut(fail: Any, error: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The task hub gets its beginning, without causes, which the SDK would send along; the log has it whole."""
    failure = await fail(error)
    assert isinstance(failure, LongFailureError)
    assert "(the whole failure, a ValueError, is in the app's log)" in str(failure)
    assert (failure.__cause__, failure.__context__) == (None, None)
    assert len("".join(traceback.format_exception(failure))) < 10_000
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert LONG in caplog.text


@pytest.mark.parametrize("fail", [of_activity, of_orchestrator])
async def test_a_brief_failure_stays(fail: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It is raised as it is, and is not logged twice."""
    error = ValueError("brief")
    assert await fail(lambda: error) is error
    assert caplog.records == []


async def test_results_pass() -> None:
    """What an activity and an orchestrator return, and what is sent to the latter, is not changed."""

    @brief_activity
    async def activity(number: int) -> int:
        return number + 1

    @brief_orchestrator
    def orchestrator(number: int) -> Generator[int, int, int]:
        return (yield number) + 1

    assert await activity(1) == 2
    turns = orchestrator(1)
    assert next(turns) == 1
    with pytest.raises(StopIteration) as ended:
        turns.send(41)
    assert ended.value.value == 42
