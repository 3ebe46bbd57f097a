"""The connector's status, put together from what runs and cursors have left: nothing is claimed that was not seen."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final

from onepassword_sentinel import __version__
from onepassword_sentinel.backfill_progress import backfill_of, backfills
from onepassword_sentinel.recent_polls import POLLS_SHOWN, PollRecord, RecentPolls, latest
from onepassword_sentinel.runs import Run
from onepassword_sentinel.status import PollStatus, Status, StreamStatus
from onepassword_sentinel.stream_report import StreamReport
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.stuck_runs import long_polls, waiting_for_entity

# Polls that are overdue by more than two intervals do not come; of a schedule that is not known yet, a quarter of an
# hour is three intervals.
_LONGEST_SILENCE: Final = timedelta(minutes=15)
# An engine that delivers nothing to entities holds up every stream; a few of them tell it.
_STUCK_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class DeadLetterCounts:
    """How many dead letters wait, by cursor key; or why that cannot be told."""

    by_key: Mapping[str, int] | None = None
    problem: str = ""


def report(
    now: datetime,
    *,
    cursors: Mapping[str, StreamState],
    recent: RecentPolls | None = None,
    runs: Iterable[Run] = (),
    settings_problems: Sequence[str] = (),
    unread: Sequence[str] = (),
    dead_letters: DeadLetterCounts | None = None,
) -> Status:
    """Put the status together.

    `recent` are the records of polls; `runs` whatever was looked up beside them: polls and streams that run, those
    that may have ended without a record, and those of backfills. `unread` says what the limits left out.
    """
    kept = dead_letters or DeadLetterCounts()
    known = {run.instance_id: run for run in runs}
    running = [run for run in known.values() if not run.ended]
    running_polls = [run for run in running if run.name == "poll"]
    ended = _ended(recent or RecentPolls(), known.values())
    last = ended[0] if ended else None
    starts = sorted([*(run.started_at for run in running_polls), *(poll.started_at for poll in ended)])
    streams = [
        StreamReport(
            key=key,
            state=state,
            latest_poll=last,
            dead_letters=None if kept.by_key is None else kept.by_key.get(key, 0),
            holder=known.get(state.holder),
            longest_gap=_longest_gap(starts),
        ).describe(now)
        for key, state in sorted(cursors.items())
        if not backfill_of(key) and state.position.end_time is None
    ]
    problems = [
        *settings_problems,
        *_silence(starts, now),
        *_first(long_polls(running_polls, now)),
        *_first(waiting_for_entity(running, now)),
        *(_problems_of(last, streams) if last else ()),
        *unread,
    ]
    poor = [stream.label for stream in streams if stream.health in ("failing", "unpolled")]
    behind = [stream.label for stream in streams if stream.health == "behind"]
    # The poll's own word, the one that the heartbeat follows: a stream that is throttled for hours is not healthy.
    healthy = bool(streams and last and last.healthy) and not poor and not problems
    return Status(
        checked_at=now,
        version=__version__,
        healthy=healthy,
        summary=_summary(len(streams), poor, behind, problems, healthy=healthy),
        problems=tuple(dict.fromkeys(problem for problem in problems if problem)),
        streams=tuple(sorted(streams, key=lambda stream: (stream.account, stream.account_uuid, stream.label))),
        backfills=tuple(backfills(known.values(), cursors, now)),
        polls=_polls(running_polls, ended),
        dead_letters_problem=kept.problem,
    )


def _ended(recent: RecentPolls, runs: Iterable[Run]) -> tuple[PollRecord, ...]:
    """List the polls that have ended, the newest first.

    A record is on its way for a moment after its poll has ended, and a poll that was terminated leaves none.
    """
    recorded = {record.instance_id: record.started_at for record in recent.polls}
    # A poll that was restarted under its own id began later than its record says.
    missing = [run for run in runs if run.name == "poll" and not _is_recorded(run, recorded.get(run.instance_id))]
    return latest([*recent.polls, *(record for run in missing if (record := PollRecord.of_run(run)))])


def _is_recorded(run: Run, started_at: datetime | None) -> bool:
    return started_at is not None and started_at >= run.started_at


def _problems_of(poll: PollRecord, streams: Sequence[StreamStatus]) -> list[str]:
    """Say why the latest poll failed, but for what stands with its streams."""
    if poll.state == "completed":
        return []
    if poll.state == "stopped":
        return [f"{poll.instance_id} {poll.error}"]
    told = [stream.last_failure.message for stream in streams if stream.last_failure and not stream.last_failure.over]
    return [sentence for sentence in poll.error.split(" | ") if not _is_told(sentence, told)]


def _first(sentences: Sequence[str]) -> list[str]:
    more = len(sentences) - _STUCK_NAMED
    return [*sentences[:_STUCK_NAMED], *([f"{more:,} more runs are in the same state"] if more > 0 else [])]


def _is_told(sentence: str, told: Iterable[str]) -> bool:
    """Tell whether one of the streams that a sentence names says the same; both may have been shortened."""
    who, _, what = sentence.removesuffix("…").partition(": ")
    return any(
        bool(what) and message.partition(": ")[2].startswith(what) and message.partition(": ")[0] in who
        for message in told
    )


def _silence(starts: Sequence[datetime], now: datetime) -> list[str]:
    """Say so if polls do not come: nothing else would."""
    if not starts:
        return [
            "No poll has run in the last day: look whether the app is running and POLL_SCHEDULE is what it should be"
        ]
    silent = now - starts[-1]
    if silent <= _longest_gap(starts):
        return []
    return [f"No poll has started for {silent.total_seconds() // 60:,.0f} minutes: look whether the app is running"]


def _longest_gap(starts: Sequence[datetime]) -> timedelta:
    """Say how long after a poll the next one may begin, from the gaps between those that came."""
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(starts)]
    return max(timedelta(seconds=3 * median(gaps)), _LONGEST_SILENCE) if gaps else _LONGEST_SILENCE


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


def _polls(running: Iterable[Run], ended: Iterable[PollRecord]) -> tuple[PollStatus, ...]:
    """List the latest polls, the newest first."""
    found = {
        poll.instance_id: PollStatus(
            poll.instance_id,
            poll.started_at,
            poll.ended_at,
            poll.state,
            poll.events,
            counts=poll.counts,
            outcomes=poll.outcomes,
            error=poll.error,
        )
        for poll in ended
    }
    # One that was restarted under its own id runs again.
    found |= {run.instance_id: PollStatus(run.instance_id, run.started_at, None, run.state, 0) for run in running}
    newest_first = sorted(found.values(), key=lambda poll: (poll.started_at, poll.instance_id), reverse=True)
    return tuple(newest_first[:POLLS_SHOWN])
