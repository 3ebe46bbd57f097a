"""Dead letters in Azure Blob Storage, one blob each: the event's bytes as its content, all else as its metadata."""

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from onepassword_sentinel.dead_letter_container import DeadLetterContainer
from onepassword_sentinel.kept_letters import KeptLetter, Listing, key_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.core.credentials_async import AsyncTokenCredential
    from azure.storage.blob.aio import ContainerClient

    from onepassword_sentinel.dead_letters import DeadLetter
    from onepassword_sentinel.storage_account import StorageAccount

# As many names as the service gives in one answer (Blob Storage, List Blobs).
MOST_COUNTED: Final = 5_000

_KEEPING: Final = "an event has to be kept as a dead letter, and"
_READING: Final = "dead letters cannot be read:"
_CHANGING: Final = "a dead letter cannot be deleted or relabelled:"


class DeadLetterStorage:
    """The dead letters of one storage account. Their container is made when the first one needs it.

    Each method may raise a `PermanentError`: the app names no storage account, or its identity has no role there; or a
    `TransientError`: no answer, or one that may pass.
    """

    def __init__(
        self, account: "StorageAccount | None", credential: "Callable[[str], AsyncTokenCredential]", **options: Any
    ) -> None:
        """`credential` gives the identity with a client id, or the app's own for an empty one."""
        self._container = DeadLetterContainer(account, credential, **options)

    async def keep(self, letter: "DeadLetter") -> None:
        """Store one, or write it anew; after an error it is not known to be stored."""
        async with self._container.asked(_KEEPING) as container:
            try:
                await self._upload(container, letter)
            except ResourceNotFoundError:
                with suppress(ResourceExistsError):  # somebody else may have made it in between
                    await container.create_container()
                await self._upload(container, letter)

    async def discard(self, letter: "DeadLetter") -> None:
        """Take one back; one that is not there is no error."""
        await self.delete(letter.name)

    async def listing(self, limit: int, marker: str = "") -> Listing:
        """List up to `limit` (5,000 at most), from a marker on, without their events."""
        async with self._container.asked(_READING) as container:
            pages: Any = container.list_blobs(include=["metadata"], results_per_page=limit).by_page(marker or None)
            with suppress(ResourceNotFoundError):  # no container, no dead letter
                async for page in pages:
                    letters = tuple([_read(blob.name, blob) async for blob in page])
                    # The service may give an empty page although more follow.
                    if letters or not pages.continuation_token:
                        return Listing(letters, pages.continuation_token or "")
        return Listing()

    async def counts(self, limit: int = MOST_COUNTED) -> dict[str, int]:
        """Count by cursor key, up to `limit` in all: where they add up to it, there may be more."""
        found: Counter[str] = Counter()
        async with self._container.asked(_READING) as container:
            with suppress(ResourceNotFoundError):
                async for name in container.list_blob_names(results_per_page=limit):
                    found[key_of(name)] += 1
                    if found.total() >= limit:
                        break
        return dict(found)

    async def find(self, name: str) -> KeptLetter | None:
        """Get what is said of one; None if it is not there."""
        async with self._container.asked(_READING) as container:
            try:
                return _read(name, await container.get_blob_client(name).get_blob_properties())
            except ResourceNotFoundError:
                return None

    async def read(self, name: str) -> bytes | None:
        """Get one's event; None if it is not there."""
        async with self._container.asked(_READING) as container:
            try:
                blob = await container.download_blob(name)
                event: bytes = await blob.readall()
            except ResourceNotFoundError:
                return None
            return event

    async def relabel(self, name: str, letter: "DeadLetter") -> None:
        """Replace what is said of one; one that is not there is no error."""
        async with self._container.asked(_CHANGING) as container:
            with suppress(ResourceNotFoundError):
                await container.get_blob_client(name).set_blob_metadata(letter.metadata)

    async def delete(self, name: str) -> None:
        """Take one out; one that is not there is no error."""
        async with self._container.asked(_CHANGING) as container:
            with suppress(ResourceNotFoundError):
                await container.delete_blob(name)

    async def close(self) -> None:
        """End the connections."""
        await self._container.close()

    @staticmethod
    async def _upload(container: "ContainerClient", letter: "DeadLetter") -> None:
        await container.upload_blob(letter.name, letter.event, overwrite=True, metadata=letter.metadata)


def _read(name: str, blob: Any) -> KeptLetter:
    return KeptLetter.read(name, blob.metadata or {}, size=blob.size, written=blob.last_modified)
