"""The pictures of the status page that the documents show: of a real app in the local environment.

`make screenshots` draws them anew, with the Chromium of this machine.
"""

import asyncio
import shutil
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from playwright.async_api import Browser, async_playwright

from local.environment import APP_DIR, BRISK, Environment, launched
from local.ingestion import RefuseRows
from local.onepassword import ALWAYS, EVENT_TYPES, Stall, Status
from local.patience import until

IMAGES: Final = APP_DIR / "docs" / "images"
# One each half an hour.
_POLLS: Final = 47
# Headless, and asking nobody for anything.
_ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
_SETTINGS: Final = {"MONITOR_URL": "https://dfm.example/OnePasswordEvents"}


async def main() -> int:
    """Draw every picture."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.stderr.write("Chromium is not installed.\n")
        return 1
    IMAGES.mkdir(exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        with tempfile.TemporaryDirectory() as folder:
            async with launched(Path(folder), events=6_000, storage=True, change=lambda _: _SETTINGS) as env:
                await _a_day(env)
                await _backfill_half_way(env)
                await _draw(browser, env, "status.png", 1280, "light")
                await _draw(browser, env, "status-phone.png", 390, "dark")
                await _break(env)
                await _draw(browser, env, "status-broken.png", 1280, "light")
        await browser.close()
    return 0


async def _a_day(env: Environment) -> None:
    """Poll, let the streams and the record of polls remember a day before it, and poll again."""
    random = Random(1)
    await env.poll()
    now = datetime.now(UTC)
    for number in range(_POLLS, 0, -1):
        began_at = now - timedelta(minutes=30 * number - 3)
        events = {
            stream: random.randrange(most) for stream, most in zip(EVENT_TYPES, (4_000, 7_000, 3_000), strict=True)
        }
        for stream, count in events.items():
            await _remember_run(env, stream, f"poll-{began_at:%Y%m%dT%H%M%SZ}", began_at, count)
        ended_at = began_at + timedelta(seconds=3)
        record = {
            "instance_id": f"poll-{began_at:%Y%m%dT%H%M%SZ}",
            "started_at": began_at.isoformat(),
            "ended_at": ended_at.isoformat(),
            "state": "completed",
            "healthy": True,
            "events": sum(events.values()),
            "counts": {"ok": len(EVENT_TYPES)},
            "outcomes": dict.fromkeys(EVENT_TYPES, "ok"),
        }
        env.host.client.signal_entity("recent_polls", "all", "ended", record)
    for stream in EVENT_TYPES:
        env.source.add_events(stream, 12)
    await env.poll()


async def _remember_run(env: Environment, stream: str, poll: str, began_at: datetime, events: int) -> None:
    """Signal a stream's cursor what a run of that time would have called it for."""
    state = env.cursor(stream)
    fence, about = state["fence"] + 1, {"now": began_at.isoformat(), "lease_seconds": 60.0}
    commit = {
        **about,
        "fence": fence,
        "moves": state["moves"] + events,
        "position": state["position"],
        "newest": state["newest"],
        "events": state["events"] + events,
        "bytes": state["bytes"] + 600 * events,
        "recovered": False,
    }
    operations = {
        "begin": {**about, "holder": f"{poll}-{stream}", "start_time": None, "parent_id": poll},
        "commit": commit,
        "release": {"fence": fence, "now": began_at.isoformat(), "outcome": "ok", "error": ""},
    }
    for operation, payload in operations.items():
        env.host.client.signal_entity("stream_cursor", env.key(stream), operation, payload)
    await until(lambda: env.cursor(stream)["fence"] == fence and not env.cursor(stream)["holder"])


async def _backfill_half_way(env: Environment) -> None:
    """Start a backfill whose streams are held up at different places."""
    for stream, pages in zip(EVENT_TYPES, (2, 4, 3), strict=True):
        env.source.faults.add(Stall(600), target=stream, after=pages, times=ALWAYS)
    pacing = {**BRISK, "budget_seconds": None, "transfer_pages": 1, "requests_per_minute": 1e6}
    cursor = env.cursor(EVENT_TYPES[0])["position"]
    request = {
        "id": "20261110T000000Z-5f0c2a91",
        "start_time": cursor["start_time"],
        "end_time": env.cursor(EVENT_TYPES[0])["newest"],
        "pacing": pacing,
    }
    env.host.client.start("backfill", request, f"backfill-{request['id']}")
    await asyncio.sleep(3)


async def _break(env: Environment) -> None:
    """Refuse one stream's token and one stream's row."""
    env.source.faults.clear()
    uuid = env.source.add_events("itemusages", 5)[0]
    env.sink.refusals.append(RefuseRows(uuid.encode()))
    env.source.faults.add(
        Status(401, b'{"Error":{"Message":"Unauthorized access"}}'), target="auditevents", times=ALWAYS
    )
    await env.poll()


async def _draw(browser: Browser, env: Environment, name: str, width: int, scheme: str) -> None:
    page = await browser.new_page(
        viewport={"width": width, "height": 800}, color_scheme="dark" if scheme == "dark" else "light"
    )
    await page.goto(f"{env.host.http_url}/api/status")
    await page.screenshot(path=IMAGES / name, full_page=True)
    await page.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
