"""A simulator of the 1Password Events API, version 2 (https://developer.1password.com/docs/events-api)."""

from local.fault_script import ALWAYS
from local.onepassword.events import EVENT_TYPES
from local.onepassword.exchange import Exchange
from local.onepassword.faults import (
    Body,
    CutBody,
    Drip,
    DropConnection,
    EmptyPages,
    Fault,
    Faults,
    Hold,
    Overlap,
    RepeatCursor,
    Rewrite,
    Stall,
    Status,
)
from local.onepassword.log import BACKLOG_DAYS
from local.onepassword.server import OnePasswordSimulator
from local.onepassword.tokens import LEGACY_AUDIENCE, truncated

__all__ = [
    "ALWAYS",
    "BACKLOG_DAYS",
    "EVENT_TYPES",
    "LEGACY_AUDIENCE",
    "Body",
    "CutBody",
    "Drip",
    "DropConnection",
    "EmptyPages",
    "Exchange",
    "Fault",
    "Faults",
    "Hold",
    "OnePasswordSimulator",
    "Overlap",
    "RepeatCursor",
    "Rewrite",
    "Stall",
    "Status",
    "truncated",
]
