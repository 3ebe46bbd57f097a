"""What an operator does in Durable Functions Monitor, over the API that it calls: nothing is lost or doubled."""

import pytest

from local.host import RuntimeStatus
from local.onepassword import Status
from tests.e2e.api import call
from tests.e2e.conftest import Environment, until
from tests.e2e.management import manage, start_with

pytestmark = [
    pytest.mark.engine,
    pytest.mark.azure_storage("the in-memory engine has no management API"),
]


async def test_restart_with_the_same_id_and_with_a_new_one(env: Environment) -> None:
    """Each brings what came since; the one under a GUID is found by the status page, and purging takes nothing else."""
    first = await env.poll()
    env.source.add_events("auditevents", 7)
    same = await manage(env, "POST", first.instance_id, "restart", restartWithNewInstanceId="false")
    assert same["id"] == first.instance_id
    again = await env.host.client.wait_for(first.instance_id, 60)
    assert again.output["streams"]["auditevents"]["events"] == 7
    env.source.add_events("auditevents", 5)
    new = (await manage(env, "POST", first.instance_id, "restart", restartWithNewInstanceId="true"))["id"]
    assert new != first.instance_id
    assert (await env.host.client.wait_for(new, 60)).output["streams"]["auditevents"]["events"] == 5
    polls = (await call(env, "GET", "/api/status")).body["polls"]
    assert {poll["instance_id"] for poll in polls} >= {first.instance_id, new}

    await manage(env, "DELETE", first.instance_id)
    assert env.host.client.get_instance(first.instance_id) is None
    status = (await call(env, "GET", "/api/status")).body
    assert (status["healthy"], status["problems"]) == (True, [])
    env.assert_all_landed_once()


async def test_rewind_of_a_failed_poll_delivers_nothing(env: Environment) -> None:
    """It is failed again, the status still shows why it failed at first, and the next poll is healthy."""
    env.source.faults.add(Status(401), target="auditevents", times=2)
    failed = await env.poll()
    assert failed.status is RuntimeStatus.FAILED
    assert failed.error_message.startswith("auditevents: ")
    await manage(env, "POST", failed.instance_id, "rewind", reason="by hand")
    rewound = await env.host.client.wait_for(failed.instance_id, 60)
    assert rewound.status is RuntimeStatus.FAILED
    shown = (await call(env, "GET", "/api/status")).body["polls"][0]
    assert (shown["state"], shown["error"]) == ("failed", failed.error_message)
    env.source.faults.clear()
    assert (await env.poll()).output["healthy"] is True
    env.assert_all_landed_once()


async def test_a_terminated_stream_is_named_with_the_reason(env: Environment) -> None:
    """Its poll says that it was terminated; its own run has the operator's reason; the next poll has its events."""
    held = env.hold("auditevents")
    name = env.start_poll(lease_seconds=15.0, transfer_limit=10.0)
    await until(held.reached)
    await manage(env, "POST", f"{name}-auditevents", "terminate", reason="enough of it")
    poll = await env.host.client.wait_for(name, 60)
    held.release()
    assert poll.status is RuntimeStatus.FAILED
    assert poll.error_message.startswith("auditevents: was terminated")
    child = env.child(name, "auditevents")
    assert (child.status, child.output) == (RuntimeStatus.TERMINATED, "enough of it")
    (row,) = env.health("| where event_type == 'auditevents'")
    assert row["error"] == poll.error_message
    await env.poll_until_healthy()
    assert env.account("auditevents").lost == 0


async def test_a_suspended_poll_goes_on_when_it_is_resumed(env: Environment) -> None:
    """What its streams deliver meanwhile is theirs; the poll ends once it is resumed."""
    held = env.hold("auditevents")
    name = env.start_poll()
    await until(held.reached)
    await manage(env, "POST", name, "suspend", reason="looking at it")
    await until(lambda: _status(env, name) is RuntimeStatus.SUSPENDED)
    held.release()
    assert (await env.host.client.wait_for(f"{name}-auditevents", 60)).output["outcome"] == "ok"
    assert _status(env, name) is RuntimeStatus.SUSPENDED
    await manage(env, "POST", name, "resume", reason="looked at it")
    assert (await env.host.client.wait_for(name, 60)).output["healthy"] is True
    env.assert_all_landed_once()


async def test_an_input_in_loose_json_breaks_no_answer(env: Environment) -> None:
    """The extension accepts single quotes, which the app cannot read: the run fails, and is shown."""
    backfill_id = "20261101T000000Z-00000000"
    await start_with(env, "backfill", f"backfill-{backfill_id}", "{'start_time': '2026-11-01T00:00:00Z'}")
    failed = await env.host.client.wait_for(f"backfill-{backfill_id}")
    assert failed.status is RuntimeStatus.FAILED
    for path in ("/api/status", "/api/backfill"):
        answer = await call(env, "GET", path)
        assert answer.status == 200
        assert [(shown["id"], shown["failure"]) for shown in answer.body["backfills"]] == [
            (backfill_id, failed.error_message)
        ]


def _status(env: Environment, instance_id: str) -> RuntimeStatus | None:
    instance = env.host.client.get_instance(instance_id)
    return instance.status if instance else None
