"""Dataclasses as plain dicts and back, for all that passes through orchestrations and entities.

Only JSON may pass there: the platform's own codec builds objects from whatever payload asks for it.
"""

from typing import Any

import msgspec


def to_wire(value: Any) -> dict[str, Any]:
    """Write a dataclass, and all within it, as plain JSON values."""
    wire: dict[str, Any] = msgspec.to_builtins(value, order="deterministic")
    return wire


def from_wire[T](cls: type[T], data: Any) -> T:
    """Read a dataclass; nothing at all is one with its defaults, and fields that it does not know are left out.

    Raises:
        msgspec.ValidationError: a value is missing or of another type; the message names its place.

    """
    return msgspec.convert(data or {}, cls)
