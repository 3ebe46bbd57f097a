"""Failures that the task hub can store: brief ones.

Azure Tables holds 32,768 characters in a property. The Durable extension stores a failure's text, traceback and causes
in one, and moves only payloads to a blob: it tries again for ever, the run never ends, and other runs wait with it
(measured on extension 3.19.0: a text of 30,000 characters passes, one of 33,000 does not).
"""

import functools
import logging
import traceback
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final

from onepassword_sentinel.sentences import shortened

_LOG = logging.getLogger(__name__)
# The text stands in the traceback too, and each cause in both: together a third of what a property holds.
_LONGEST_TRACEBACK: Final = 10_000
_LONGEST_TEXT: Final = 2_000


class LongFailureError(Exception):
    """Stands for an error whose text, traceback and causes are too long; they are in the log of the app."""


def brief_activity[**P, T](activity: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Let an activity fail with nothing longer than the task hub can store."""

    @functools.wraps(activity)
    async def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await activity(*args, **kwargs)
        except Exception as error:
            if (brief := _brief(error)) is None:
                raise
        raise brief  # here, because within the handler the long one would be its context

    return called


def brief_orchestrator[**P, T](
    orchestrator: Callable[P, Generator[Any, Any, T]],
) -> Callable[P, Generator[Any, Any, T]]:
    """Let an orchestrator fail with nothing longer than the task hub can store."""

    @functools.wraps(orchestrator)
    def turns(*args: P.args, **kwargs: P.kwargs) -> Generator[Any, Any, T]:
        try:
            return (yield from orchestrator(*args, **kwargs))
        except Exception as error:
            if (brief := _brief(error)) is None:
                raise
        raise brief

    return turns


def _brief(error: Exception) -> LongFailureError | None:
    """Make an error that stands for a long one; None if that is brief itself."""
    if len("".join(traceback.format_exception(error))) <= _LONGEST_TRACEBACK:
        return None
    # An orchestrator that fails is not replayed, so that this line needs no replay-safe logger.
    _LOG.error("this failure is too long for the task hub, which gets its beginning", exc_info=error)
    text = shortened(str(error), _LONGEST_TEXT)
    return LongFailureError(f"{text} (the whole failure, a {type(error).__name__}, is in the app's log)")
