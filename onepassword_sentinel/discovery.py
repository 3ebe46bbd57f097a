"""Which streams there are: the accounts of the settings times the event types that their tokens may read."""

from dataclasses import dataclass
from typing import Protocol

from onepassword_sentinel.errors import ConnectorError, Failure
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.settings import Account


@dataclass(frozen=True, slots=True)
class Introspection:
    """What 1Password says about a token; `account_key` names the account and survives a rotated token."""

    account_key: str
    event_types: tuple[EventType, ...]


class Introspector(Protocol):
    """What can tell about an account's token."""

    async def introspect(self) -> Introspection:
        """Ask 1Password about the token."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One account's events of one type; `key` names its cursor and survives a rotated token."""

    account: str
    account_key: str
    event_type: EventType

    @property
    def key(self) -> str:
        """The cursor entity's key."""
        return f"{self.account_key}-{self.event_type}"

    @property
    def label(self) -> str:
        """What messages and child instance ids call it, so that one leads to the other."""
        return f"{self.account.lower()}-{self.event_type}" if self.account else str(self.event_type)


@dataclass(frozen=True, slots=True)
class Discovery:
    """One account's streams, or why there are none; `not_granted` are event types that the token leaves out."""

    account: Account
    streams: tuple[Stream, ...] = ()
    not_granted: tuple[EventType, ...] = ()
    failure: Failure | None = None


async def discover(account: Account, api: Introspector) -> Discovery:
    """Ask 1Password about an account's token; a failure is part of the answer, so that other accounts go on."""
    try:
        found = await api.introspect()
    except ConnectorError as error:
        return Discovery(account, failure=Failure.of(error, who=account.label("introspection")))
    streams = tuple(Stream(account.name, found.account_key, event_type) for event_type in found.event_types)
    missing = tuple(event_type for event_type in EventType if event_type not in found.event_types)
    if not streams:
        message = (
            f"the token in {account.token_setting} covers no event type: issue one that covers {', '.join(missing)}"
        )
        return Discovery(account, not_granted=missing, failure=Failure("permanent", message))
    return Discovery(account, streams, missing)
