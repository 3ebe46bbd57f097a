"""A worker that dies, whatever it is at work on: no run fails, and nothing is lost.

What its transfers had in hand is repeated, and no more: the platform ran those activities twice.
"""

import pytest

from local.host import RuntimeStatus
from tests.e2e.api import days_ago
from tests.e2e.conftest import STREAMS, Environment
from tests.e2e.test_reruns import start_backfill

pytestmark = pytest.mark.engine

NEW = 20


@pytest.mark.parametrize(
    "function", ["poll", "drain_stream", "stream_cursor", "discover_streams", "transfer_events", "report_health"]
)
async def test_a_poll_survives_its_worker(env: Environment, function: str) -> None:
    """It dies in a turn, in an operation of an entity, in an activity; the poll completes all the same."""
    in_hand = 300
    most_doubled = 0
    # A poll invokes discover_streams once: no third invocation would come to die.
    for after in (0,) if function == "discover_streams" else (0, 2):
        for stream in STREAMS:
            env.source.add_events(stream, NEW)
        most_doubled += in_hand + NEW
        env.host.worker.kill_in(function, after=after)
        poll = await env.poll(attempts=4)
        assert poll.status is RuntimeStatus.COMPLETED, poll.error_message
        # A stream whose cursor could not be given back in time is another poll's.
        await env.poll_until_healthy(attempts=4)
        assert env.host.worker.deaths_to_come == 0
        for stream in STREAMS:
            account = env.account(stream)
            assert account.lost == 0
            assert (account.duplicated or 0) <= most_doubled
        in_hand = 0


@pytest.mark.parametrize("after", range(5))
async def test_a_backfill_survives_the_death_in_any_operation(env: Environment, after: int) -> None:
    """Whichever operation of its cursor dies with the worker, the backfill is Completed and its window delivered."""
    env.host.worker.kill_in("stream_cursor", after=after)
    backfill_id, name = start_backfill(env, days_ago(30), attempts=4)
    ended = await env.host.client.wait_for(name)
    assert ended.status is RuntimeStatus.COMPLETED, ended.error_message
    assert env.host.worker.deaths_to_come == 0
    rows = env.rows(f"OnePasswordEventLogs_CL | where backfill_id == '{backfill_id}' | project uuid_s")
    assert {row["uuid_s"] for row in rows} == {uuid for stream in STREAMS for uuid in env.source.offered(stream)}
    assert len(rows) <= 2 * 3 * 300
