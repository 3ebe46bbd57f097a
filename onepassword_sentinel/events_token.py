"""An Events API bearer token: what it says of itself, and how it is kept out of sight.

The token is a JWT signed with ES256 by a key that nobody else knows, so it is read and never verified
(1Password's own clients do the same: events-api-splunk, events-api-elastic).
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Self

import msgspec

KEY_VAULT_PREFIX: Final = "@Microsoft.KeyVault("
# Tokens issued before regions existed name this audience in place of a host (events-api-splunk, jwt.go).
LEGACY_AUDIENCE: Final = "com.1password.streamingservice"
# Base64url and dots (RFC 7515, 3.1); an HTTP client would quote anything else in the error that it raises.
_TOKEN_CHARACTERS: Final = re.compile(r"[A-Za-z0-9_=.-]+")


class InvalidTokenError(ValueError):
    """The setting's value is not a usable token; the message says why and what to do, and never quotes it."""


@dataclass(frozen=True, slots=True)
class EventsToken:
    """A token and the claims that matter; its value shows in no `repr`."""

    value: str = field(repr=False)
    host: str | None
    expires: datetime | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a token as an operator pasted it.

        Raises:
            InvalidTokenError: it is a Key Vault reference that was not resolved, or not a whole JWT.

        """
        value = text.strip()
        if value.startswith(KEY_VAULT_PREFIX):
            raise InvalidTokenError(
                "is a Key Vault reference that Azure did not resolve: check the secret's name, the app identity's "
                "role Key Vault Secrets User and the vault's network rules",
            )
        if not _TOKEN_CHARACTERS.fullmatch(value):
            raise InvalidTokenError(
                "has characters in it that no token has, such as a line break or a quotation mark: paste it again",
            )
        claims = _claims(value)
        audience = claims.get("aud")
        first = audience[0] if isinstance(audience, list) and audience else audience
        host = first if isinstance(first, str) and first and first != LEGACY_AUDIENCE else None
        return cls(value, host, _expiry(claims))


def _expiry(claims: dict[str, Any]) -> datetime | None:
    """Read when the token expires; None where it does not say so, or names no time that there is."""
    expiry = claims.get("exp")
    try:
        return datetime.fromtimestamp(expiry, UTC) if isinstance(expiry, int | float) else None
    except (ValueError, OverflowError, OSError):
        return None


def _claims(value: str) -> dict[str, Any]:
    segments = value.split(".")
    if len(segments) != 3 or not all(segments):  # noqa: PLR2004  # header, payload, signature
        raise InvalidTokenError(
            "is not a whole Events API token (a JWT of three parts joined by dots): it was probably cut off when it "
            "was copied; paste it again",
        )
    payload = segments[1]
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, ValueError) as error:
        raise InvalidTokenError("is damaged: its middle part is not JSON; paste it again") from error
    if not isinstance(claims, dict):
        raise InvalidTokenError("is damaged: its middle part is not a JSON object; paste it again")
    return claims
