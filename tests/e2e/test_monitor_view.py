"""What Durable Functions Monitor is given to show: ids that it can open, flat statuses, outputs that tell."""

import json
import re

from local.host import RuntimeStatus
from local.onepassword import Status
from tests.e2e.api import call, days_ago
from tests.e2e.conftest import Launch
from tests.e2e.test_reruns import start_backfill

# What it takes for an id (its StartNewAsync and its routes), and no end that it would take for a child's.
ID = re.compile(r"(?!.*:\d+$)[^/\\#?@'\x00-\x1f]{1,256}")
STATUS_BYTES = 16_384


async def test_every_instance_reads_well(launch: Launch) -> None:
    """Whatever this app starts: a poll, a backfill, a reset, a replay, and the streams of them, well or failed."""
    async with launch(storage=True) as env:
        await call(env, "POST", "/api/poll")
        await env.poll_until_healthy()
        env.source.faults.add(Status(401), target="auditevents")
        failed = await env.poll()
        _, name = start_backfill(env, days_ago(30))
        await env.host.client.wait_for(name)
        await call(env, "POST", f"/api/streams/{env.key('itemusages')}/reset", {"start_time": days_ago(1)})
        await call(env, "POST", "/api/dead-letters/replay")
        found = env.host.client.query()
        names = {instance.name for instance in found}
        assert names == {"poll", "drain_stream", "backfill", "reset_stream", "replay_dead_letters"}
        for instance in found:
            assert ID.fullmatch(instance.instance_id), instance.instance_id
            status = instance.custom_status
            assert status is None or not any(isinstance(value, dict | list) for value in status.values())
            assert len(json.dumps(status)) < STATUS_BYTES
            assert status or instance.name == "reset_stream"
        (stream,) = [i for i in found if i.status is RuntimeStatus.FAILED and i.name == "drain_stream"]
        sentence = stream.error_message
        assert sentence.startswith("auditevents: 1Password answered 401")
        assert stream.output.endswith(f"StreamFailedError: {sentence}")
        assert failed.output.endswith(f"PollFailedError: {sentence}")
