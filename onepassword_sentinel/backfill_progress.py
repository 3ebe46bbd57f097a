"""How far backfills are, from what their cursors remember and what their runs tell."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean
from typing import Final

from onepassword_sentinel.backfill import ID, INSTANCE_PREFIX
from onepassword_sentinel.moments import format_moment
from onepassword_sentinel.runs import Run, RunState
from onepassword_sentinel.status import BackfillStatus, BackfillStreamState, BackfillStreamStatus
from onepassword_sentinel.stream_operations import is_finished
from onepassword_sentinel.stream_state import UNREADABLE, StreamState
from onepassword_sentinel.window import Window, events_per_second

# A backfill's cursor is "<backfill id>-<account uuid>-<event type>".
_KEY: Final = re.compile(rf"(?P<id>{ID.pattern})-(?P<account>.+)-(?P<event_type>\w+)")


def backfill_of(key: str) -> str:
    """Name the backfill that a cursor belongs to; empty for a live stream's."""
    found = _KEY.fullmatch(key)
    return found["id"] if found else ""


def backfill_of_run(run: Run) -> str:
    """Name the backfill that a run is of, or of a stream of; empty for every other run, and if it cannot be told."""
    if run.name == "drain_stream":
        # Without its input, the custom status tells.
        return backfill_of(str(run.input.get("key"))) or _id(run.custom_status.get("backfill"))
    if run.name != "backfill":
        return ""
    # One that was typed into Durable Functions Monitor has worked its id out, and says it in its status.
    told = _id(run.input.get("id")) or _id(run.custom_status.get("backfill"))
    return told or _id(run.instance_id.removeprefix(INSTANCE_PREFIX))


def _id(value: object) -> str:
    return value if isinstance(value, str) and ID.fullmatch(value) else ""


def backfills(runs: Iterable[Run], cursors: Mapping[str, StreamState], now: datetime) -> list[BackfillStatus]:
    """Describe every backfill that has a run among these or a cursor, the newest first."""
    parents: dict[str, Run] = {}
    streams: dict[str, dict[str, _Stream]] = defaultdict(dict)
    by_run: dict[str, _Stream] = {}
    for key, state in cursors.items():
        if backfill_id := backfill_of(key):
            by_run[state.run_id] = streams[backfill_id][key] = _Stream(key, state)
    for run in sorted(runs, key=lambda run: (not run.ended, run.started_at)):
        backfill_id = backfill_of_run(run)
        key = str(run.input.get("key"))
        if backfill_id and run.name == "backfill":
            parents[backfill_id] = run
        elif backfill_id and backfill_of(key):
            streams[backfill_id].setdefault(key, _Stream(key)).run = run
        elif stream := by_run.get(run.instance_id):
            stream.run = run
    found = [
        _describe(backfill_id, parents.get(backfill_id), list(streams[backfill_id].values()), now)
        for backfill_id in {*parents, *streams}
    ]
    return sorted(found, key=lambda backfill: (backfill.started_at or now, backfill.id), reverse=True)


@dataclass(slots=True)
class _Stream:
    """One stream of a backfill: what its cursor remembers, and its latest run."""

    key: str
    state: StreamState | None = None
    run: Run | None = None

    def window(self) -> Window | None:
        """Take the window from the run, or from the cursor and its key once the run is history no more."""
        with suppress(KeyError, TypeError, ValueError):  # somebody may have typed it
            if self.run is not None and self.run.input:
                return Window.parse(self.run.input["start_time"], self.run.input["end_time"])
        with suppress(ValueError):  # likewise
            if self.state is not None and self.state.position.end_time is not None:
                start = datetime.strptime(self.key[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
                return Window.parse(format_moment(start), self.state.position.end_time)
        return None

    def describe(self, now: datetime) -> BackfillStreamStatus:
        state = self.state or StreamState()
        stands = self._stands(state, now)
        window = self.window()
        percent = window.percent(state.newest) if window else 0.0
        parts = _KEY.fullmatch(self.key)
        event_type = parts["event_type"] if parts else self.key
        label = f"{state.account.lower()}-{event_type}" if state.account else event_type
        return BackfillStreamStatus(
            label=(self.run.told("stream") if self.run else "") or label,
            key=self.key,
            instance_id=state.holder or (self.run.instance_id if self.run else state.run_id),
            state=stands,
            events=state.events,
            pages=state.pages,
            percent=100.0 if stands == "completed" else percent,
            events_per_second=events_per_second(state),
            seconds_left=window.seconds_left(state) if window and stands == "running" else None,
            failure=self._failure(state, stands),
        )

    def _stands(self, state: StreamState, now: datetime) -> BackfillStreamState:
        if is_finished(state):
            return "completed"
        # A run that is not in the task hub has ended; an activity of it may still be at work.
        held_until = state.lease_until if self.run else state.work_ends_at
        if state.holder and not state.stopping and held_until and held_until > now:
            # Whoever holds it may have been terminated in Durable Functions Monitor.
            if self.run is not None and self.run.ended and self.run.instance_id == state.holder:
                return "stopped"
            return "running"
        if self.run is not None and not self.run.ended:
            return "running" if state.events else "waiting"
        if state.outcome in ("failed", UNREADABLE) or (self.run is not None and self.run.state == "failed"):
            return "failed"
        return "stopped"

    def _failure(self, state: StreamState, stands: BackfillStreamState) -> str:
        if stands == "completed":
            return ""
        told = (self.run.told("failure") or state.error or self.run.error) if self.run else ""
        return told or state.error


def _describe(backfill_id: str, parent: Run | None, found: list[_Stream], now: datetime) -> BackfillStatus:
    streams = sorted((stream.describe(now) for stream in found), key=lambda stream: stream.label)
    windows = [window for stream in found if (window := stream.window())]
    asked = parent.input if parent else {}
    typed_start, typed_end = _window_of(parent) if parent else ("", "")
    state = _state(parent, streams)
    began = [stream.state.run.at for stream in found if stream.state and stream.state.run]
    return BackfillStatus(
        id=backfill_id,
        instance_id=parent.instance_id if parent else "",
        state=state,
        start_time=typed_start or (format_moment(windows[0].start) if windows else ""),
        end_time=typed_end or (format_moment(windows[0].end) if windows else ""),
        started_at=parent.started_at if parent else min(began, default=None),
        events=sum(stream.events for stream in streams),
        percent=round(fmean(stream.percent for stream in streams), 1) if streams else 0.0,
        streams=tuple(streams),
        account=account if isinstance(account := asked.get("account"), str) else None,
        failure=parent.error if parent and state in ("failed", "stopped") else "",
    )


def _window_of(parent: Run) -> tuple[str, str]:
    """Read the window from the input, or from the status of one whose input was not read or had no end."""
    start, _, end = parent.told("window").partition(" to ")
    return str(parent.input.get("start_time") or start), str(parent.input.get("end_time") or end)


def _state(parent: Run | None, streams: list[BackfillStreamStatus]) -> RunState:
    states = {stream.state for stream in streams}
    if (parent and not parent.ended) or states & {"running", "waiting"}:
        return "running"
    if "failed" in states or (parent and parent.state == "failed"):
        return "failed"
    return "completed" if states == {"completed"} else "stopped"
