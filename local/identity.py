"""The managed identity endpoint that App Service and Azure Functions give to an app, simulated on loopback.

Source: Microsoft Learn, "How to use managed identities for App Service and Azure Functions", REST endpoint
reference: ``GET {IDENTITY_ENDPOINT}?resource=...&api-version=2019-08-01`` with the header ``X-IDENTITY-HEADER``.
"""

import hmac
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import jwt
from aiohttp import web

API_VERSION = "2019-08-01"
MONITOR = "https://monitor.azure.com"
STORAGE = "https://storage.azure.com"
# How Microsoft Entra names the tenant that issued a token (Microsoft Learn, "Access token claims reference").
_ISSUER = "https://sts.windows.net/00000000-0000-0000-0000-000000000000/"


class ManagedIdentitySimulator:
    """Gives bearer tokens for a few audiences to whoever knows the header's value.

    A token is a JWT, signed with a key that nobody else has: Azurite reads the claims and does not check the
    signature, and ``accepts`` knows a token by having given it.
    ``requests`` counts every request, refused ones too. Plain HTTP on 127.0.0.1, as in Azure.
    """

    def __init__(self, *, audiences: Sequence[str] = (MONITOR, STORAGE), lifetime_seconds: int = 86_400) -> None:
        """``audiences``: the only resources that tokens are given for, without a slash at the end."""
        self._audiences = tuple(audiences)
        self._lifetime_seconds = lifetime_seconds
        self._header = secrets.token_hex(16)
        self._key = secrets.token_bytes(32)
        self._expiries: dict[str, float] = {}
        self._port = 0
        self._runner: web.AppRunner | None = None
        self._url = ""
        self.requests = 0

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; port 0 takes a free one."""
        app = web.Application()
        app.router.add_get("/msi/token", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self._port = self._runner.addresses[0][1]
        self._url = f"http://127.0.0.1:{self._port}/msi/token"

    async def stop(self) -> None:
        """Close every connection. May be called twice."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @asynccontextmanager
    async def unreachable(self) -> AsyncIterator[None]:
        """Refuse connections for a while; afterwards listen on the same port again. Tokens stay good."""
        await self.stop()
        try:
            yield
        finally:
            await self.start(self._port)

    def settings(self) -> dict[str, str]:
        """The environment variables by which ``azure-identity`` finds this endpoint."""
        return {"IDENTITY_ENDPOINT": self._url, "IDENTITY_HEADER": self._header}

    def accepts(self, token: str) -> bool:
        """Whether ``token`` came from here, is for Azure Monitor and has not expired."""
        return self._expiries.get(token, 0.0) > time.time()

    async def _answer(self, request: web.Request) -> web.Response:
        self.requests += 1
        if not hmac.compare_digest(request.headers.get("X-IDENTITY-HEADER", "").encode(), self._header.encode()):
            return _refusal(401, "The X-IDENTITY-HEADER is missing or wrong.")
        if request.query.get("api-version") != API_VERSION:
            return _refusal(400, f"The api-version must be {API_VERSION}.")
        resource = request.query.get("resource", "")
        # The Logs Ingestion SDK's default scope is "https://monitor.azure.com//.default": with a slash to spare.
        audience = resource.rstrip("/")
        if audience not in self._audiences:
            return _refusal(400, f"The resource {resource!r} is none of {', '.join(self._audiences)}.")
        expires = int(time.time()) + self._lifetime_seconds
        token = self._issue(audience, expires)
        if audience == MONITOR:
            self._expiries[token] = expires
        answer = {
            "access_token": token,
            "expires_on": str(expires),
            "resource": resource,
            "token_type": "Bearer",
        }
        if client_id := request.query.get("client_id"):
            answer["client_id"] = client_id
        return web.json_response(answer)

    def _issue(self, audience: str, expires: int) -> str:
        issued = int(time.time())
        # These are what Azurite 3.36 asks for (its BlobTokenAuthenticator), and an id, so that no two are the same.
        claims = {"aud": audience, "iss": _ISSUER, "iat": issued, "nbf": issued, "exp": expires}
        return jwt.encode({**claims, "uti": secrets.token_urlsafe(16)}, self._key, algorithm="HS256")


def _refusal(status: int, message: str) -> web.Response:
    return web.json_response({"statusCode": status, "message": message}, status=status)
