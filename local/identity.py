"""The managed identity endpoint that App Service and Azure Functions give to an app, simulated on loopback.

Source: Microsoft Learn, "How to use managed identities for App Service and Azure Functions", REST endpoint
reference: ``GET {IDENTITY_ENDPOINT}?resource=...&api-version=2019-08-01`` with the header ``X-IDENTITY-HEADER``.
"""

import hmac
import secrets
import time

from aiohttp import web

API_VERSION = "2019-08-01"


class ManagedIdentitySimulator:
    """Gives bearer tokens for one audience to whoever knows the header's value.

    ``requests`` counts every request, refused ones too. Plain HTTP on 127.0.0.1, as in Azure.
    """

    def __init__(self, *, audience: str = "https://monitor.azure.com", lifetime_seconds: int = 86_400) -> None:
        """``audience``: the only resource that tokens are given for."""
        self._audience = audience.rstrip("/")
        self._lifetime_seconds = lifetime_seconds
        self._header = secrets.token_hex(16)
        self._expiries: dict[str, float] = {}
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
        self._url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/msi/token"

    async def stop(self) -> None:
        """Close every connection. May be called twice."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def settings(self) -> dict[str, str]:
        """The environment variables by which ``azure-identity`` finds this endpoint."""
        return {"IDENTITY_ENDPOINT": self._url, "IDENTITY_HEADER": self._header}

    def accepts(self, token: str) -> bool:
        """Whether ``token`` came from here and has not expired."""
        return self._expiries.get(token, 0.0) > time.time()

    async def _answer(self, request: web.Request) -> web.Response:
        self.requests += 1
        if not hmac.compare_digest(request.headers.get("X-IDENTITY-HEADER", "").encode(), self._header.encode()):
            return _refusal(401, "The X-IDENTITY-HEADER is missing or wrong.")
        if request.query.get("api-version") != API_VERSION:
            return _refusal(400, f"The api-version must be {API_VERSION}.")
        resource = request.query.get("resource", "")
        # The Logs Ingestion SDK's default scope is "https://monitor.azure.com//.default": with a slash to spare.
        if resource.rstrip("/") != self._audience:
            return _refusal(400, f"The resource {resource!r} is not {self._audience}.")
        token, expires = secrets.token_urlsafe(48), time.time() + self._lifetime_seconds
        self._expiries[token] = expires
        answer = {
            "access_token": token,
            "expires_on": str(int(expires)),
            "resource": resource,
            "token_type": "Bearer",
        }
        if client_id := request.query.get("client_id"):
            answer["client_id"] = client_id
        return web.json_response(answer)


def _refusal(status: int, message: str) -> web.Response:
    return web.json_response({"statusCode": status, "message": message}, status=status)
