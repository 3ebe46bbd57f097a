"""App settings: few, typed, and all problems reported at once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self
from urllib.parse import urlsplit

from onepassword_sentinel.errors import SettingsError
from onepassword_sentinel.events_token import EventsToken, InvalidTokenError
from onepassword_sentinel.storage_account import StorageAccount

TOKEN: Final = "ONEPASSWORD_TOKEN"  # noqa: S105  # a setting's name
EVENTS_URL: Final = "ONEPASSWORD_EVENTS_URL"
ENDPOINT: Final = "LOGS_INGESTION_ENDPOINT"
RULE_ID: Final = "LOGS_INGESTION_RULE_ID"
SCOPE: Final = "LOGS_INGESTION_SCOPE"
LOOKBACK: Final = "FIRST_RUN_LOOKBACK_DAYS"
RETENTION: Final = "HISTORY_RETENTION_DAYS"
MONITOR_URL: Final = "MONITOR_URL"

# Azure public cloud; Azure Government and China have audiences of their own (Logs Ingestion API overview).
DEFAULT_SCOPE: Final = "https://monitor.azure.com/.default"
DEFAULT_LOOKBACK_DAYS: Final = 7
# 1Password keeps this much history (Events API introduction).
HISTORY_DAYS: Final = 120
DEFAULT_RETENTION_DAYS: Final = 30
MOST_RETENTION_DAYS: Final = 3650

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Account:
    """One 1Password account: `name` is what follows `ONEPASSWORD_TOKEN_`, empty for the first one."""

    name: str
    token: EventsToken
    events_url: str

    @property
    def token_setting(self) -> str:
        """The app setting that holds the token, for messages."""
        return _suffixed(TOKEN, self.name)

    def label(self, what: str) -> str:
        """Name something of this account in a message."""
        return f"{self.name} {what}" if self.name else what

    @property
    def url_setting(self) -> str:
        """The app setting that overrides the address, for messages."""
        return _suffixed(EVENTS_URL, self.name)


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator configured.

    `retention_days` is for how long the history of runs is kept, `monitor_url` where Durable Functions Monitor shows
    this app's hub. `problems` holds what does not keep the rest from being polled: what is wrong with single accounts,
    and with settings that polls do without.
    """

    accounts: tuple[Account, ...]
    endpoint: str
    rule_id: str
    scope: str
    lookback_days: int
    retention_days: int = DEFAULT_RETENTION_DAYS
    monitor_url: str = ""
    storage: StorageAccount | None = None
    problems: tuple[str, ...] = ()

    @classmethod
    def parse(cls, values: Mapping[str, str], *, now: datetime) -> Self:
        """Read the settings.

        Raises:
            SettingsError: nothing can be done with them: delivery is not configured, or no account is usable.

        """
        shared: list[str] = []
        endpoint = _endpoint(values, shared)
        rule_id = _rule_id(values, shared)
        scope = _scope(values, shared)
        lookback_days = _days(values, LOOKBACK, DEFAULT_LOOKBACK_DAYS, range(HISTORY_DAYS + 1), shared)
        storage = StorageAccount.parse(values, shared)
        accounts: list[Account] = []
        problems: list[str] = []
        retention_days = _days(values, RETENTION, DEFAULT_RETENTION_DAYS, range(1, MOST_RETENTION_DAYS + 1), problems)
        monitor_url = _monitor_url(values, problems)
        names = _account_names(values)
        for name in names:
            try:
                accounts.append(_account(values, name, now))
            except ValueError as error:
                problems.append(str(error))
        if not names:
            problems.append(f"{TOKEN} is missing: give it the Events API bearer token of your 1Password account")
        if shared or not accounts:
            raise SettingsError([*shared, *problems])
        return cls(
            accounts=tuple(accounts),
            endpoint=endpoint,
            rule_id=rule_id,
            scope=scope,
            lookback_days=lookback_days,
            retention_days=retention_days,
            monitor_url=monitor_url,
            storage=storage,
            problems=tuple(problems),
        )

    def account(self, name: str) -> Account:
        """Find an account by its name.

        Raises:
            SettingsError: it is not configured (any more).

        """
        for account in self.accounts:
            if account.name == name:
                return account
        raise SettingsError([f"{_suffixed(TOKEN, name)} is missing or unusable, but a run needs it", *self.problems])


def _suffixed(setting: str, name: str) -> str:
    return f"{setting}_{name}" if name else setting


def _account_names(values: Mapping[str, str]) -> list[str]:
    names = {
        key.removeprefix(base).removeprefix("_")
        for base in (TOKEN, EVENTS_URL)
        for key, value in values.items()
        if (key == base or key.startswith(base + "_")) and value.strip()
    }
    return sorted(names)


def _account(values: Mapping[str, str], name: str, now: datetime) -> Account:
    setting, url_setting = _suffixed(TOKEN, name), _suffixed(EVENTS_URL, name)
    text = values.get(setting, "").strip()
    if not text:
        raise ValueError(f"{setting} is missing, although {url_setting} is set")
    try:
        token = EventsToken.parse(text)
    except InvalidTokenError as error:
        raise ValueError(f"{setting} {error}") from error
    if token.expires is not None and token.expires <= now:
        expired = token.expires.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        raise ValueError(f"{setting} expired on {expired}: issue a new token in 1Password and replace it")
    url = values.get(url_setting, "").strip().rstrip("/")
    if url:
        if not _is_secure_url(url):
            raise ValueError(
                f"{url_setting} must be an https:// address without path, such as https://events.1password.com"
            )
    elif token.host:
        url = f"https://{token.host}"
        if not _is_secure_url(url):
            raise ValueError(
                f"{setting} names a host that is none: set {url_setting}, such as https://events.1password.com"
            )
    else:
        raise ValueError(f"{setting} names no host: set {url_setting}, such as https://events.1password.com")
    return Account(name, token, url)


def _is_secure_url(url: str) -> bool:
    """Tell whether a token may be sent there: https, or plain http to this very machine."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if not parts.hostname or parts.path or parts.query or parts.fragment or parts.username or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def _endpoint(values: Mapping[str, str], problems: list[str]) -> str:
    endpoint = values.get(ENDPOINT, "").strip().rstrip("/")
    if not endpoint:
        problems.append(f"{ENDPOINT} is missing: take the data collection rule's logsIngestion endpoint")
    elif not (_is_secure_url(endpoint) and endpoint.startswith("https://")):
        problems.append(f"{ENDPOINT} must be an https:// address without path, as the data collection rule shows it")
    return endpoint


def _rule_id(values: Mapping[str, str], problems: list[str]) -> str:
    rule_id = values.get(RULE_ID, "").strip()
    if not rule_id:
        problems.append(f"{RULE_ID} is missing: take the data collection rule's immutable id (dcr-...)")
    elif not re.fullmatch(r"dcr-[0-9A-Za-z]+", rule_id):
        problems.append(
            f"{RULE_ID} must be the rule's immutable id, which looks like dcr-0123456789abcdef, not its name"
        )
    return rule_id


def _scope(values: Mapping[str, str], problems: list[str]) -> str:
    scope = values.get(SCOPE, "").strip() or DEFAULT_SCOPE
    if not (scope.startswith("https://") and scope.endswith("/.default")):
        problems.append(f"{SCOPE} must look like {DEFAULT_SCOPE}")
    return scope


def _days(values: Mapping[str, str], name: str, default: int, allowed: range, problems: list[str]) -> int:
    text = values.get(name, "").strip() or str(default)
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) in allowed:  # noqa: PLR2004  # all it can be
        return int(text)
    problems.append(f"{name} must be a whole number of days from {allowed[0]} to {allowed[-1]}")
    return default


def _monitor_url(values: Mapping[str, str], problems: list[str]) -> str:
    url = values.get(MONITOR_URL, "").strip().rstrip("/")
    if url and not re.fullmatch(r"https?://[^\s\"'<>/]+(/[^\s\"'<>?#]*)?", url):
        problems.append(f"{MONITOR_URL} must be an address with the hub, such as https://dfm.example/OnePasswordEvents")
        return ""
    return url
