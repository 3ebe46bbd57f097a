"""What the activities of one worker process share: settings as they are now, connections that stay open, quotas.

Here, at the edge, the environment is read and the core's parts are put together.
"""

import os
import platform
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from urllib.request import getproxies

import aiohttp
from azure.identity.aio import DefaultAzureCredential

from onepassword_sentinel import __version__
from onepassword_sentinel.dead_letter_storage import DeadLetterStorage
from onepassword_sentinel.destination import Destination
from onepassword_sentinel.errors import SettingsError
from onepassword_sentinel.events_api import EventsApi
from onepassword_sentinel.log_ingestion import LogIngestion
from onepassword_sentinel.rate_limit import RequestQuota
from onepassword_sentinel.retry_after import DEFAULT_SECONDS
from onepassword_sentinel.settings import Account, Settings
from onepassword_sentinel.storage_account import StorageAccount

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


def events_api(account: Account, *, pause: float = DEFAULT_SECONDS) -> EventsApi:
    """Get the Events API for an account; `pause` is for when it throttles without saying for how long."""
    return EventsApi(_session(), account, _quota(account.name, account.events_url), pause=pause)


@cache
def log_ingestion(destination: Destination) -> LogIngestion:
    """Get the data collection rule."""
    return LogIngestion(
        destination.endpoint, destination.rule_id, destination.scope, DefaultAzureCredential(), _session()
    )


@cache
def dead_letters(account: StorageAccount | None) -> DeadLetterStorage:
    """Get the storage of dead letters, which is the Functions host's."""
    return DeadLetterStorage(account, _credential)


@cache
def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        headers={"User-Agent": USER_AGENT},
        cookie_jar=aiohttp.DummyCookieJar(),
        # Only where there is a proxy: asking the environment for one costs 0.35 ms a request, in two other threads.
        trust_env=not {"http", "https"}.isdisjoint(getproxies()),
    )


@cache
def _quota(account: str, events_url: str) -> RequestQuota:  # noqa: ARG001  # what the quota belongs to
    return RequestQuota()


def _credential(client_id: str) -> DefaultAzureCredential:
    """Get the identity that the storage's settings name, or else the app's."""
    return DefaultAzureCredential(managed_identity_client_id=client_id) if client_id else DefaultAzureCredential()
