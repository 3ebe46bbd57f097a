"""What the status is made of, read from the task hub within a budget of rows, however many runs and accounts there are.

Azure Tables indexes only ids, so every query has a prefix. The streams of a poll have their poll's id as their prefix:
polls that have ended are not looked for among them but read from the entity that remembers the last ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from string import ascii_uppercase, digits
from typing import Final

import azure.durable_functions as df

from onepassword_sentinel.backfill_progress import backfill_of
from onepassword_sentinel.recent_polls import POLLS_SHOWN, RecentPolls
from onepassword_sentinel.runs import Run
from onepassword_sentinel.stream_state import StreamState
from triggers import backfill_runs, task_hub

# Rows that one view of the status may read; together they stay below 5,000.
CURSORS: Final = 1_500
MORE_LIVE_CURSORS: Final = 1_200
RUNNING_POLLS: Final = 1_300
RUNS_BY_ID: Final = 100
BACKFILL_RUNS: Final = backfill_runs.Limits(running=400, ended_badly=100, by_id=200)
MOST_ROWS: Final = CURSORS + MORE_LIVE_CURSORS + RUNNING_POLLS + RUNS_BY_ID + BACKFILL_RUNS.rows + 1
# A poll that has been running for longer than that is of no interest any more.
_DAYS: Final = 3
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
    running = await _running_polls(client, now, unread)
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
        left = 0 if not page.whole else left - len(page.states)
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


async def _running_polls(client: df.DurableFunctionsClient, now: datetime, unread: list[str]) -> list[Run]:
    """Read the polls that run, with the runs of their streams, the present day's first."""
    found: list[Run] = []
    for days in range(_DAYS):
        prefix = f"poll-{now - days * _DAY:%Y%m%d}"
        left = RUNNING_POLLS - len(found)
        found += await task_hub.runs(client, prefix, statuses=task_hub.RUNNING, most=left)
        if len(found) >= RUNNING_POLLS:
            unread.append("Not every running poll is looked at: too many runs of streams are at work")
            break
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
