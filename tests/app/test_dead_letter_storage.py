"""Dead letters in Azurite, over TLS and with an identity's token, as in Azure."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from azure.identity.aio import DefaultAzureCredential

from local.azurite import Azurite
from local.identity import ManagedIdentitySimulator
from onepassword_sentinel.dead_letter_storage import DeadLetterStorage
from onepassword_sentinel.dead_letters import CONTAINER, DeadLetter
from onepassword_sentinel.errors import ConnectorError, PermanentError, TransientError
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.storage_account import StorageAccount
from tests.conftest import Opaque
from tests.core.conftest import NOW

LETTER = DeadLetter(
    key="ACC-auditevents",
    stream="auditevents",
    event_type=EventType.AUDIT_EVENTS,
    backfill_id="",
    event='{"uuid":"U1","aux_info":"Größe"}'.encode(),
    uuid="U1",
    reason="refused",
    status=400,
    detail="Logs Ingestion answered 400 “bad”",
    time=NOW,
)


@asynccontextmanager
async def storage(
    account: StorageAccount | None, tmp_path: Path, credential: Callable[[], Any] = DefaultAzureCredential
) -> AsyncIterator[DeadLetterStorage]:
    given = credential()
    opened = DeadLetterStorage(
        account, lambda _: given, connection_verify=str(tmp_path / "azurite/trusted.pem"), use_env_settings=False
    )
    try:
        yield opened
    finally:
        await opened.close()
        await given.close()


@pytest.mark.usefixtures("identity")
async def test_a_dead_letter_is_kept_once_with_its_bytes_and_all_that_is_known(
    azurite: Azurite, tmp_path: Path
) -> None:
    """The container is made when it is needed; the same event again changes only what is said of it."""
    async with storage(StorageAccount(azurite.url), tmp_path) as kept:
        await kept.keep(LETTER)
        await kept.keep(replace(LETTER, status=413))
    (blob,) = await azurite.blobs(CONTAINER)
    assert (blob.name, blob.body) == (LETTER.name, LETTER.event)
    assert blob.metadata == {**LETTER.metadata, "status": "413"}
    assert blob.metadata["detail"] == 'Logs Ingestion answered 400 "bad"'


@pytest.mark.usefixtures("identity")
async def test_streams_that_need_the_container_at_the_same_time_all_get_it(azurite: Azurite, tmp_path: Path) -> None:
    """Whoever comes second to make it finds it there."""
    letters = [replace(LETTER, event=b'{"uuid":"%d"}' % number, uuid=str(number)) for number in range(5)]
    async with storage(StorageAccount(azurite.url), tmp_path) as kept:
        await asyncio.gather(*(kept.keep(letter) for letter in letters))
    assert {blob.metadata["uuid"] for blob in await azurite.blobs(CONTAINER)} == set("01234")


@pytest.mark.usefixtures("identity")
async def test_what_turned_out_to_be_none_is_taken_back(azurite: Azurite, tmp_path: Path) -> None:
    """Also when it is not there any more."""
    async with storage(StorageAccount(azurite.url), tmp_path) as kept:
        await kept.keep(LETTER)
        await kept.discard(LETTER)
        await kept.discard(LETTER)
    assert await azurite.blobs(CONTAINER) == []


async def test_a_connection_string_does_where_identities_are_not_used(azurite: Azurite, tmp_path: Path) -> None:
    """On a machine of one's own the host's setting has a key in it."""
    async with storage(StorageAccount(connection_string=azurite.connection_string), tmp_path, Opaque) as kept:
        await kept.keep(LETTER)
    assert len(await azurite.blobs(CONTAINER)) == 1


@pytest.mark.parametrize(
    ("account", "kind", "says"),
    [
        (None, PermanentError, "AzureWebJobsStorage names no storage account"),
        (StorageAccount("https://localhost:1/account"), TransientError, "localhost:1/account cannot be reached"),
        (StorageAccount(connection_string="secret"), PermanentError, "is no connection string"),
    ],
    ids=["none", "unreachable", "no address"],
)
async def test_a_storage_that_is_not_there_says_what_it_was_needed_for(
    azurite: Azurite, tmp_path: Path, account: StorageAccount | None, kind: type[ConnectorError], says: str
) -> None:
    """The event waits in front of the cursor, and the sentence says for what."""
    async with storage(account, tmp_path, Opaque) as kept:
        with pytest.raises(kind, match="an event has to be kept as a dead letter") as caught:
            await kept.keep(LETTER)
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_an_identity_that_may_not_write_is_told_which_role(azurite: Azurite, tmp_path: Path) -> None:
    """A refused token is an operator's affair."""
    async with storage(StorageAccount(azurite.url), tmp_path, Opaque) as kept:
        with pytest.raises(PermanentError, match="the role Storage Blob Data Owner"):
            await kept.keep(LETTER)


async def test_an_identity_endpoint_that_is_away_is_not_taken_for_the_storage(
    azurite: Azurite, identity: ManagedIdentitySimulator, tmp_path: Path
) -> None:
    """Trying again may help, and the sentence does not send anybody after a role."""
    async with identity.unreachable(), storage(StorageAccount(azurite.url), tmp_path) as kept:
        with pytest.raises(TransientError):
            await kept.keep(LETTER)
