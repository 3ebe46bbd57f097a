"""What the activities of one worker process share: settings as they are now, connections that stay open, quotas.

Here, at the edge, the environment is read and the core's parts are put together. What speaks HTTP is imported when it
is first needed: aiohttp and the Azure libraries take 0.2 s of a start, and neither an indexing, a replay nor a page of
status pays for them.
"""

import gc
import os
import platform
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from onepassword_sentinel import __version__
from onepassword_sentinel.destination import Destination
from onepassword_sentinel.errors import SettingsError
from onepassword_sentinel.rate_limit import RequestQuota
from onepassword_sentinel.retry_after import DEFAULT_SECONDS
from onepassword_sentinel.settings import Account, Settings
from onepassword_sentinel.storage_account import StorageAccount

if TYPE_CHECKING:
    import aiohttp
    from azure.identity.aio import DefaultAzureCredential

    from onepassword_sentinel.dead_letter_storage import DeadLetterStorage
    from onepassword_sentinel.events_api import EventsApi
    from onepassword_sentinel.log_ingestion import LogIngestion

USER_AGENT = f"onepassword-sentinel/{__version__} (Python {platform.python_version()})"


# Reads a part of the settings, and adds what is wrong with it to a list.
type Parse[T] = Callable[[Mapping[str, str], list[str]], T]


def read_settings() -> Settings:
    """Read the app settings as they are now, so that a rotated token works without a restart."""
    return Settings.parse(os.environ, now=datetime.now(UTC))


def read_part[T](parse: Parse[T]) -> T:
    """Read one part of the settings, whatever is wrong with the rest.

    Raises:
        SettingsError: this part is wrong.

    """
    problems: list[str] = []
    found = parse(os.environ, problems)
    if problems:
        raise SettingsError(problems)
    return found


def read_option[T](parse: Parse[T]) -> T:
    """Read a part that has another value to take where it is wrong; every poll says so."""
    return parse(os.environ, [])


def events_api(account: Account, *, pause: float = DEFAULT_SECONDS) -> "EventsApi":
    """Get the Events API for an account; `pause` is for when it throttles without saying for how long."""
    from onepassword_sentinel.events_api import EventsApi  # noqa: PLC0415

    return EventsApi(_session(), account, _quota(account.name, account.events_url), pause=pause)


@cache
def log_ingestion(destination: Destination, upload_limit: float, /) -> "LogIngestion":
    """Get the data collection rule; an upload takes at most `upload_limit` seconds.

    There is one for each pair of arguments. A default would make another one, which knows of no pause that Azure asks.
    """
    from onepassword_sentinel.log_ingestion import LogIngestion  # noqa: PLC0415

    sink = LogIngestion(
        destination.endpoint,
        destination.rule_id,
        destination.scope,
        _credential(),
        _session(),
        upload_limit=upload_limit,
    )
    # All that is needed is loaded now, and stays. To look through it for garbage again and again would take a tenth of
    # what it costs to deliver.
    gc.freeze()
    return sink


@cache
def dead_letters(account: StorageAccount | None) -> "DeadLetterStorage":
    """Get the storage of dead letters, which is the Functions host's."""
    from onepassword_sentinel.dead_letter_storage import DeadLetterStorage  # noqa: PLC0415

    return DeadLetterStorage(account, _credential)


@cache
def _session() -> "aiohttp.ClientSession":
    from urllib.request import getproxies  # noqa: PLC0415

    import aiohttp  # noqa: PLC0415

    return aiohttp.ClientSession(
        headers={"User-Agent": USER_AGENT},
        cookie_jar=aiohttp.DummyCookieJar(),
        # Only where there is a proxy: asking the environment for one costs 0.35 ms a request, in two other threads.
        trust_env=not {"http", "https"}.isdisjoint(getproxies()),
    )


@cache
def _quota(account: str, events_url: str) -> RequestQuota:  # noqa: ARG001  # what the quota belongs to
    return RequestQuota()


def _credential(client_id: str = "") -> "DefaultAzureCredential":
    """Get the identity with this client id, or else the app's."""
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415

    return DefaultAzureCredential(managed_identity_client_id=client_id) if client_id else DefaultAzureCredential()
