"""The blob container of dead letters: connected to when it is needed, and its errors in an operator's terms."""

import asyncio
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from azure.core.exceptions import AzureError, HttpResponseError

from onepassword_sentinel.dead_letters import CONTAINER
from onepassword_sentinel.errors import PermanentError, TransientError
from onepassword_sentinel.quotation import one_line
from onepassword_sentinel.storage_account import CONNECTION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from azure.core.credentials_async import AsyncTokenCredential
    from azure.storage.blob.aio import ContainerClient

    from onepassword_sentinel.storage_account import StorageAccount

# Seconds; the SDK's own defaults are longer than an activity may last.
_CONNECT_TIMEOUT: Final = 10
_READ_TIMEOUT: Final = 30
# All of one request, its body included. Every request can be repeated.
_REQUEST_TIMEOUT: Final = 60.0


class DeadLetterContainer:
    """The container in one storage account, which may not be known, or not have the container yet."""

    def __init__(
        self,
        account: "StorageAccount | None",
        credential: "Callable[[str], AsyncTokenCredential]",
        *,
        seconds: float = _REQUEST_TIMEOUT,
        **options: Any,
    ) -> None:
        """`credential` gives the identity with a client id, or the app's own for an empty one.

        A request is given up after so many `seconds`; the rest is the SDK's.
        """
        self._seconds = seconds
        self._account = account
        self._credential = credential
        self._options = options
        self._client: ContainerClient | None = None

    async def close(self) -> None:
        """End the connections."""
        if self._client is not None:
            await self._client.close()

    @asynccontextmanager
    async def asked(self, purpose: str) -> "AsyncIterator[ContainerClient]":
        """Give the container, and turn what the storage says into the error that says what to do.

        `purpose` begins the sentence where it would not be clear what the storage is needed for.
        """
        if self._account is None:
            raise PermanentError(f"{purpose} {CONNECTION} names no storage account")
        if self._client is None:
            self._client = self._connect(self._account, purpose)
        where = f"{CONTAINER} at {self._client.primary_hostname}"
        try:
            async with asyncio.timeout(self._seconds):
                yield self._client
        except TimeoutError as error:
            raise TransientError(f"{purpose} {where} did not answer within {self._seconds:.0f} s") from error
        except HttpResponseError as error:
            status = error.status_code
            if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                raise PermanentError(
                    f"dead-letter storage answered {status}: give the app's identity the role Storage Blob Data Owner "
                    f"on the account of {where} (a new role can take half an hour to spread)",
                ) from error
            if status is None:
                raise TransientError(
                    f"the app's identity got no token for dead-letter storage ({one_line(error.message)})"
                ) from error
            raise TransientError(f"dead-letter storage answered {status}: {where}") from error
        except AzureError as error:
            raise TransientError(f"{purpose} {where} cannot be reached ({one_line(error.message)})") from error

    def _connect(self, account: "StorageAccount", purpose: str) -> "ContainerClient":
        # Imported when needed: it would make every cold start slower for what hardly ever happens.
        from azure.storage.blob.aio import ContainerClient  # noqa: PLC0415

        options = {
            # Retries are the orchestration's, as everywhere.
            "retry_total": 0,
            "connection_timeout": _CONNECT_TIMEOUT,
            "read_timeout": _READ_TIMEOUT,
            **self._options,
        }
        if not account.connection_string:
            return ContainerClient(account.url, CONTAINER, credential=self._credential(account.client_id), **options)
        try:
            return ContainerClient.from_connection_string(account.connection_string, CONTAINER, **options)
        except ValueError as error:
            raise PermanentError(f"{purpose} {CONNECTION} is no connection string") from error
