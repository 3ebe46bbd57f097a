"""Workers that are stopped in the middle of their work, as `--pauses` does to the whole suite."""

from local.patience import until
from tests.e2e.conftest import Launch
from tests.pauses import Pauses


async def test_a_worker_that_is_stopped_again_and_again_delivers_everything_once(launch: Launch) -> None:
    """The stops strike while it transfers, each of them longer than its event loop ever waits."""
    with Pauses("1", longest_run=0.5, longest_pause=1.0) as pauses:
        async with launch(events=2_500) as env:
            await until(lambda: pauses.taken)
            stops = pauses.taken
            await env.poll_until_healthy()
            await until(lambda: pauses.taken > stops)
            env.source.add_events("auditevents", 20)
            await env.poll_until_healthy()
            env.assert_all_landed_once()
