"""A remote's own words in a message: one line, not too long, and without a secret that it may have echoed."""

import re
from typing import Final

from onepassword_sentinel.sentences import shortened

_LENGTH: Final = 160
_BEARER: Final = re.compile(r"Bearer\s+[^\s\"'<,;]+", re.IGNORECASE)

# How aiohttp says which TLS settings a connection was to have.
_TLS_OBJECT: Final = re.compile(r" ssl:(?:<[^>]*>|\w+)")


def quoted(body: bytes, *, secret: str = "") -> str:
    """Quote a response body; empty if there is none."""
    text = body.decode(errors="replace")
    line = one_line(text.replace(secret, "[token]") if secret else text)
    return f"“{line}”" if line else ""


def one_line(text: str, most: int = _LENGTH) -> str:
    """Make a text fit into a sentence. Bearer tokens go before it is cut: half a token is a secret too."""
    line = " ".join(_TLS_OBJECT.sub("", _BEARER.sub("Bearer [token]", text)).split())
    return shortened(line, most)
