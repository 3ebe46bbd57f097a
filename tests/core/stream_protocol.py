"""A stream's protocol under everything that the platform may do to it: runs, activities and messages in memory.

The operations are the app's own. Runs and activities follow `orchestrators.begin_stream`, `orchestrators.drain_stream`
and `activities.held_stream`; the events of a stream are numbered, and a position's number is how many lie behind it.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from onepassword_sentinel.stream_lease import begin, commit, release
from onepassword_sentinel.stream_operations import OperationRejectedError, Reset, Stop, reset, stop
from onepassword_sentinel.stream_requests import Begin, Commit, Release
from onepassword_sentinel.stream_state import Grant, StreamState
from onepassword_sentinel.wire import from_wire, to_wire
from tests.core.conftest import NOW
from tests.core.protocol_actors import LEASE, LIMIT, START, Activity, Message, Run, commit_of, grant_of
from tests.core.protocol_claims import MARGIN, hold_against, may_repeat

LATENCY: Final = timedelta(milliseconds=5)


@dataclass
class World:
    """The entity, its messages, and everybody who works on the stream."""

    now: datetime = NOW
    state: StreamState = field(default_factory=StreamState)
    messages: list[Message] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    delivered: dict[int, list[Activity]] = field(default_factory=lambda: defaultdict(list))
    refused: list[Commit] = field(default_factory=list)
    resets: int = 0
    reset_grants: set[Grant] = field(default_factory=set)
    skipped: set[int] = field(default_factory=set)
    calls: int = 0

    def send(self, payload: Any, caller: Run | None = None) -> Message:
        message = Message(payload, self.now, caller)
        self.messages.append(message)
        if caller is not None:
            caller.awaits = message
        return message

    def start(self, instance_id: str, transfers: int = 1, skew: float = 0.0) -> Run:
        """Start a run; it ends one with the same id, whose activities go on."""
        for run in self.runs:
            run.alive = run.alive and run.instance_id != instance_id
        run = Run(instance_id, f"execution-{len(self.runs)}", transfers, timedelta(seconds=skew))
        self.runs.append(run)
        self._ask(run)
        return run

    def run_turn_again(self, run: Run) -> None:
        """Send a turn's request again, at another time, as when the turn's history was not stored."""
        if run.awaits is not None:
            self.send(replace(run.awaits.payload, now=self.now + run.skew), run)

    def run_turn_twice(self, run: Run) -> None:
        """Send a turn's request once more, from a twin on another instance; the answer to the first one counts."""
        if (first := run.awaits) is not None:
            self.run_turn_again(run)
            run.awaits, run.has_twin = first, True

    def deliver(self, message: Message, *, again: bool = False, lose: bool = False) -> None:
        """Let the entity run an operation; it may come `again`, or its answer leaves and the state is lost."""
        self.now += LATENCY
        if not (again or lose):
            self.messages.remove(message)
        before, payload = self.state, from_wire(type(message.payload), to_wire(message.payload))
        try:
            after, accepted = self._applied(before, payload)
        except OperationRejectedError:
            after, accepted = before, False
        if isinstance(payload, Commit) and not accepted:
            self.refused.append(payload)
        hold_against(message, before, after, self.now, accepted=accepted)
        undone = accepted and isinstance(payload, Commit) and grant_of(payload) in self.reset_grants
        assert not undone, "a reset was undone"
        if not lose:
            if isinstance(payload, Reset) and after != before:
                self._reset(before)
            self.state = from_wire(StreamState, to_wire(after))
        run = message.caller
        if run is not None and run.alive and run.awaits is message:
            run.awaits = None
            self._answered(run, payload, after, accepted=accepted)
            # A refusal whose state was lost leaves no trace, and after one a twin's request is not late.
            run.refused = run.refused and not (lose or run.has_twin)

    def work(self, activity: Activity, events: int) -> None:
        """Let an activity take its next step: make sure that it may begin, deliver, or end."""
        if activity.ends_at is None:
            self._confirm(activity)
        elif events and self.now + activity.skew < activity.ends_at - MARGIN:
            self._deliver(activity, events)
        else:
            self.send(commit_of(activity, self.now + activity.skew, last=True))
            self._ended(activity)

    def lose(self, activity: Activity) -> None:
        """End an activity with its process; the platform runs the call again."""
        activity.repeats = True
        self.activities.remove(activity)
        self._call(activity.run, activity.given, repeats=True)

    def run_twice(self, activity: Activity) -> None:
        """Run the activity's call another time."""
        activity.repeats = True
        self.activities.append(self._activity(activity.run, activity.given, repeats=True))

    def purge(self) -> None:
        """Forget the cursor and all that it knows, as no operator should: late requests are not recognised any more."""
        self.state, self.reset_grants = StreamState(), set()
        for run in self.runs:
            run.released = run.refused = False
        # Until they look again, those at work deliver beside whoever is granted the new cursor.
        for activity in self.activities:
            activity.repeats = activity.repeats or activity.ends_at is not None
        self.resets += 1

    def _reset(self, before: StreamState) -> None:
        """Note that the position's next number stands for the reset, and for no event."""
        self.skipped.add(before.moves)
        self.reset_grants.add(before.grant)
        self.resets += 1

    def end(self) -> None:
        """End everybody: the position has behind it only what was delivered, and the next run is granted the stream."""
        for run in self.runs:
            run.alive = False
        while self.messages or self.activities:
            if self.messages:
                self.deliver(self.messages[0])
            else:
                self.work(self.activities[0], 0)
        passed = set(range(self.state.moves)) - self.skipped
        lost = [number for number in sorted(passed) if not self.delivered[number]]
        assert not lost, f"event {lost[0]} was passed and not delivered"
        self.now += timedelta(seconds=LIMIT + 2)
        last = self.start("last")
        while self.messages:
            self.deliver(self.messages[0])
        assert last.work is not None, "a stream that no run holds stays locked"

    def _ask(self, run: Run, ended: Grant | None = None) -> None:
        now = self.now + run.skew
        self.send(
            Begin(run.instance_id, now, LEASE, START, transfer_limit=LIMIT, execution=run.execution, ended=ended), run
        )

    def _applied(self, state: StreamState, payload: Any) -> tuple[StreamState, bool]:
        match payload:
            case Begin():
                return begin(state, payload)
            case Commit():
                return commit(state, payload)
            case Release():
                return release(state, payload)
            case Stop():
                return stop(state, payload, self.now), True
            case Reset():
                return reset(state, payload, self.now), True
        raise AssertionError(payload)

    def _answered(self, run: Run, asked: Any, state: StreamState, *, accepted: bool) -> None:
        """Let a run take its next step."""
        if isinstance(asked, Release):
            run.alive, run.released = False, accepted
        elif isinstance(asked, Begin) and not accepted:
            self._refused(run, asked, state)
        elif isinstance(asked, Commit) and (run.transfers == 0 or not state.is_held(grant_of(asked))):
            self._release(run, asked.fence)
        else:
            run.transfers -= 1
            self._call(run, state)

    def _refused(self, run: Run, asked: Begin, state: StreamState) -> None:
        """Let a run that finds the stream taken look for the holder, once its activity must have ended."""
        elsewhere = state.holder not in ("", run.instance_id) and asked.ended != state.grant
        at_work = any(other.alive and other.instance_id == state.holder for other in self.runs)
        if elsewhere and not at_work and state.work_ends_at and state.work_ends_at <= self.now + run.skew:
            self._ask(run, ended=state.grant)
            return
        run.alive, run.refused = False, True

    def _call(self, run: Run, state: StreamState, *, repeats: bool = False) -> None:
        activity = self._activity(run, state, repeats=repeats)
        run.work = activity
        self.activities.append(activity)

    def _activity(self, run: Run, state: StreamState, *, repeats: bool) -> Activity:
        """Return an activity on an instance whose clock is a second behind, right or a second ahead."""
        self.calls += 1
        return Activity(run, state, timedelta(seconds=self.calls % 3 - 1), repeats)

    def _release(self, run: Run, fence: int) -> None:
        now = self.now + run.skew
        self.send(Release(fence, now, "ok", "", 0.0, run.instance_id, run.execution, run.done), run)

    def _confirm(self, activity: Activity) -> None:
        if self.state.has_ended(activity.grant):
            self._ended(activity, over=True)
            return
        now = self.now + activity.skew
        left = self.state.seconds_to_work(activity.given, now)
        if left >= LIMIT * 2 / 3:
            activity.began_at, activity.ends_at = now, now + timedelta(seconds=min(LIMIT, left))
            activity.moves = max(activity.given.moves, self.state.moves)
            activity.resets, activity.unseen = self.resets, tuple(self.messages)
        elif self.state.grant != activity.grant or activity.renewed:
            self._ended(activity, over=True)  # held up
        else:
            activity.renewed = True
            activity.moves = self.state.moves
            self.send(commit_of(activity, now))

    def _deliver(self, activity: Activity, events: int) -> None:
        holder = (self.state.holder, self.state.execution)
        alone = not self.state.holder or holder == (activity.run.instance_id, activity.run.execution)
        assert alone or activity.repeats, "an activity delivers while another run holds the stream"
        for number in range(activity.moves, activity.moves + events):
            for earlier in self.delivered[number]:
                assert may_repeat(earlier, activity, self.refused), f"event {number} was delivered twice"
            self.delivered[number].append(activity)
        activity.moves += events
        self.send(commit_of(activity, self.now + activity.skew))

    def _ended(self, activity: Activity, *, over: bool = False) -> None:
        """Let the run of an activity go on; of two for one call, the first one's result counts."""
        self.activities.remove(activity)
        run = activity.run
        if not run.alive or run.work is None or run.work.given is not activity.given:
            return
        run.work = None
        if over:
            self._release(run, activity.grant.fence)
        else:
            run.done = commit_of(activity, self.now + run.skew, by_run=True)
            self.send(run.done, run)
