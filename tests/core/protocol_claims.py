"""What each operation on a stream may do, and which events may come twice."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from onepassword_sentinel.stream_operations import Reset, Stop
from onepassword_sentinel.stream_requests import Begin, Commit, Release
from onepassword_sentinel.stream_state import StreamState
from tests.core.protocol_actors import Activity, Message

# A request that comes later than this is not recognised as late.
LATEST: Final = timedelta(minutes=5)
# Uploads begin no later than so long before an activity has to end, which is more than clocks differ.
MARGIN: Final = timedelta(seconds=10)


def hold_against(message: Message, before: StreamState, after: StreamState, now: datetime, *, accepted: bool) -> None:
    """Hold what an operation did against what it may do."""
    run, payload = message.caller, message.payload
    holder = (before.holder, before.execution)
    match payload:
        case Begin() if run is not None:
            late = not before.holder and now - message.sent_at < LATEST
            assert not (late and accepted and run.released), "a run that has given the stream back holds it again"
            assert not (late and accepted and run.refused), "a run that was refused the stream and has ended holds it"
            own = holder == (run.instance_id, run.execution) and not before.stopping
            assert accepted or not own, "a run locks itself out"
        case Stop():
            assert after == before or payload.grant in (None, before.grant), "another run was stopped"
        case Reset():
            followed = payload.request in {done.request for done in before.resets}
            assert after == before or not followed, "a reset was followed twice"
        case Commit() | Release():
            assert not accepted or holder == (payload.holder, payload.execution), "another run's was accepted"
            assert accepted or after == before, "what was refused has changed something"
    assert after.moves >= before.moves, "the position went back"


def may_repeat(earlier: Activity, later: Activity, refused: Iterable[Commit]) -> bool:
    """Tell whether there is a reason: a call that ran twice, a reset, or a commit that came after a takeover.

    The stream may be taken over once the earlier activity must have ended.
    """
    unseen = [sent.payload for sent in later.unseen if isinstance(sent.payload, Commit)]
    late = any(done.execution == earlier.run.execution for done in [*unseen, *refused])
    over = earlier.ends_at and later.began_at and later.began_at >= earlier.ends_at - MARGIN
    taken_over = late and over and not earlier.run.released and earlier.run is not later.run
    return earlier.repeats or later.repeats or earlier.resets != later.resets or bool(taken_over)
