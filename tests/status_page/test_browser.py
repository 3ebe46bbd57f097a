"""A real browser, held to the page's Content-Security-Policy, shows it as it is meant."""

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Literal

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page

from onepassword_sentinel.status import Status
from status_page.render import render
from tests.browser import chromium, new_page
from tests.status_page.conftest import MONITOR

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# The contrast of each text with the nearest background that is not transparent, as WCAG 2 defines it.
CONTRASTS = """() => {
  const rgb = colour => colour.match(/[\\d.]+/g).map(Number);
  const luminance = colour => rgb(colour).slice(0, 3).map(value => value / 255)
    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const background = element => {
    const colour = getComputedStyle(element).backgroundColor;
    return rgb(colour)[3] === 0 ? background(element.parentElement) : colour;
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || element.closest("svg, progress")) continue;
    const [low, high] = [getComputedStyle(element).color, background(element)].map(luminance).sort((a, b) => a - b);
    found.push([texts.currentNode.data.trim(), (high + 0.05) / (low + 0.05)]);
  }
  return found;
}"""

type Opened = Callable[..., Coroutine[Any, Any, Page]]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Provide a browser."""
    async with chromium() as launched:
        yield launched


@pytest.fixture
def complaints() -> list[str]:
    """Provide what the browser logs, asks or requests on top of the page."""
    return []


@pytest.fixture
async def opened(browser: Browser, complaints: list[str]) -> AsyncIterator[Opened]:
    """Provide what serves a status and opens its page; a complaint that is left fails the test."""
    served = ""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=served, content_type="text/html", headers={"Content-Security-Policy": POLICY})

    app = web.Application()
    app.router.add_get("/status", answer)
    async with TestServer(app, host="127.0.0.1") as server:

        async def open_page(status: Status, *, width: int = 1280) -> Page:
            nonlocal served
            served = render(status, monitor_url=MONITOR)
            page = await new_page(browser, viewport={"width": width, "height": 800})
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("dialog", lambda dialog: complaints.append(dialog.message))
            page.on("request", lambda request: complaints.append(request.url) if request.url != url else None)
            await page.goto(url)
            return page

        url = str(server.make_url("/status"))
        yield open_page
    assert complaints == []


async def test_it_is_content_with_itself(opened: Opened, status: Status) -> None:
    """Under its policy the page logs no error, runs nothing, asks for nothing else, and its styles apply."""
    page = await opened(status)
    assert await page.locator("h2").first.evaluate("element => getComputedStyle(element).fontSize") == "16px"


async def test_the_policy_is_in_force(opened: Opened, healthy: Status, complaints: list[str]) -> None:
    """A page that needed a script would be noticed here."""
    page = await opened(healthy)
    await page.evaluate(
        "() => document.body.append(Object.assign(document.createElement('script'), {text: 'ran = 1'}))"
    )
    assert "violates the following Content Security Policy" in complaints.pop()


async def test_the_state_can_be_read_and_heard(opened: Opened, healthy: Status) -> None:
    """The accessibility tree has the sentence, the cards, the charts, the bars and the tables by name."""
    page = await opened(healthy)
    assert await page.title() == "✓ 3 of 3 streams healthy \N{EN DASH} 1Password connector"
    assert await page.get_by_role("heading", level=1, name="3 of 3 streams healthy").is_visible()
    assert await page.get_by_role("heading", level=3, name="Sign-in attempts").is_visible()
    assert await page.get_by_role("img", name="events per poll, last 24 h: 286 polls").count() == 2
    assert await page.get_by_role("progressbar", name="Backfill q3").is_visible()
    assert await page.get_by_role("progressbar").count() == 4
    table = page.get_by_role("table", name="Recent polls, the newest first")
    assert await table.get_by_role("row").count() == 1 + len(healthy.polls)


async def test_a_phone_keeps_the_tables_meaning(opened: Opened, healthy: Status) -> None:
    """Rows that are laid out as blocks are still rows with headers."""
    page = await opened(healthy, width=375)
    table = page.get_by_role("table", name="Recent polls, the newest first")
    assert await table.get_by_role("rowheader").count() == len(healthy.polls)
    assert await table.get_by_role("columnheader").count() == 5


async def test_nothing_is_wider_than_the_screen(opened: Opened, status: Status) -> None:
    """Long ids and sentences wrap: the page does not scroll sideways, on a phone or just beside a change of layout."""
    page = await opened(status)
    widths = [320, 375, 720, 1099, 1100, 1280]
    needed = []
    for width in widths:
        await page.set_viewport_size({"width": width, "height": 800})
        needed.append(await page.evaluate("document.documentElement.scrollWidth"))
    assert needed == widths


async def test_every_text_has_contrast(opened: Opened, status: Status) -> None:
    """All of them meet WCAG's level AA for small text, by day and by night."""
    page = await opened(status)
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        contrasts = await page.evaluate(CONTRASTS)
        assert len(contrasts) > 5
        assert [(text, ratio) for text, ratio in contrasts if ratio < 4.5] == []


async def test_the_page_is_dark_where_the_system_is(opened: Opened, healthy: Status) -> None:
    """The background follows the preference."""
    page = await opened(healthy)
    colours = []
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        colours.append(await page.locator("body").evaluate("element => getComputedStyle(element).backgroundColor"))
    assert colours == ["rgb(246, 247, 249)", "rgb(15, 19, 23)"]


async def test_hostile_text_makes_no_element(opened: Opened, hostile: Status) -> None:
    """The browser's own parser finds text where text was."""
    page = await opened(hostile)
    assert await page.locator("script, img, iframe, [onerror]").count() == 0
    assert await page.get_by_role("heading", level=1).inner_text() == hostile.summary
