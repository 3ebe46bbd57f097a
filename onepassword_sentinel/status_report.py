"""The connector's status, put together from what runs and cursors have left: nothing is claimed that was not seen."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final

from onepassword_sentinel import __version__
from onepassword_sentinel.backfill_progress import backfill_of, backfills
from onepassword_sentinel.runs import Run
from onepassword_sentinel.status import PollStatus, Status
from onepassword_sentinel.stream_report import StreamReport
from onepassword_sentinel.stream_state import StreamState

# What the page is about: the last day, as an operator's shift sees it.
SPAN: Final = timedelta(days=1)
POLLS_SHOWN: Final = 12
# Polls that are overdue by more than two intervals do not come; of a schedule that is not known yet, a quarter of an
# hour is three intervals.
_LONGEST_SILENCE: Final = 15 * 60


@dataclass(frozen=True, slots=True)
class DeadLetterCounts:
    """How many dead letters wait, by cursor key; or why that cannot be told."""

    by_key: Mapping[str, int] | None = None
    problem: str = ""


def report(
    now: datetime,
    *,
    cursors: Mapping[str, StreamState],
    runs: Iterable[Run],
    settings_problems: Sequence[str] = (),
    dead_letters: DeadLetterCounts | None = None,
) -> Status:
    """Put the status together; `runs` are those of the last day and whatever else there is of backfills."""
    kept = dead_letters or DeadLetterCounts()
    history = sorted(runs, key=lambda run: run.started_at)
    polls = [run for run in history if run.name == "poll"]
    ended = [poll for poll in polls if poll.ended]
    live = {key: state for key, state in cursors.items() if not backfill_of(key) and state.position.end_time is None}
    streams = [
        StreamReport(
            key=key,
            state=state,
            runs=[run for run in history if run.name == "drain_stream" and run.input.get("key") == key],
            latest_poll=ended[-1] if ended else None,
            dead_letters=None if kept.by_key is None else kept.by_key.get(key, 0),
        ).describe(now)
        for key, state in sorted(live.items())
    ]
    problems = [*settings_problems, *_silence(polls, now)]
    if ended and ended[-1].state == "failed":
        # What a stream has to say of itself stands with the stream.
        told = [
            stream.last_failure.message for stream in streams if stream.last_failure and not stream.last_failure.over
        ]
        problems += [sentence for sentence in ended[-1].error.split(" | ") if not _is_told(sentence, told)]
    poor = [stream.label for stream in streams if stream.health in ("failing", "unpolled")]
    behind = [stream.label for stream in streams if stream.health == "behind"]
    # The poll's own word, the one that the heartbeat follows: a stream that is throttled for hours is not healthy.
    healthy = bool(streams and ended) and not poor and not problems and ended[-1].output.get("healthy") is True
    return Status(
        checked_at=now,
        version=__version__,
        healthy=healthy,
        summary=_summary(len(streams), poor, behind, problems, healthy=healthy),
        problems=tuple(dict.fromkeys(problems)),
        streams=tuple(sorted(streams, key=lambda stream: (stream.account, stream.account_uuid, stream.label))),
        backfills=tuple(backfills(history, cursors, now)),
        polls=tuple(_poll(poll, history) for poll in reversed(polls[-POLLS_SHOWN:])),
        dead_letters_problem=kept.problem,
    )


def _is_told(sentence: str, told: Iterable[str]) -> bool:
    who, _, what = sentence.partition(": ")
    return any(message.partition(": ")[2] == what and message.partition(": ")[0] in who for message in told)


def _silence(polls: Sequence[Run], now: datetime) -> list[str]:
    """Say so if polls do not come: nothing else would."""
    if not polls:
        return [
            "No poll has run in the last day: look whether the app is running and POLL_SCHEDULE is what it should be"
        ]
    gaps = [(later.started_at - earlier.started_at).total_seconds() for earlier, later in pairwise(polls)]
    longest = max(3 * median(gaps), _LONGEST_SILENCE) if gaps else _LONGEST_SILENCE
    silent = (now - polls[-1].started_at).total_seconds()
    if silent <= longest:
        return []
    return [f"No poll has started for {silent // 60:,.0f} minutes: look whether the app is running"]


def _summary(
    streams: int, poor: Sequence[str], behind: Sequence[str], problems: Sequence[str], *, healthy: bool
) -> str:
    if not streams:
        return "No stream has been polled yet"
    if poor:
        return f"{streams - len(poor)} of {streams} streams are healthy; look at {', '.join(poor)}"
    if problems:
        return "The connector needs attention"
    if not healthy:
        return (
            f"Not everything is delivered; behind: {', '.join(behind)}"
            if behind
            else "The latest poll did not end well"
        )
    all_of_them = "The stream is" if streams == 1 else f"All {streams} streams are"
    return f"{all_of_them} healthy" + (f"; {', '.join(behind)} still catching up" if behind else "")


def _poll(poll: Run, history: Sequence[Run]) -> PollStatus:
    prefix = f"{poll.instance_id}-"
    children = [run for run in history if run.name == "drain_stream" and run.instance_id.startswith(prefix)]
    return PollStatus(
        instance_id=poll.instance_id,
        started_at=poll.started_at,
        ended_at=poll.updated_at.astimezone(UTC) if poll.ended else None,
        state=poll.state,
        events=sum(child.counted("events") for child in children),
        outcomes={child.instance_id.removeprefix(prefix): child.told("outcome") or child.state for child in children},
        error=poll.error,
    )
