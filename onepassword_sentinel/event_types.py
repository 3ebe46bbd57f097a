"""The three kinds of events that 1Password reports, and the fields that each is known to have."""

from enum import StrEnum
from typing import Final


class EventType(StrEnum):
    """An event type: also the API's path segment, the token's feature and the rows' `log_source`."""

    SIGN_IN_ATTEMPTS = "signinattempts"
    ITEM_USAGES = "itemusages"
    AUDIT_EVENTS = "auditevents"


# Top-level keys of an item of Events API v2 (1Password Events API reference, spec 1.4.1). An event with another key
# is delivered like any other; the key is reported as schema drift, because the table has no column for it.
KNOWN_KEYS: Final[dict[EventType, frozenset[str]]] = {
    EventType.SIGN_IN_ATTEMPTS: frozenset(
        {
            "uuid",
            "session_uuid",
            "timestamp",
            "country",
            "category",
            "type",
            "details",
            "target_user",
            "client",
            "location",
            "account_uuid",
        },
    ),
    EventType.ITEM_USAGES: frozenset(
        {
            "uuid",
            "timestamp",
            "used_version",
            "vault_uuid",
            "item_uuid",
            "action",
            "user",
            "client",
            "location",
            "account_uuid",
        },
    ),
    EventType.AUDIT_EVENTS: frozenset(
        {
            "uuid",
            "timestamp",
            "actor_uuid",
            "actor_details",
            "actor_type",
            "actor_account_uuid",
            "account_uuid",
            "action",
            "object_type",
            "object_uuid",
            "object_details",
            "aux_id",
            "aux_uuid",
            "aux_details",
            "aux_info",
            "session",
            "location",
        },
    ),
}
