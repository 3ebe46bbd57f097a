"""What the status is made of, read from the task hub within a budget of rows, however many runs and accounts there are.

Azure Tables indexes only ids, so every query has a prefix, and goes through all rows under it. The runs of a poll's
streams begin with the poll's id: polls are not looked for among them, but read from the entity that remembers them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from string import ascii_uppercase, digits
from typing import Final

import azure.durable_functions as df

from onepassword_sentinel.backfill_progress import backfill_of
from onepassword_sentinel.recent_polls import POLLS_SHOWN, RUNNING_KEPT, RecentPolls
from onepassword_sentinel.runs import Run
from onepassword_sentinel.stream_state import StreamState
from triggers import backfill_runs, task_hub

# Rows that one view of the status may read; together they stay below 5,000.
CURSORS: Final = 1_500
MORE_LIVE_CURSORS: Final = 1_200
RUNNING_POLLS: Final = RUNNING_KEPT
RUNNING_STREAMS: Final = 1_250
RUNS_BY_ID: Final = 100
BACKFILL_RUNS: Final = backfill_runs.Limits(running=400, ended_badly=100, by_id=200)
MOST_ROWS: Final = CURSORS + MORE_LIVE_CURSORS + RUNNING_POLLS + RUNNING_STREAMS + RUNS_BY_ID + BACKFILL_RUNS.rows + 1
_DAY: Final = timedelta(days=1)
# What the uuid of an account, with which a live key begins, is made of.
_ALPHABET: Final = digits + ascii_uppercase


@dataclass(frozen=True, slots=True)
class Sources:
    """What was read; `unread` says in sentences what was left out."""

    cursors: Mapping[str, StreamState]
    recent: RecentPolls
    runs: tuple[Run, ...]
    unread: tuple[str, ...]


async def read(client: df.DurableFunctionsClient, now: datetime) -> Sources:
    """Read it."""
    unread: list[str] = []
    cursors = await _cursors(client, unread)
    recent = await task_hub.recent_polls(client)
    running = await _running_polls(client, recent, unread)
    known = {run.instance_id for run in running} | {poll.instance_id for poll in recent.polls}
    by_id = await task_hub.some_runs(client, _of_interest(cursors, recent, known, now), most=RUNS_BY_ID)
    backfills = await backfill_runs.read(client, cursors, BACKFILL_RUNS)
    if not backfills.whole:
        unread.append("Not every backfill is looked at: there are too many runs of backfills")
    return Sources(cursors, recent, (*running, *by_id, *backfills.runs), tuple(unread))


async def _cursors(client: df.DurableFunctionsClient, unread: list[str]) -> dict[str, StreamState]:
    """Read the cursors, so that those of backfills never keep live ones from being read.

    Keys of backfills begin with a date and come first. If there are too many cursors for one query, live ones are
    looked for behind the last key that was read, by the first characters of their keys.
    """
    first = await task_hub.read_cursors(client, most=CURSORS)
    if first.whole:
        return first.states
    found, left = dict(first.states), MORE_LIVE_CURSORS
    for prefix in _prefixes_from(first.last):
        if left <= 0:
            unread.append("Not every stream is looked at: there are too many cursors")
            break
        page = await task_hub.read_cursors(client, prefix, most=left)
        found |= page.states
        left -= page.rows
    if backfill_of(first.last):
        unread.append("Not every backfill is looked at: there are too many cursors of backfills")
    return found


def _prefixes_from(key: str) -> list[str]:
    """List what keys of live streams begin with that come behind this one."""
    here, following = key[:1], key[1:2]
    same = [] if backfill_of(key) else [key[:2]]
    return [
        *same,
        *(here + letter for letter in _ALPHABET if letter > following),
        *(letter for letter in _ALPHABET if letter > here),
    ]


async def _running_polls(client: df.DurableFunctionsClient, recent: RecentPolls, unread: list[str]) -> list[Run]:
    """Look up the polls that have not signalled their end, and the runs of their streams that are at work.

    One of them may have been terminated.
    """
    polls = await task_hub.some_runs(client, (poll.instance_id for poll in recent.running), most=RUNNING_POLLS)
    found, left = list(polls), RUNNING_STREAMS
    for poll in polls:
        if poll.ended:
            continue
        if left <= 0:
            unread.append("Not every running poll is looked at: too many runs of streams are at work")
            break
        # Of one poll: a query for all polls of a day would go through all of their streams' runs.
        streams = await task_hub.runs(client, f"{poll.instance_id}-", statuses=task_hub.RUNNING, most=left)
        found += streams
        left -= len(streams)
    return found


def _of_interest(
    cursors: Mapping[str, StreamState], recent: RecentPolls, known: set[str], now: datetime
) -> Iterable[str]:
    """Name the runs to look up, the latest first.

    A poll may be in no list: its record is on its way, it was terminated, or Durable Functions Monitor restarted it
    under an id of its own. Its streams remember it. A run that holds a stream may have been terminated.
    """
    live = {key: state for key, state in cursors.items() if not backfill_of(key) and state.asked_at}
    oldest = recent.polls[-1].started_at if len(recent.polls) == POLLS_SHOWN else now - _DAY
    latest_first = sorted(live.values(), key=lambda state: state.asked_at or now, reverse=True)
    polls = [
        instance_id
        for state in latest_first
        if state.asked_at and state.asked_at >= oldest
        for instance_id in (state.parent_id, state.refused.parent_id if state.refused else "")
    ]
    holders = [state.holder for state in latest_first if state.lease_until and state.lease_until > now]
    wanted = dict.fromkeys([*dict.fromkeys(polls), *holders])
    return [instance_id for instance_id in wanted if instance_id and instance_id not in known]
