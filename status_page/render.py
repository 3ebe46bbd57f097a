"""Make the status page."""

from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from onepassword_sentinel.status import PollStatus, Status, StreamStatus
from status_page import words
from status_page.sparkline import sparkline

if TYPE_CHECKING:
    from jinja2 import Template


@dataclass(frozen=True, slots=True)
class Mark:
    """How a state is shown: never by its colour alone."""

    icon: str
    word: str


@dataclass(frozen=True, slots=True)
class AccountGroup:
    """The streams of one account under its name; without one if there is no other account."""

    title: str
    account_uuid: str
    streams: tuple[StreamStatus, ...]


MARKS: Final = {
    "healthy": Mark("good", "Healthy"),
    "behind": Mark("wait", "Behind"),
    "failing": Mark("bad", "Failing"),
    "unpolled": Mark("idle", "Not polled"),
    "waiting": Mark("idle", "Waiting"),
    "running": Mark("run", "Running"),
    "completed": Mark("good", "Completed"),
    "failed": Mark("bad", "Failed"),
    "stopped": Mark("stop", "Stopped"),
}
EVENT_TYPES: Final = {
    "signinattempts": "Sign-in attempts",
    "itemusages": "Item usages",
    "auditevents": "Audit events",
}
# The title's sign and the icon of the browser's tab, which has no style sheet: colour and path.
_TAB: Final = {
    "good": ("✓", "#1a7f37", "M4.5 8.3l2.4 2.4 4.6-5"),
    "wait": ("…", "#9a6700", "M8 4.2v4.2l2.8 1.6"),
    "bad": ("✗", "#c62828", "M5.2 5.2l5.6 5.6m0-5.6l-5.6 5.6"),
}


def render(status: Status, *, monitor_url: str = "") -> str:
    """Make the whole document; instances link to the Durable Functions Monitor if its http(s) address is given."""
    base = monitor_url.rstrip("/") if monitor_url.lower().startswith(("http://", "https://")) else ""
    overall = _overall(status)
    sign, colour, path = _TAB[overall]
    return _template().render(
        status=status,
        now=status.checked_at,
        overall=overall,
        sign=sign,
        favicon=_favicon(colour, path),
        groups=_by_account(status.streams),
        marks=MARKS,
        event_types=EVENT_TYPES,
        link=lambda instance_id: f"{base}/durable-instances/{quote(instance_id, safe='')}" if base else "",
    )


@cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  # most cold starts show no page

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (
        words.as_moment,
        words.counted,
        words.duration,
        words.exact,
        words.iso,
        words.number,
        words.percent,
        words.rate,
        words.relative,
        words.size,
        others,
        sparkline,
    ):
        environment.filters[function.__name__] = function
    return environment.get_template("page.html")


def others(poll: PollStatus) -> list[tuple[str, int]]:
    """Count by outcome the streams of a poll that are not named."""
    named = Counter(poll.outcomes.values())
    return [(outcome, left) for outcome, count in poll.counts.items() if (left := count - named[outcome]) > 0]


def _overall(status: Status) -> str:
    if status.healthy:
        return "good"
    return "bad" if status.problems or any(stream.health == "failing" for stream in status.streams) else "wait"


def _by_account(streams: tuple[StreamStatus, ...]) -> tuple[AccountGroup, ...]:
    grouped: dict[tuple[str, str], list[StreamStatus]] = {}
    for stream in streams:
        grouped.setdefault((stream.account, stream.account_uuid), []).append(stream)
    several = len(grouped) > 1
    return tuple(
        AccountGroup((name or account_uuid) if several else "", account_uuid, tuple(held))
        for (name, account_uuid), held in grouped.items()
    )


def _favicon(colour: str, path: str) -> str:
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="8" fill="{colour}"/>'
        f'<path d="{path}" fill="none" stroke="#fff" stroke-width="2" stroke-linecap="round"/></svg>'
    )
    return f"data:image/svg+xml,{quote(svg)}"
