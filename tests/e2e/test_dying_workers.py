"""A worker that dies, whatever it is at work on: no run fails, and nothing is lost."""

import pytest

from local.host import RuntimeStatus
from tests.e2e.api import days_ago
from tests.e2e.conftest import STREAMS, Environment
from tests.e2e.test_reruns import assert_window_landed_once, start_backfill

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    "function", ["poll", "drain_stream", "stream_cursor", "discover_streams", "transfer_events", "report_health"]
)
async def test_a_poll_survives_its_worker(env: Environment, function: str) -> None:
    """It dies in a turn, in an operation of an entity, in an activity; the poll is healthy all the same."""
    for after in (0, 2):
        for stream in STREAMS:
            env.source.add_events(stream, 20)
        env.host.worker.kill_in(function, after=after)
        poll = await env.poll(attempts=4)
        assert poll.status is RuntimeStatus.COMPLETED, poll.error_message
        # A stream whose cursor could not be given back in time is another poll's.
        await env.poll_until_healthy(attempts=4)
        for stream in STREAMS:
            account = env.account(stream)
            assert account.lost == 0
            assert function == "transfer_events" or account.duplicated == 0


async def test_a_cursor_survives_each_death(env: Environment) -> None:
    """Whichever operation of a backfill's cursors dies with the worker, the window is delivered once."""
    for after in range(6):
        env.host.worker.kill_in("stream_cursor", after=after)
        backfill_id, name = start_backfill(env, days_ago(30 + after), attempts=4)
        ended = await env.host.client.wait_for(name)
        assert ended.status is RuntimeStatus.COMPLETED, ended.error_message
        assert_window_landed_once(env, backfill_id)
    assert env.host.worker.deaths_to_come == 0
