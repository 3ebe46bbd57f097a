"""With the message sorter on, calls of entities vanish without an error: the app has to say so itself."""

from datetime import timedelta

import pytest

from local.host import RuntimeStatus
from tests.e2e.api import call
from tests.e2e.conftest import Launch, until

pytestmark = pytest.mark.engine

OVERRIDE = "AzureFunctionsJobHost__extensions__durableTask__entityMessageReorderWindowInMinutes"


async def test_a_setting_that_keeps_all_events_back_is_named_everywhere(launch: Launch) -> None:
    """At start, by the next tick and by the status: the setting, and the run that waits, with what to do."""
    async with launch(change=lambda _: {OVERRIDE: "30"}) as env:
        wrong = f"The app setting {OVERRIDE} must be 0"
        assert [record.message for record in env.host.warnings if record.message.startswith(wrong)]
        await env.host.fire_timer("poll_on_schedule")
        (poll,) = (found.instance_id for found in env.host.client.query("poll-") if found.name == "poll")

        def waits() -> bool:
            stream = env.host.client.get_instance(f"{poll}-auditevents")
            return bool(stream and (stream.custom_status or {}).get("waiting_for") == "begin")

        await until(waits)
        env.host.client.backdate(f"{poll}-auditevents", timedelta(minutes=5))
        await env.host.fire_timer("poll_on_schedule")
        named = f"{poll}-auditevents has waited for its stream's entity (begin) for 5 minutes"
        logged = [record.message for record in env.host.warnings]
        assert f"skipped this tick: {poll} is still running" in logged
        assert [message for message in logged if message.startswith(named)]
        status = (await call(env, "GET", "/api/status")).body
        assert [problem for problem in status["problems"] if problem.startswith(wrong)]
        assert [problem for problem in status["problems"] if problem.startswith(named)]
        assert env.child(poll, "auditevents").status is RuntimeStatus.RUNNING
        assert env.sink.rows["Custom-OnePasswordEvents"] == 0
