"""Pages as 1Password sends them, made before anything is measured."""

from datetime import UTC, datetime
from itertools import islice
from typing import Final

from local.onepassword import EVENT_TYPES
from local.onepassword.api import EventsApi
from local.onepassword.log import Window

PAGE_EVENTS: Final = 1000
# Of an account.
STREAMS: Final = len(EVENT_TYPES)
# So many different pages of each event type, over and over: more than the connector remembers the events of, so that it
# takes none for one that it has delivered.
DISTINCT: Final = 40
NOW: Final = datetime(2026, 11, 24, tzinfo=UTC)


def item_lists() -> dict[str, list[bytes]]:
    """Make the items of pages, `[{...},{...}]`, by event type: the events of the local environment's 1Password."""
    source = EventsApi(
        seed=7,
        events=PAGE_EVENTS * DISTINCT,
        now=lambda: NOW,  # the same pages in each run
        requests_per_minute=1,
        requests_per_hour=1,
        account_uuid=...,
        story=False,
    )
    made: dict[str, list[bytes]] = {}
    for event_type in EVENT_TYPES:
        log = source.logs[event_type]
        events = (log.source.render(stored.digest, stored.timestamp) for stored in log.matching(Window(0)))
        made[event_type] = [b"[" + b",".join(islice(events, PAGE_EVENTS)) + b"]" for _ in range(DISTINCT)]
    return made
