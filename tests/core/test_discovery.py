"""Streams come from introspection, and one account's trouble stays its own."""

from dataclasses import replace

from onepassword_sentinel.discovery import Introspection, Stream, discover
from onepassword_sentinel.errors import ConnectorError, TransientError
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.settings import Account
from onepassword_sentinel.wire import from_wire, to_wire


class Told:
    """Answers an introspection, or fails it."""

    def __init__(self, *event_types: EventType, error: ConnectorError | None = None) -> None:
        self.event_types = event_types
        self.error = error

    async def introspect(self) -> Introspection:
        if self.error:
            raise self.error
        return Introspection("ACC", self.event_types)


async def test_granted_event_types_become_streams(account: Account) -> None:
    """A token without item usages simply has two streams; the third is named once as not granted."""
    found = await discover(account, Told(EventType.SIGN_IN_ATTEMPTS, EventType.AUDIT_EVENTS))
    assert [stream.key for stream in found.streams] == ["ACC-signinattempts", "ACC-auditevents"]
    assert found.not_granted == (EventType.ITEM_USAGES,)
    assert found.failure is None


async def test_a_token_that_covers_nothing_is_a_permanent_failure(account: Account) -> None:
    """It would be polled for ever without a single event."""
    found = await discover(account, Told())
    assert found.failure is not None
    assert found.failure.kind == "permanent"
    assert "the token in ONEPASSWORD_TOKEN covers no event type" in found.failure.message


async def test_a_failing_account_is_data(account: Account) -> None:
    """Other accounts go on."""
    found = await discover(account, Told(error=TransientError("no")))
    assert (found.streams, found.failure and found.failure.message) == ((), "introspection: no")


async def test_streams_of_a_named_account_are_told_apart(account: Account) -> None:
    """Labels go into child instance ids and messages, keys into entity ids."""
    (stream, *_) = (await discover(replace(account, name="ACME"), Told(*EventType))).streams
    assert (stream.label, stream.key) == ("acme-signinattempts", "ACC-signinattempts")
    assert from_wire(Stream, to_wire(stream)) == stream
