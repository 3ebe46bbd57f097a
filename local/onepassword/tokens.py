"""Bearer tokens of an Events Reporting integration: ES256 JWTs, as 1Password issues them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

# Tokens from before the audience named the host (1Password/events-api-splunk, utils/jwt.go).
LEGACY_AUDIENCE: Final = "com.1password.streamingservice"
FEATURES_CLAIM: Final = "1password.com/fts"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows, and until when; ``expires`` is None for a token without an end."""

    features: tuple[str, ...]
    issued: datetime
    expires: datetime | None


def truncated(token: str) -> str:
    """The token as it looks after a copy that missed its end: no signature, and half of its claims."""
    header, claims, _ = token.split(".")
    return f"{header}.{claims[: len(claims) // 2]}"


class TokenIssuer:
    """Issues tokens, and knows those that it issued; only digests of them are kept."""

    def __init__(self, integration_uuid: str) -> None:
        self._integration_uuid = integration_uuid
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._grants: dict[bytes, Grant] = {}

    def issue(self, audience: str, features: Sequence[str], issued: datetime, expires: datetime | None) -> str:
        """A signed token. The audience is an events host without a scheme; features are fixed at issue."""
        claims: dict[str, object] = {
            "aud": [audience],
            "sub": self._integration_uuid,
            "iat": int(issued.timestamp()),
            "jti": f"{len(self._grants):08x}",
            FEATURES_CLAIM: list(features),
        }
        if expires is not None:
            claims["exp"] = int(expires.timestamp())
        token = jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self._integration_uuid})
        self._grants[_digest(token)] = Grant(tuple(features), issued, expires)
        return token

    def revoke(self, token: str) -> None:
        """Forget a token; ``KeyError`` if it is none of this issuer's."""
        del self._grants[_digest(token)]

    def grant(self, authorization: str | None, now: datetime) -> Grant | None:
        """What an Authorization header allows now; None if it allows nothing."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        grant = self._grants.get(_digest(token.strip()))
        if grant is None or (grant.expires is not None and grant.expires <= now):
            return None
        return grant


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
