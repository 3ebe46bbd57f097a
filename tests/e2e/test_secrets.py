"""The token stays where it was put."""

from pathlib import Path

from local.onepassword import Status
from tests.e2e.conftest import Environment


async def test_nothing_that_a_run_leaves_behind_contains_the_token(env: Environment, tmp_path: Path) -> None:
    """History, status, logs, the failing stream's messages and every file: searched for the token and its parts."""
    token = env.simulators.settings["ONEPASSWORD_TOKEN"]
    env.source.faults.add(Status(500, f"you sent {token}".encode()), target="auditevents", times=2)
    poll = await env.poll()
    assert "[token]" in poll.error_message
    await env.poll()
    held = env.host.client.dump()
    await env.host.stop()
    env.workspace.close()
    left = held.encode() + "".join(map(repr, env.host.warnings)).encode()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]  # noqa: ASYNC240  # nothing else runs by now
    assert {path.name for path in files} >= {"app.log", "workspace.duckdb"}
    _, payload, signature = token.split(".")
    for part in (token, payload, signature):
        assert part.encode() not in left
        assert [path.name for path in files if part.encode() in path.read_bytes()] == []
