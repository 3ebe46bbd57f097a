"""What happens to instances of Azure's host: they are lost, stopped, and added."""

from collections.abc import Callable
from typing import Final

from local.chaos.case import Cases, Only, Stage
from local.extension import ExtensionEngine
from local.extension.choice import AZURE_STORAGE
from local.extension.instance import HostInstance
from local.extension.table_proxy import TableRequest
from local.patience import until

INSTANCES: Final = Cases("Azure's host")
_ONLY: Final = Only(AZURE_STORAGE, "The in-memory engine is a single instance, and its task hub is lost with it.")
_UNCOMMITTED: Final = "the pages of activities whose instance ended"
_PAGES: Final = 20
# The extension repeats a write for about a minute, in several turns.
_REFUSED: Final = 14


def _engine(stage: Stage) -> ExtensionEngine:
    engine = stage.env.host.engine
    assert isinstance(engine, ExtensionEngine)
    return engine


async def _replace(stage: Stage, lost: HostInstance, pages: int) -> int:
    """Have another instance take the place of a lost one; return how many rows were not committed at the loss."""
    engine = _engine(stage)
    await engine.lose(lost)
    await engine.add_instance()
    # The new instance waits for the leases of the lost one: until then the hub is as the loss has left it.
    return stage.uncommitted(pages)


async def _lost_before_write(stage: Stage, poll: str, number: int, strikes: Callable[[TableRequest], bool]) -> int:
    """Lose the instance in place of the write of this number among those that a poll is to be struck at."""
    (instance,) = _engine(stage).instances
    assert stage.tables is not None
    writes = 0

    def refuses(request: TableRequest) -> bool:
        nonlocal writes
        writes += strikes(request)
        if writes >= number:
            instance.kill()
        return writes >= number and request.writes

    stage.tables.refuses = refuses
    await until(lambda: writes >= number)
    stage.tables.refuses = None
    allowed = await _replace(stage, instance, 1)
    await _end_unlocked(stage, poll)
    return allowed


async def _end_unlocked(stage: Stage, poll: str) -> None:
    """Wait for a poll's end, and see that its streams were not busy with themselves."""
    ended = await stage.env.host.client.wait_for(poll, 60)
    outcomes = {label: result["outcome"] for label, result in ended.output["streams"].items()}
    assert set(outcomes.values()) == {"ok"}, f"{poll} did not drain every stream: {outcomes}"


async def _lost_in_a_turn(stage: Stage, turn: int) -> int:
    poll = stage.env.start_poll(transfer_pages=1)
    run = f"{poll}-{stage.stream}"
    # Its messages have left.
    allowed = await _lost_before_write(stage, poll, turn, lambda request: request.written == run)
    # The lost turn's activity may have begun; its message is delivered again, beside that of the repeated turn.
    return 2 * allowed


@INSTANCES.case("a turn that is not stored for a minute", events=1_500, proxied=True, only=_ONLY)
async def _not_stored(stage: Stage) -> int:
    assert stage.tables is not None
    poll, refused = "poll-0001", 0

    def refuses(request: TableRequest) -> bool:
        nonlocal refused
        strikes = request.written == f"{poll}-{stage.stream}" and request.writes and refused < _REFUSED
        refused += strikes
        return strikes

    stage.tables.refuses = refuses
    assert stage.env.start_poll(transfer_pages=1) == poll
    await _end_unlocked(stage, poll)
    assert refused == _REFUSED, "the write was not refused as often as it was to be"
    return 0


@INSTANCES.case("lost in a stream's first turn", events=1_500, repeats=_UNCOMMITTED, proxied=True, only=_ONLY)
async def _lost_in_the_first_turn(stage: Stage) -> int:
    return await _lost_in_a_turn(stage, 1)


@INSTANCES.case("lost in a later turn", events=1_500, repeats=_UNCOMMITTED, proxied=True, only=_ONLY)
async def _lost_in_a_later_turn(stage: Stage) -> int:
    return await _lost_in_a_turn(stage, stage.random.randint(2, 4))


@INSTANCES.case("lost between an answer and its state", events=1_500, repeats=_UNCOMMITTED, proxied=True, only=_ONLY)
async def _lost_before_the_state(stage: Stage) -> int:
    poll = stage.env.start_poll(transfer_pages=1)
    entity = f"@stream_cursor@{stage.env.key(stage.stream)}"
    return await _lost_before_write(stage, poll, stage.random.randint(1, 3), lambda request: request.written == entity)


@INSTANCES.case("lost between a history and its row", events=1_500, repeats=_UNCOMMITTED, proxied=True, only=_ONLY)
async def _lost_before_the_row(stage: Stage) -> int:
    poll = stage.env.start_poll(transfer_pages=1)
    # The engine writes the row with the name and the beginning of a run only after the run's first turn.
    of = stage.random.choice([f"{poll}-{stage.stream}", f"@stream_cursor@{stage.env.key(stage.stream)}"])
    return await _lost_before_write(stage, poll, 1, lambda request: request.row == of)


@INSTANCES.case("lost in an activity", events=3_000, repeats=_UNCOMMITTED, only=_ONLY)
async def _lost_in_an_activity(stage: Stage) -> int:
    (instance,) = _engine(stage).instances
    poll = stage.env.start_poll(transfer_pages=_PAGES)
    await stage.stored(stage.random.randrange(3 * 2_000))
    allowed = await _replace(stage, instance, _PAGES)
    await stage.env.host.client.wait_for(poll, 60)
    return allowed


@INSTANCES.case("stopped gracefully in a transfer", events=3_000, repeats=_UNCOMMITTED, only=_ONLY)
async def _stopped(stage: Stage) -> int:
    engine = _engine(stage)
    (instance,) = engine.instances
    poll = stage.env.start_poll(transfer_pages=_PAGES)
    await stage.stored(stage.random.randrange(3 * 2_000))
    allowed = stage.uncommitted(_PAGES)
    await engine.stop_gracefully(instance)
    await engine.add_instance()
    await stage.env.host.client.wait_for(poll, 60)
    return allowed


@INSTANCES.case("instances that come and go", events=1_500, repeats=_UNCOMMITTED, only=_ONLY)
async def _come_and_go(stage: Stage) -> int:
    engine, allowed = _engine(stage), 0
    await engine.add_instance()
    for _ in range(3):
        poll = stage.env.start_poll(transfer_pages=1)
        await engine.add_instance()
        await stage.while_polling()
        allowed += stage.uncommitted(1)
        await engine.stop_gracefully(stage.random.choice(engine.instances))
        await stage.env.host.client.wait_for(poll, 60)
        stage.env.source.add_events(stage.stream, 500)
    return allowed
