"""Delivery to Azure Monitor: the Logs Ingestion API.

Source throughout: Azure Monitor, Logs Ingestion API overview and its troubleshooting section, service limits.
"""

import io
import logging
import time
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, ServiceRequestError
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy, CustomHookPolicy
from azure.core.pipeline.transport import AioHttpTransport
from azure.monitor.ingestion.aio import LogsIngestionClient

from onepassword_sentinel.errors import PermanentError, RowsRefusedError, ThrottledError, TransientError
from onepassword_sentinel.quotation import one_line, quoted
from onepassword_sentinel.retry_after import retry_after_seconds
from onepassword_sentinel.time_limits import UPLOAD_LIMIT, running_time_limit

# Seconds; the SDK's own default is five minutes.
_CONNECT_TIMEOUT: Final = 10
# Seconds before it expires that a new token is asked for; the SDK's own margin is a little less.
_TOKEN_MARGIN: Final = 300
_LOG: Final = logging.getLogger(__name__)

_ADVICE: Final[dict[int, str]] = {
    HTTPStatus.UNAUTHORIZED: "the identity's token was refused: check LOGS_INGESTION_SCOPE for this cloud",
    HTTPStatus.FORBIDDEN: "give the app's identity the role Monitoring Metrics Publisher on the data collection rule "
    "(a new role can take half an hour to spread)",
    HTTPStatus.NOT_FOUND: "no such rule or stream: compare LOGS_INGESTION_ENDPOINT and LOGS_INGESTION_RULE_ID with "
    "the data collection rule (a new rule can take a few minutes to answer)",
}
# Statuses that are about the body: a part of it may be accepted.
_REFUSALS: Final[dict[int, str]] = {
    HTTPStatus.BAD_REQUEST: "the body was refused; is the data collection rule the one of this version?",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body was too large; a gateway in between may take less than Azure",
}


class LogIngestion:
    """One data collection rule, reached with one identity over a session that is shared and stays open."""

    def __init__(
        self,
        endpoint: str,
        rule_id: str,
        scope: str,
        credential: AsyncTokenCredential,
        session: aiohttp.ClientSession,
        *,
        upload_limit: float = UPLOAD_LIMIT,
    ) -> None:
        """`upload_limit`: for how many seconds an upload may last, the identity's token included."""
        self._endpoint = endpoint
        self._rule_id = rule_id
        self._scope = scope
        self._credential = credential
        self._upload_limit = upload_limit
        self._not_before = 0.0
        self._signed_in_until = 0.0
        self._client = LogsIngestionClient(
            endpoint,
            credential,
            # Without the SDK's own session, and without what its other policies do for nobody here, a request costs
            # 0.5 ms instead of 0.95. Among them is the one that retries: a second try down here would hide from the
            # orchestration, whose retries are, what the first one met.
            policies=[AsyncBearerTokenCredentialPolicy(credential, scope), CustomHookPolicy()],
            # No read time-out: aiohttp's timer would beat an answer that arrived while the process was stopped.
            transport=AioHttpTransport(
                session=session, session_owner=False, connection_timeout=_CONNECT_TIMEOUT, read_timeout=None
            ),
        )

    async def upload(self, stream: str, body: bytes) -> None:
        """Send one gzip-compressed JSON array of rows; returning means that the endpoint acknowledged all of it.

        Raises:
            PermanentError: the rule, its role or a setting is wrong.
            RowsRefusedError: at least one of the rows is, or they are too many for one request.
            TransientError: no acknowledgement, for whatever passing reason. The rows may be stored if the answer is
                late or the connection broke.
            ThrottledError: the rule's limits are reached.

        """
        if (left := self._not_before - time.monotonic()) > 0:
            raise ThrottledError("Azure has asked this data collection rule to pause", retry_after=left)
        try:
            await running_time_limit(self._send(stream, body), self._upload_limit)
        except TimeoutError as error:
            late = f"no acknowledgement from {self._endpoint} within {self._upload_limit:.0f} s"
            raise TransientError(late) from error

    async def _send(self, stream: str, body: bytes) -> None:
        await self._sign_in()
        try:
            # A stream, because the SDK takes bytes for a list of integers; it finds out by itself that it is gzip.
            await self._client.upload(self._rule_id, stream, io.BytesIO(body), raw_response_hook=_look_at)
        except ThrottledError as error:
            self._not_before = time.monotonic() + error.retry_after
            raise
        except ServiceRequestError as error:
            why = one_line(error.message)
            raise TransientError(f"no answer from Logs Ingestion at {self._endpoint} ({why})") from error
        except AzureError as error:
            raise TransientError(f"Logs Ingestion did not acknowledge a chunk ({one_line(error.message)})") from error

    async def _sign_in(self) -> None:
        """Get the identity's token ahead of the request, so that a failure here is not taken for the endpoint's."""
        if self._signed_in_until > time.time():
            return
        try:
            token = await self._credential.get_token(self._scope)
            self._signed_in_until = token.expires_on - _TOKEN_MARGIN
        except ClientAuthenticationError as error:
            # The library's own account of what it tried is long and good: the log is the place for it.
            _LOG.warning("no token for %s: %s", self._scope, error.message)
            raise TransientError(
                "the app's identity got no token for Logs Ingestion: assign the identity to the app and set "
                "AZURE_CLIENT_ID to its client id (on a machine of your own: az login)",
            ) from error
        except AzureError as error:
            raise TransientError(f"the identity endpoint did not answer ({one_line(error.message)})") from error


def _look_at(answer: PipelineResponse[Any, Any]) -> None:
    """Look at an answer before the SDK does: it fails on a body that is not JSON, and the status is lost."""
    response = answer.http_response
    status = response.status_code
    if status == HTTPStatus.NO_CONTENT:
        return
    said = f"Logs Ingestion answered {status} {quoted(response.content)}".rstrip()
    wait = response.headers.get("Retry-After")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        said = f"{said}: the data collection rule's limits are reached"
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.SERVICE_UNAVAILABLE and wait):
        raise ThrottledError(said, retry_after=retry_after_seconds(wait))
    if status in _REFUSALS:
        raise RowsRefusedError(f"{said}: {_REFUSALS[status]}", status=status)
    if status in _ADVICE:
        raise PermanentError(f"{said}: {_ADVICE[status]}")
    raise TransientError(said)
