"""A transfer works only while its run surely holds the stream, whatever the platform repeats or delays."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from azure.durable_functions.testing import execute_entity

from activities import held_stream
from activities.held_stream import HeldStream
from activities.transfer_events import transfer_events
from onepassword_sentinel.discovery import Stream
from onepassword_sentinel.errors import TransientError
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.payloads import TransferRequest
from onepassword_sentinel.position import Position
from onepassword_sentinel.stream_lease import begin
from onepassword_sentinel.stream_operations import Reset, Stop, reset, stop
from onepassword_sentinel.stream_requests import Begin
from onepassword_sentinel.stream_state import StreamState
from onepassword_sentinel.transfer import Transfer
from onepassword_sentinel.wire import from_wire, to_wire
from tests.app.replay_engine import ENTITY

TRANSFER = transfer_events.build().get_user_function().client_function
START = "2026-11-15T12:00:00Z"
KEY = "ACC-auditevents"


def now(seconds: float = 0) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def held(at: float = 0, holder: str = "poll-1", execution: str = "e1") -> StreamState:
    """A stream that a run was granted so many seconds from now, which has moved before."""
    before = StreamState(position=Position(cursor="a", start_time=START), moves=5, fence=2)
    state, granted = begin(before, Begin(holder, now(at), 900, START, execution=execution))
    assert granted
    return state


def taken(state: StreamState) -> StreamState:
    """The same stream once another run was granted it."""
    ended = replace(state, holder="", lease_until=None, asked_at=None)
    return begin(ended, Begin("poll-2", now(), 900, START, execution="e2"))[0]


class Unavailable(grpc.aio.AioRpcError):
    """The task hub does not answer."""

    def __init__(self) -> None:
        super().__init__(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata())


@dataclass
class Hub:
    """The task hub as a client sees it, with the app's own entity in it.

    Attributes:
        looks: called before each look at the entity, with the number of looks before.
        applies: whether operations that are signalled reach the entity.
        answers: whether signals are taken at all.

    """

    state: StreamState
    looks: Callable[["Hub", int], None] = lambda _hub, _number: None
    applies: bool = True
    answers: bool = True
    signals: list[str] = field(default_factory=list)
    looked: int = 0

    async def get_entity(self, entity_id: object) -> "Hub":
        assert str(entity_id) == f"@stream_cursor@{KEY}"
        self.looks(self, self.looked)
        self.looked += 1
        return self

    def get_typed_state(self) -> dict[str, Any]:
        return to_wire(self.state)

    async def signal_entity(self, _entity_id: object, operation: str, data: dict[str, Any]) -> None:
        if not self.answers:
            raise Unavailable
        self.signals.append(operation)
        if self.applies:
            run = execute_entity(ENTITY, operation, input=data, state=to_wire(self.state))
            self.state = from_wire(StreamState, run.get_state())


def asked(state: StreamState) -> TransferRequest:
    return TransferRequest(stream=Stream("", "ACC", EventType.AUDIT_EVENTS), key=KEY, state=state)


async def transferred(hub: Hub, state: StreamState) -> Transfer:
    """Run the activity as far as it goes without settings."""
    return from_wire(Transfer, await TRANSFER(to_wire(asked(state)), hub))


def began(result: Transfer) -> bool:
    """Tell whether it went so far as to read its settings, which are not there."""
    return result.failure is not None and "ONEPASSWORD_TOKEN is missing" in result.failure.message


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up at the second look."""
    monkeypatch.setattr(held_stream, "_STORE_SECONDS", 0.0)


@pytest.mark.parametrize(
    ("changed", "ending"),
    [
        (lambda state: replace(state, holder="", lease_until=None), (False, True)),
        (lambda state: stop(state, Stop(), now()), (False, True)),
        (lambda state: reset(state, Reset(START), now()), (True, False)),
        (taken, (True, False)),
        # An entity's answer leaves before its state is stored: both runs may have been told the same number.
        (lambda state: replace(taken(state), fence=state.fence), (True, False)),
        (lambda state: replace(state, execution="e2"), (True, False)),
    ],
    ids=["given back", "stopped", "reset", "taken over", "the same number for another run", "started again"],
)
async def test_a_transfer_whose_grant_is_not_in_force_touches_nothing(
    changed: Callable[[StreamState], StreamState], ending: tuple[bool, bool]
) -> None:
    """An activity that comes late, after its run ended, was stopped or was taken over, does no harm."""
    state = held()
    result = await transferred(Hub(changed(state)), state)
    assert (result.superseded, result.stopped) == ending
    assert (result.position, result.tally.requests) == (state.position, 0)


async def test_a_transfer_whose_cursor_cannot_be_read_fails_at_once() -> None:
    """Another attempt would read the same."""
    state = held()
    result = await transferred(Hub(StreamState(fence="three")), state)  # type: ignore[arg-type]  # by hand
    assert result.failure is not None
    assert (result.failure.kind, result.position) == ("permanent", state.position)
    assert result.failure.message.startswith("auditevents: the cursor's state cannot be read: ")


async def test_a_transfer_begins_where_the_stream_stands() -> None:
    """An earlier delivery of the same call may have committed."""
    state = held()
    moved = replace(state, position=Position(cursor="b", start_time=START), moves=6)
    result = await transferred(Hub(moved), state)
    assert began(result)
    assert result.position.cursor == "b"


async def test_a_transfer_waits_until_its_grant_is_stored() -> None:
    """The answer leaves before the state: until that is stored, another run may be granted the stream under it."""
    state = held()

    def stores(hub: Hub, looks: int) -> None:
        if looks == 2:
            hub.state = state

    hub = Hub(StreamState(fence=2), stores)
    assert began(await transferred(hub, state))
    assert (hub.looked, hub.signals) == (3, [])


async def test_a_transfer_says_that_it_is_at_work_where_nobody_knows() -> None:
    """The answer to its run's last commit left before the state: a late word of the transfer before would count."""
    state = held()
    hub = Hub(state)
    assert began(await transferred(hub, replace(state, transfer=1)))
    assert (hub.signals, hub.state.transfer) == (["commit"], 1)


@pytest.mark.usefixtures("impatient")
async def test_a_transfer_without_a_stored_grant_does_not_begin() -> None:
    """The state was lost with its instance; the run tries again, and the entity's messages come back."""
    with pytest.raises(TransientError, match="did not confirm"):
        await transferred(Hub(StreamState(fence=2)), held())


@pytest.mark.parametrize("ago", [60, 149, 160, 899, 1200])
async def test_a_transfer_that_begins_late_renews_the_lease_first(ago: float) -> None:
    """Once its run is known to have ended, another one is granted the stream as soon as no activity can be at work."""
    state = held(-ago)
    hub = Hub(state)
    assert began(await transferred(hub, state))
    assert hub.signals == ["commit"]
    _, _, seconds = await HeldStream(hub, asked(state)).confirm()  # type: ignore[arg-type]  # all that it uses
    assert 100 <= seconds <= 150


async def test_a_transfer_that_begins_in_time_costs_one_look() -> None:
    """Nothing is signalled, the entity is read once, and what is left of the time since `begin` has to do."""
    state = held(-40)
    hub = Hub(state)
    assert began(await transferred(hub, state))
    assert (hub.looked, hub.signals) == (1, [])
    _, _, seconds = await HeldStream(hub, asked(state)).confirm()  # type: ignore[arg-type]  # all that it uses
    assert 100 <= seconds <= 110


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("answers", [True, False])
async def test_a_transfer_that_cannot_renew_does_not_begin(*, answers: bool) -> None:
    """Signals that nobody takes, or that do not reach the entity, renew nothing."""
    state = held(-149)
    with pytest.raises(TransientError, match="did not confirm"):
        await transferred(Hub(state, applies=False, answers=answers), state)


async def test_a_transfer_that_is_overtaken_while_it_renews_does_not_begin() -> None:
    """Whoever was granted the stream meanwhile keeps it."""
    state = held(-160)

    def takes(hub: Hub, looks: int) -> None:
        if looks == 0:
            hub.applies = False
        if looks == 1:
            hub.state = taken(state)

    hub = Hub(state, takes)
    assert (await transferred(hub, state)).superseded


@pytest.mark.parametrize(
    ("hub", "goes_on"),
    [
        (Hub(held()), True),
        (Hub(taken(held())), False),
        (Hub(replace(taken(held()), fence=1, moves=99)), False),
        (Hub(stop(held(), Stop(), now())), False),
        (Hub(held(), answers=False), False),
    ],
    ids=["held", "taken over", "purged and taken", "stopped", "no answer"],
)
async def test_an_activity_learns_that_nobody_will_commit(hub: Hub, *, goes_on: bool) -> None:
    """It stops at the next page: what nobody commits is delivered again."""
    state = held()
    stream = HeldStream(hub, asked(state))  # type: ignore[arg-type]  # all that it uses
    assert await stream.commit(Transfer(state.position, 6), last=False) is goes_on


async def test_an_activity_stops_when_its_commits_reach_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance that ends takes signals and applies none; what it kills uncommitted is delivered again."""
    clock = [0.0]
    monkeypatch.setattr(held_stream.time, "monotonic", lambda: clock[0])
    state = held()
    hub = Hub(state, applies=False)
    stream = HeldStream(hub, asked(state))  # type: ignore[arg-type]  # all that it uses
    for seconds, goes_on in ((0.0, True), (1.0, True), (4.9, True), (5.0, False)):
        clock[0] = seconds
        assert await stream.commit(Transfer(state.position, 6 + int(seconds)), last=False) is goes_on
    hub.applies = True
    assert await stream.commit(Transfer(state.position, 20), last=False) is True
