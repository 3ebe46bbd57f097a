"""Dataclasses as plain dicts and back, for all that passes through orchestrations and entities.

Only JSON may pass there: the platform's own codec builds objects from whatever payload asks for it.
"""

from threading import Lock
from typing import Any, Final

import msgspec

# The first time that msgspec (0.22) meets a class it takes it to pieces; two threads that do so at once end the process
# with a segmentation fault. The platform runs entities and orchestrators in threads, three streams at once.
_TAKING_TO_PIECES: Final = Lock()
_known: Final[set[type]] = set()


def to_wire(value: Any) -> dict[str, Any]:
    """Write a dataclass, and all within it, as plain JSON values."""
    wire: dict[str, Any] = msgspec.to_builtins(value, order="deterministic")
    return wire


def from_wire[T](cls: type[T], data: Any) -> T:
    """Read a dataclass; nothing at all is one with its defaults, and fields that it does not know are left out.

    Raises:
        msgspec.ValidationError: a value is missing or of another type; the message names its place.

    """
    if cls not in _known:
        with _TAKING_TO_PIECES:
            msgspec.convert(None, cls | None)
            _known.add(cls)
    return msgspec.convert(data or {}, cls)
