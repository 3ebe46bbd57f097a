"""Poll requests and the opaque cursors that continue them."""

import base64
import binascii
from dataclasses import dataclass
from struct import Struct
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from msgspec import UNSET, Meta, UnsetType

from local.onepassword.log import FOREVER, Window
from local.onepassword.timestamps import HOUR, parse_rfc3339

DEFAULT_LIMIT: Final = 100  # 1Password docs, events-api/pagination: 1 to 1000, default 100
_PAYLOAD: Final = Struct("<qqHQQ")
_PADDED: Final = 128  # sealed and in base64: about the 200 characters that 1Password's own clients reckon with


class RejectedPollError(ValueError):
    """A poll request that the API answers with 400."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a client stands in a stream; all that a reset cursor fixed travels inside it."""

    window: Window
    limit: int
    position: int = 0  # in the order of arrival
    page: int = 0  # pages given so far


class CursorSeal:
    """Turns cursors into opaque text and back, with a key that only this server has.

    Deterministic on purpose: while nothing is new, the very same cursor comes back
    (https://github.com/elastic/integrations/issues/5471). ``padding`` bytes are added to what is given; what comes
    back may have any number of them.
    """

    def __init__(self) -> None:
        self.padding = 0
        self._cipher = AESSIV(AESSIV.generate_key(256))

    def seal(self, event_type: str, cursor: Cursor) -> str:
        """The text that a client keeps; about 200 characters of base64."""
        window = cursor.window
        payload = _PAYLOAD.pack(window.start, window.end, cursor.limit, cursor.position, cursor.page)
        sealed = self._cipher.encrypt(payload.ljust(_PADDED, b"\0"), [event_type.encode()])
        return base64.b64encode(sealed).decode() + "~" * self.padding

    def open(self, event_type: str, text: str) -> Cursor:
        """The cursor in the text; ``RejectedPollError`` if it is malformed, or from elsewhere."""
        try:
            sealed = base64.b64decode(text.rstrip("~"), validate=True)
            payload = self._cipher.decrypt(sealed, [event_type.encode()])
        except (binascii.Error, InvalidTag, ValueError) as error:
            raise RejectedPollError("not a cursor of this stream") from error
        start, end, limit, position, page = _PAYLOAD.unpack_from(payload)
        return Cursor(Window(start, end), limit, position, page)


class _Poll(msgspec.Struct, forbid_unknown_fields=True):
    cursor: str | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=1000)] | UnsetType = UNSET
    start_time: str | UnsetType = UNSET
    end_time: str | UnsetType = UNSET


def read_poll(seal: CursorSeal, event_type: str, body: bytes, now: int) -> tuple[Cursor, bool]:
    """The cursor that a request's body means, and whether it is a reset cursor.

    A body is either ``{"cursor"}`` or any of ``{"limit","start_time","end_time"}``; without a start the last hour
    before the end is meant (1Password docs, events-api/pagination). ``RejectedPollError`` for anything else.
    A start behind the end is rejected too, which 1Password does not document: no client means it.
    """
    try:
        poll = msgspec.json.decode(body, type=_Poll)
        if not isinstance(poll.cursor, UnsetType):
            if (poll.limit, poll.start_time, poll.end_time) != (UNSET, UNSET, UNSET):
                raise RejectedPollError("a cursor excludes limit, start_time and end_time")
            return seal.open(event_type, poll.cursor), False
        end = FOREVER if isinstance(poll.end_time, UnsetType) else parse_rfc3339(poll.end_time)
        latest_start = min(now, end)
        start = latest_start - HOUR if isinstance(poll.start_time, UnsetType) else parse_rfc3339(poll.start_time)
    except (msgspec.DecodeError, ValueError) as error:
        raise RejectedPollError(str(error)) from error
    if start > end:
        raise RejectedPollError("start_time is behind end_time")
    limit = DEFAULT_LIMIT if isinstance(poll.limit, UnsetType) else poll.limit
    return Cursor(Window(start, end), limit), True
