"""Dead letters in Azure Blob Storage, one blob each: the event's bytes as its content, all else as its metadata."""

from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError

from onepassword_sentinel.dead_letters import CONTAINER, DeadLetter
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


class DeadLetterStorage:
    """The container of one storage account. It is made when the first dead letter needs it."""

    def __init__(
        self, account: "StorageAccount | None", credential: "Callable[[str], AsyncTokenCredential]", **options: Any
    ) -> None:
        """`credential` gives the identity with a client id, or the app's own for an empty one."""
        self._account = account
        self._credential = credential
        self._options = options
        self._container: ContainerClient | None = None

    async def keep(self, letter: DeadLetter) -> None:
        """Store one; one that is there already is written anew.

        Raises:
            PermanentError: the app names no storage account, or its identity may not write there.
            TransientError: it is not known to be stored.

        """
        async with self._asked() as container:
            try:
                await self._upload(container, letter)
            except ResourceNotFoundError:
                with suppress(ResourceExistsError):  # somebody else may have made it in between
                    await container.create_container()
                await self._upload(container, letter)

    async def discard(self, letter: DeadLetter) -> None:
        """Take one back; one that is not there is no error.

        Raises:
            PermanentError, TransientError: as `keep`.

        """
        async with self._asked() as container:
            try:
                await container.delete_blob(letter.name)
            except ResourceNotFoundError:
                return

    async def close(self) -> None:
        """End the connections."""
        if self._container is not None:
            await self._container.close()

    @staticmethod
    async def _upload(container: "ContainerClient", letter: DeadLetter) -> None:
        await container.upload_blob(letter.name, letter.event, overwrite=True, metadata=letter.metadata)

    @asynccontextmanager
    async def _asked(self) -> "AsyncIterator[ContainerClient]":
        """Give the container and turn what the storage says into the error that says what to do."""
        if self._account is None:
            raise PermanentError(f"an event has to be kept as a dead letter, and {CONNECTION} names no storage account")
        if self._container is None:
            self._container = self._connect(self._account)
        where = f"{CONTAINER} at {self._container.primary_hostname}"
        try:
            yield self._container
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
            raise TransientError(
                f"an event has to be kept as a dead letter, and {where} cannot be reached ({one_line(error.message)})",
            ) from error

    def _connect(self, account: "StorageAccount") -> "ContainerClient":
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
            raise PermanentError(
                f"an event has to be kept as a dead letter, and {CONNECTION} is no connection string",
            ) from error
