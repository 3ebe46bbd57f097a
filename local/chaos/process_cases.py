"""What goes wrong with the runs themselves: deaths, doubles, restarts, and ticks at the wrong time."""

from typing import Final

from local.chaos.case import Cases, Only, Stage
from local.extension.choice import IN_MEMORY
from local.host import RuntimeStatus
from local.ingestion import RefuseRows
from local.onepassword import Stall, Status
from local.patience import next_second, until, within

PROCESS: Final = Cases("Process")
KILLED: Final = "the worker killed at a random moment"
_TWICE: Final = "the pages of an activity that ran twice"
_HOST_ENDS: Final = Only(IN_MEMORY, "In Azure the third death of a worker within 15 seconds ends its host too.")


@PROCESS.case(KILLED, events=1_500, repeats=_TWICE)
async def _killed(stage: Stage) -> int:
    env, (pages, seconds) = stage.env, stage.random.choice(((1, 0.0), (20, 0.0), (2, 1.0), (20, 1.0)))
    name = env.start_poll(transfer_pages=pages, commit_seconds=seconds)
    if stage.random.random() < 0.5:
        await stage.while_polling()
    else:
        await stage.stored(stage.random.randrange(3 * 1_500))
    allowed = stage.uncommitted(pages)
    env.host.worker.kill()
    await env.host.client.wait_for(name, 60)
    return allowed


@PROCESS.case("the worker killed again and again", events=3_000, repeats=_TWICE, only=_HOST_ENDS)
async def _killed_again(stage: Stage) -> int:
    env, allowed = stage.env, 0
    name = env.start_poll(transfer_pages=1)
    for stored in sorted(stage.random.sample(range(500, 8_500), 3)):
        await stage.stored(stored)
        allowed += stage.uncommitted(1)
        env.host.worker.kill()
    await env.host.client.wait_for(name, 60)
    return allowed


@PROCESS.case("an activity delivered twice at once", events=1_500, repeats=_TWICE)
async def _delivered_twice(stage: Stage) -> int:
    allowed = stage.uncommitted(20)
    for _ in stage.streams:
        stage.env.host.deliver_twice("transfer_events")
    await stage.env.poll()
    return allowed


@PROCESS.case("two polls at the same time", events=1_500)
async def _two_polls(stage: Stage) -> int:
    names = [stage.env.start_poll(), stage.env.start_poll()]
    for name in names:
        poll = await stage.env.host.client.wait_for(name, 60)
        assert poll.status is RuntimeStatus.COMPLETED
    return 0


async def _restarted(stage: Stage, *, new_id: bool) -> int:
    client = stage.env.host.client
    stage.env.source.faults.add(Status(401), target=stage.stream, after=1)
    failed = await stage.env.poll()
    assert failed.status is RuntimeStatus.FAILED
    again = await client.wait_for(client.restart(failed.instance_id, new_id=new_id), 60)
    assert again.output["healthy"] is True
    return 0


@PROCESS.case("a failed poll restarted, same id", events=1_500)
async def _restarted_same(stage: Stage) -> int:
    return await _restarted(stage, new_id=False)


@PROCESS.case("a failed poll restarted, new id", events=1_500)
async def _restarted_new(stage: Stage) -> int:
    return await _restarted(stage, new_id=True)


async def _terminated(stage: Stage, *names: str) -> int:
    """Terminate a poll, or what it consists of, at a random moment; ticks go on."""
    env = stage.env
    env.source.faults.add(Stall(0.5), target=stage.stream)
    poll = env.start_poll(lease_seconds=within(4.0), transfer_limit=within(2.0), transfer_pages=1)
    await until(lambda: env.source.requests[stage.stream])
    await stage.while_polling()
    for name in names:
        instance = env.host.client.get_instance(poll + name)
        if instance and not instance.finished:
            env.host.client.terminate(poll + name)
    await env.poll()
    return 0


@PROCESS.case("a poll terminated", events=1_500)
async def _terminated_poll(stage: Stage) -> int:
    return await _terminated(stage, "")


@PROCESS.case("a poll terminated with all its streams", events=1_500)
async def _terminated_all(stage: Stage) -> int:
    return await _terminated(stage, "", *(f"-{stream}" for stream in stage.streams))


@PROCESS.case("a tick while a poll still runs", events=1_500)
async def _tick(stage: Stage) -> int:
    env = stage.env
    held = env.hold(stage.stream)
    await env.host.fire_timer("poll_on_schedule")
    await next_second()  # this tick would have an id of its own
    await env.host.fire_timer("poll_on_schedule")
    polls = [found for found in env.host.client.query("poll-") if found.name == "poll"]
    assert len(polls) == 1, "the second tick started a poll on top of the first"
    held.release()
    await env.host.client.wait_for(polls[0].instance_id, 60)
    return 0


@PROCESS.case("no storage for a dead letter", storage=True, kept=1)
async def _no_storage(stage: Stage) -> int:
    env = stage.env
    uuid = env.source.logs[stage.stream].uuid_at(stage.random.randrange(300))
    env.sink.refusals.append(RefuseRows(uuid.encode()))
    async with env.storage.unreachable():
        poll = await env.poll()
        assert "has to be kept as a dead letter" in poll.error_message
        assert env.cursor(stage.stream)["position"]["cursor"] is None, "the page was committed without the dead letter"
    return 0
