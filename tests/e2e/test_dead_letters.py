"""Dead letters over HTTP: seen, delivered again once Azure takes them, and never delivered twice."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from azure.storage.blob.aio import ContainerClient

from local.environment import DEAD_LETTERS
from local.host import RuntimeStatus
from local.ingestion import Hold, RefuseRows, Status
from onepassword_sentinel.replay_run import INSTANCE_ID
from tests.e2e.api import call
from tests.e2e.conftest import BRISK, Environment, Launch, until

EVENTS = "Custom-OnePasswordEvents"
NOTHING = {"uploaded": 0, "refused": 0, "too_large": 0, "cut": 0, "left": 0}


async def listed(env: Environment) -> dict[str, Any]:
    found = await call(env, "GET", "/api/dead-letters")
    assert (found.status, found.headers["content-type"]) == (200, "application/json")
    return dict(found.body)


async def replayed(env: Environment, body: bytes = b"") -> dict[str, int]:
    """Replay, and return what was counted."""
    answer = await call(env, "POST", "/api/dead-letters/replay", body)
    assert answer.status == 200, answer
    assert answer.body.keys() == {"instance_id", "state", *NOTHING}
    assert (answer.body["instance_id"], answer.body["state"]) == (INSTANCE_ID, "completed")
    return {name: answer.body[name] for name in NOTHING}


async def refuse(env: Environment, *indexes: int, streams: Sequence[str] = ("auditevents",)) -> list[str]:
    """Let Azure refuse these events' rows, and poll them into dead letters."""
    uuids = [env.source.logs[stream].uuid_at(index) for stream in streams for index in indexes]
    env.sink.refusals.extend(RefuseRows(uuid.encode()) for uuid in uuids)
    assert (await env.poll()).output["healthy"] is True
    return uuids


async def test_refused_events_are_listed_and_land_once_when_azure_takes_them(launch: Launch) -> None:
    """Listed with what Azure said and without the event; replayed, the table is whole and the container empty."""
    async with launch(storage=True) as env:
        assert await listed(env) == {"dead_letters": [], "more": False, "replay": None}
        uuids = await refuse(env, 7, 130, streams=["auditevents", "signinattempts"])
        found = await listed(env)
        assert sorted(letter["uuid"] for letter in found["dead_letters"]) == sorted(uuids)
        letter = next(letter for letter in found["dead_letters"] if letter["uuid"] == uuids[0])
        (blob,) = [blob for blob in await env.storage.blobs(DEAD_LETTERS) if blob.metadata["uuid"] == uuids[0]]
        assert datetime.fromisoformat(letter.pop("time")) == datetime.fromisoformat(blob.metadata["time"])
        assert letter == {
            "name": blob.name,
            "key": f"{env.source.account_uuid}-auditevents",
            "stream": "auditevents",
            "event_type": "auditevents",
            "backfill_id": "",
            "uuid": uuids[0],
            "reason": "refused",
            "status": 400,
            "detail": blob.metadata["detail"],
            "bytes": len(blob.body),
        }
        env.sink.refusals.clear()
        assert await replayed(env) == {**NOTHING, "uploaded": 4}
        assert await env.storage.blobs(DEAD_LETTERS) == []
        env.assert_all_landed_once()
        after = await listed(env)
        assert (after["dead_letters"], after["replay"]["state"], after["replay"]["uploaded"]) == ([], "completed", 4)
        assert after["replay"]["started_at"] <= after["replay"]["ended_at"]
        assert await replayed(env) == NOTHING


async def test_a_backfills_row_keeps_its_label(launch: Launch) -> None:
    """Rules that leave history out go on to do so."""
    async with launch(storage=True) as env:
        (uuid,) = await refuse(env, 7)
        about = {"reason": "refused", "event_type": "auditevents", "backfill_id": "march"}
        (blob,) = await env.storage.blobs(DEAD_LETTERS)
        async with container(env) as client:
            await client.get_blob_client(blob.name).set_blob_metadata(about)
        env.sink.refusals.clear()
        assert await replayed(env) == {**NOTHING, "uploaded": 1}
        rows = env.rows(f"OnePasswordEventLogs_CL | where uuid_s == '{uuid}' | project log_source, backfill_id")
        assert rows == [{"log_source": "auditevents", "backfill_id": "march"}]


def container(env: Environment) -> ContainerClient:
    """Reach the container as somebody with a storage explorer does."""
    return ContainerClient.from_connection_string(
        env.storage.connection_string,
        DEAD_LETTERS,
        connection_verify=str(env.storage._folder / "trusted.pem"),
        use_env_settings=False,
    )


async def test_what_cannot_be_replayed_stays_and_is_not_doubled(launch: Launch) -> None:
    """Cut: its row is in the table; too large: it never fits; refused again; damaged: nobody knows what it is."""

    def holding(size: int) -> Any:
        return lambda event: json.dumps({**json.loads(event), "details": {"value": "x" * size}}).encode()

    async with launch(storage=True) as env:
        cut, large = (env.source.logs["auditevents"].uuid_at(index) for index in (20, 30))
        env.source.alter("auditevents", 20, holding(70_000))
        env.source.alter("auditevents", 30, holding(2_000_000))
        (refused,) = await refuse(env, 7)
        async with container(env) as client:
            await client.upload_blob("readme.txt", b"hello", metadata={"uuid": "readme", "reason": "note"})
        for _ in range(2):
            assert await replayed(env) == {**NOTHING, "refused": 1, "cut": 1, "too_large": 1, "left": 1}
        kept = await env.dead_letters()
        assert {uuid: kept[uuid] for uuid in (cut, large, refused)} == {
            cut: "cut",
            large: "too_large",
            refused: "refused",
        }
        assert {letter["uuid"]: letter["reason"] for letter in (await listed(env))["dead_letters"]} == kept
        account = env.account("auditevents", kept)
        assert (account.lost, account.duplicated, account.rows) == (0, 0, 298)


async def test_an_event_that_is_no_text_holds_up_no_other(launch: Launch) -> None:
    """One that is not UTF-8 is nothing that Azure can read: it is kept as it came, and the stream goes on."""
    async with launch(storage=True) as env:
        damaged = env.source.logs["auditevents"].uuid_at(20)
        env.source.alter("auditevents", 20, lambda event: event.replace(b'"action":"', b'"action":"\xff', 1))
        assert (await env.poll()).output["healthy"] is True
        kept = await env.dead_letters()
        assert kept == {damaged: "refused"}
        (blob,) = await env.storage.blobs(DEAD_LETTERS)
        assert b'"action":"\xff' in blob.body
        assert (env.account("auditevents", kept).lost, env.account("auditevents", kept).rows) == (0, 299)
        assert (await replayed(env))["refused"] == 1


@pytest.mark.engine
async def test_replays_at_once_upload_once_and_answer_the_same(launch: Launch) -> None:
    """Three requests at once start one run, and all three answer with its result."""
    async with launch(storage=True) as env:
        await refuse(env, *range(0, 60, 10))
        env.sink.refusals.clear()
        held = Hold()
        env.sink.faults.add(held, target=EVENTS)
        asked = [asyncio.create_task(call(env, "POST", "/api/dead-letters/replay")) for _ in range(3)]
        await until(held.reached)
        held.release()
        answers = await asyncio.gather(*asked)
        assert [answer.status for answer in answers] == [200] * 3
        for answer in answers:
            assert answer.body == {"instance_id": INSTANCE_ID, "state": "completed", **NOTHING, "uploaded": 6}
        env.assert_all_landed_once()
        assert await env.dead_letters() == {}


@pytest.mark.engine
async def test_throttling_is_waited_out(launch: Launch) -> None:
    """A replay that is throttled in the middle goes on after the pause and repeats nothing."""
    async with launch(storage=True) as env:
        await refuse(env, 7, 40, 90)
        env.sink.refusals.clear()
        env.sink.faults.add(Status(429, headers={"Retry-After": "1"}), target=EVENTS, after=1)
        assert await replayed(env) == {**NOTHING, "uploaded": 3}
        env.assert_all_landed_once()


async def test_a_fault_in_the_middle_repeats_nothing(launch: Launch) -> None:
    """Azure fails between two letters, and the storage is there again when the next attempt comes."""
    async with launch(storage=True) as env:
        await refuse(env, 7, 40, 90)
        env.sink.refusals.clear()
        env.sink.faults.add(Status(500), target=EVENTS, times=2, after=1)
        env.host.client.start("replay_dead_letters", {"pacing": {**BRISK, "attempts": 3}}, INSTANCE_ID)
        replay = await env.host.client.wait_for(INSTANCE_ID)
        assert replay.output == {"v": 1, **NOTHING, "uploaded": 3}
        env.assert_all_landed_once()


async def test_a_replay_that_fails_says_what_to_do_and_keeps_what_is_left(launch: Launch) -> None:
    """A role is missing: 502 with the sentence, the same in the list, and the next replay goes on."""
    async with launch(storage=True) as env:
        await refuse(env, 7, 40)
        env.sink.refusals.clear()
        env.sink.faults.add(Status(403), target=EVENTS, after=1)
        answer = await call(env, "POST", "/api/dead-letters/replay")
        assert (answer.status, answer.headers["content-type"]) == (502, "application/problem+json")
        assert "Monitoring Metrics Publisher" in answer.body["detail"]
        assert "1 dead letter was uploaded, the others are kept" in answer.body["detail"]
        assert answer.body["uploaded"] == 1
        replay = (await listed(env))["replay"]
        assert (replay["state"], replay["error"], replay["uploaded"]) == ("failed", answer.body["detail"], 1)
        assert await replayed(env) == {**NOTHING, "uploaded": 1}
        env.assert_all_landed_once()


async def test_without_a_storage_account_the_answer_says_so(launch: Launch) -> None:
    """Both ways, at once, and no run is started for it."""
    async with launch() as env:
        for method, path in (("GET", "/api/dead-letters"), ("POST", "/api/dead-letters/replay")):
            answer = await call(env, method, path)
            assert (answer.status, answer.headers["content-type"]) == (503, "application/problem+json")
            assert answer.body["detail"] == "dead letters cannot be read: AzureWebJobsStorage names no storage account"
        assert env.host.client.get_instance(INSTANCE_ID) is None


async def test_a_storage_that_is_away_is_said_at_once(launch: Launch) -> None:
    """Nobody waits for all attempts of a run to learn it."""
    async with launch(storage=True) as env:
        async with env.storage.unreachable():
            for method, path in (("GET", "/api/dead-letters"), ("POST", "/api/dead-letters/replay")):
                answer = await call(env, method, path)
                assert answer.status == 503
                assert "cannot be reached" in answer.body["detail"]
        assert env.host.client.get_instance(INSTANCE_ID) is None


async def test_a_row_that_is_only_suspected_is_not_delivered(launch: Launch) -> None:
    """Whoever kept it died before it was decided whether the rule was wrong; then its stream has delivered it since."""
    async with launch(storage=True) as env:
        (uuid,) = await refuse(env, 7)
        env.sink.refusals.clear()
        (blob,) = await env.storage.blobs(DEAD_LETTERS)
        async with container(env) as client:
            suspected = {**blob.metadata, "reason": "suspected"}
            await client.upload_blob(blob.name, blob.body, metadata=suspected, overwrite=True)
        assert await replayed(env) == {**NOTHING, "left": 1}
        assert await env.dead_letters() == {uuid: "suspected"}


async def test_what_was_uploaded_and_not_deleted_is_deleted_by_the_next_replay(launch: Launch) -> None:
    """The failed run's status remembers it, so nothing is doubled."""
    async with launch(storage=True) as env:
        (uuid,) = await refuse(env, 7)
        (blob,) = await env.storage.blobs(DEAD_LETTERS)
        env.sink.refusals.clear()
        # The row lands as if by a replay whose storage failed right behind it.
        assert await replayed(env) == {**NOTHING, "uploaded": 1}
        async with container(env) as client:
            await client.upload_blob(blob.name, blob.body, metadata=blob.metadata)
        broken = {"place": {"delivered": blob.name}, "pacing": BRISK}
        async with env.storage.unreachable():
            env.host.client.start("replay_dead_letters", broken, INSTANCE_ID)
            failed = await env.host.client.wait_for(INSTANCE_ID)
        assert failed.status is RuntimeStatus.FAILED
        assert f"{blob.name} was uploaded and only has to be deleted" in failed.error_message
        assert failed.custom_status["delivered"] == blob.name
        assert await replayed(env) == NOTHING
        assert uuid not in await env.dead_letters()
        env.assert_all_landed_once()


@pytest.mark.parametrize(
    ("instance_id", "payload", "says"),
    [
        ("other", None, "has the instance id replay-dead-letters"),
        (INSTANCE_ID, ["x"], "this input is no replay"),
        (INSTANCE_ID, {"place": 7}, "this input is no replay"),
    ],
    ids=["another id", "a list", "no place"],
)
async def test_a_run_that_somebody_typed_wrongly_says_why(
    launch: Launch, instance_id: str, payload: Any, says: str
) -> None:
    """Also one that Durable Functions Monitor restarts under a new id: it could run beside another."""
    async with launch() as env:
        env.host.client.start("replay_dead_letters", payload, instance_id)
        run = await env.host.client.wait_for(instance_id)
        assert run.status is RuntimeStatus.FAILED
        assert says in run.error_message


@pytest.mark.parametrize("body", [b"", b"{}", b"{", b'{"place":{"delivered":7}}', b"\xff\x00"], ids=repr)
async def test_what_is_sent_along_is_ignored(launch: Launch, body: bytes) -> None:
    """There is nothing to choose."""
    async with launch(storage=True) as env:
        assert await replayed(env, body) == NOTHING


async def test_a_worker_that_dies_repeats_one_row_at_most(launch: Launch) -> None:
    """The platform runs the activity again; what had been taken out by then is not there any more."""
    async with launch(storage=True) as env:
        await refuse(env, *range(0, 300, 15))
        env.sink.refusals.clear()
        before = env.sink.rows[EVENTS]
        env.host.client.start("replay_dead_letters", None, INSTANCE_ID)
        await until(lambda: env.sink.rows[EVENTS] >= before + 5)
        env.host.worker.kill()
        replay = await env.host.client.wait_for(INSTANCE_ID)
        assert replay.status is RuntimeStatus.COMPLETED
        account = env.account("auditevents")
        assert (account.lost, await env.dead_letters()) == (0, {})
        assert account.duplicated is not None
        assert account.duplicated <= 1
