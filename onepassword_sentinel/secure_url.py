"""Addresses that a token or events may be sent to."""

from typing import Final
from urllib.parse import SplitResult, urlsplit

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def is_secure_url(url: str, *, loopback: bool = False) -> bool:
    """Tell whether a text is an https:// address without path; or, with `loopback`, plain http to this very machine."""
    parts = split_url(url)
    if parts is None or parts.path or parts.query or parts.fragment or parts.username:
        return False
    return parts.scheme == "https" or (loopback and parts.scheme == "http" and parts.hostname in _LOOPBACK)


def split_url(url: str) -> SplitResult | None:
    """Take an address apart; None where it is none."""
    # What cannot be printed is left out silently when an address is taken apart, and not when it is asked for.
    if " " in url or not url.isprintable():
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.hostname else None
