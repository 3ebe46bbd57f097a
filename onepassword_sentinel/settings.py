"""App settings: few, typed, and all problems reported at once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Self

from onepassword_sentinel.destination import Destination
from onepassword_sentinel.errors import SettingsError
from onepassword_sentinel.events_token import EventsToken, InvalidTokenError
from onepassword_sentinel.schedule import poll_schedule
from onepassword_sentinel.secure_url import is_secure_url
from onepassword_sentinel.storage_account import StorageAccount

TOKEN: Final = "ONEPASSWORD_TOKEN"  # noqa: S105  # a setting's name
EVENTS_URL: Final = "ONEPASSWORD_EVENTS_URL"
LOOKBACK: Final = "FIRST_RUN_LOOKBACK_DAYS"
RETENTION: Final = "HISTORY_RETENTION_DAYS"
MONITOR_URL: Final = "MONITOR_URL"

DEFAULT_LOOKBACK_DAYS: Final = 7
# 1Password keeps this much history (Events API introduction).
HISTORY_DAYS: Final = 120
DEFAULT_RETENTION_DAYS: Final = 30
MOST_RETENTION_DAYS: Final = 3650


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
    """What an operator configured, as far as polls go by it.

    Attributes:
        accounts: those that can be polled.
        destination: where rows go.
        storage: where dead letters go; None: nowhere.
        lookback_days: how long ago a stream without a cursor begins; None: nobody knows, so none begins.
        unusable: why an account cannot be polled, by its name.
        problems: what is wrong with settings that do not keep accounts from being polled.

    """

    accounts: tuple[Account, ...]
    destination: Destination
    storage: StorageAccount | None = None
    lookback_days: int | None = DEFAULT_LOOKBACK_DAYS
    unusable: Mapping[str, SettingsError] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @classmethod
    def parse(cls, values: Mapping[str, str], *, now: datetime) -> Self:
        """Read the settings, also those that only others go by, for what is wrong with them.

        Raises:
            SettingsError: nothing can be done with them: delivery or no account at all is configured.

        """
        vital: list[str] = []
        destination = Destination.parse(values, vital)
        storage = StorageAccount.parse(values, vital)
        problems: list[str] = []
        lookback = lookback_days(values, problems)
        poll_schedule(values, problems)
        retention_days(values, problems)
        monitor_url(values, problems)
        accounts: list[Account] = []
        unusable: dict[str, SettingsError] = {}
        names = _account_names(values)
        for name in names:
            try:
                accounts.append(_account(values, name, now))
            except ValueError as error:
                unusable[name] = SettingsError([str(error)])
        if not names:
            vital.append(f"{TOKEN} is missing: give it the Events API bearer token of your 1Password account")
        if vital:
            of_accounts = [problem for error in unusable.values() for problem in error.problems]
            raise SettingsError([*vital, *of_accounts, *problems])
        return cls(tuple(accounts), destination, storage, lookback, unusable, tuple(problems))

    @property
    def errors(self) -> tuple[SettingsError, ...]:
        """Everything that is wrong: of each account, and of the rest together."""
        return (*self.unusable.values(), *([SettingsError(self.problems)] if self.problems else ()))

    def account(self, name: str) -> Account:
        """Find an account by its name.

        Raises:
            SettingsError: it cannot be polled, or is not configured any more.

        """
        for account in self.accounts:
            if account.name == name:
                return account
        if name in self.unusable:
            raise self.unusable[name]
        raise SettingsError([f"{_suffixed(TOKEN, name)} is missing, but a run needs it"])


def lookback_days(values: Mapping[str, str], problems: list[str]) -> int | None:
    """Read how long ago a stream without a cursor begins; None where the setting is wrong.

    There is no other value to take instead: a stream that has begun somewhere never asks for what is older.
    """
    return _days(
        values,
        LOOKBACK,
        DEFAULT_LOOKBACK_DAYS,
        range(HISTORY_DAYS + 1),
        problems,
        meanwhile="a stream that has no cursor yet does not begin",
    )


def retention_days(values: Mapping[str, str], problems: list[str]) -> int:
    """Read for how long the history of runs is kept; the default where the setting is wrong."""
    days = _days(
        values,
        RETENTION,
        DEFAULT_RETENTION_DAYS,
        range(1, MOST_RETENTION_DAYS + 1),
        problems,
        meanwhile=f"it is {DEFAULT_RETENTION_DAYS}",
    )
    return DEFAULT_RETENTION_DAYS if days is None else days


def monitor_url(values: Mapping[str, str], problems: list[str]) -> str:
    """Read where Durable Functions Monitor shows this app's hub; empty where that is not known."""
    url = values.get(MONITOR_URL, "").strip().rstrip("/")
    if url and not re.fullmatch(r"https?://[^\s\"'<>/]+(/[^\s\"'<>?#]*)?", url):
        problems.append(f"{MONITOR_URL} must be an address with the hub, such as https://dfm.example/OnePasswordEvents")
        return ""
    return url


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
        if not is_secure_url(url, loopback=True):
            raise ValueError(
                f"{url_setting} must be an https:// address without path, such as https://events.1password.com"
            )
    elif token.host:
        url = f"https://{token.host}"
        if not is_secure_url(url, loopback=True):
            raise ValueError(
                f"{setting} names a host that is none: set {url_setting}, such as https://events.1password.com"
            )
    else:
        raise ValueError(f"{setting} names no host: set {url_setting}, such as https://events.1password.com")
    return Account(name, token, url)


def _days(
    values: Mapping[str, str], name: str, default: int, allowed: range, problems: list[str], *, meanwhile: str
) -> int | None:
    text = values.get(name, "").strip() or str(default)
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) in allowed:  # noqa: PLR2004  # all it can be
        return int(text)
    problems.append(
        f"{name} must be a whole number of days from {allowed[0]} to {allowed[-1]}; until it is, {meanwhile}"
    )
    return None
