"""A real browser for the tests that need one."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

from local.patience import within

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without a sandbox, as in a container; and nothing that would make it talk to anyone but the test.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Playwright's own limit for whatever it waits for.
MILLISECONDS = 30_000


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start this machine's Chromium without a window; skip the test where there is none."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"there is no Chromium on this machine, under none of the names {', '.join(NAMES)}")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=list(ARGUMENTS), timeout=within(MILLISECONDS)
        )
        try:
            yield browser
        finally:
            await browser.close()


async def new_page(browser: Browser, **options: Any) -> Page:
    """Open a page whose limits suit the machine."""
    page = await browser.new_page(**options)
    page.set_default_timeout(within(MILLISECONDS))
    return page
