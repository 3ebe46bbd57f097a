"""Dead letters read back and taken out, in Azurite, over TLS and with an identity's token, as in Azure."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob.aio import ContainerClient

from local.azurite import Azurite
from local.tls import Certificates
from onepassword_sentinel.dead_letter_storage import DeadLetterStorage
from onepassword_sentinel.dead_letters import CONTAINER, DeadLetter
from onepassword_sentinel.errors import ConnectorError, PermanentError, TransientError
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.kept_letters import KeptLetter, Listing
from onepassword_sentinel.storage_account import StorageAccount
from tests.app.test_dead_letter_storage import LETTER, storage
from tests.conftest import Opaque

type Asking = Callable[[DeadLetterStorage], Awaitable[object]]

READING: dict[str, Asking] = {
    "list": lambda kept: kept.listing(10),
    "count": lambda kept: kept.counts(),
    "find": lambda kept: kept.find("key/name.json"),
    "read": lambda kept: kept.read("key/name.json"),
}
CHANGING: dict[str, Asking] = {
    "relabel": lambda kept: kept.relabel("key/name.json", LETTER),
    "delete": lambda kept: kept.delete("key/name.json"),
}
ALL = READING | CHANGING


def letters(count: int, key: str = "ACC-auditevents") -> list[DeadLetter]:
    return [replace(LETTER, key=key, event=b'{"uuid":"%d"}' % number, uuid=str(number)) for number in range(count)]


@asynccontextmanager
async def container(azurite: Azurite, tmp_path: Path) -> AsyncIterator[ContainerClient]:
    """Reach the container as somebody with a storage explorer does."""
    async with ContainerClient.from_connection_string(
        azurite.connection_string,
        CONTAINER,
        connection_verify=str(tmp_path / "azurite/trusted.pem"),
        use_env_settings=False,
    ) as client:
        yield client


@pytest.mark.usefixtures("identity")
async def test_what_was_kept_is_listed_without_its_event(azurite: Azurite, tmp_path: Path) -> None:
    """Whoever looks at the list sees the stream, the reason, Azure's answer and the time."""
    async with storage(StorageAccount(azurite.url), tmp_path) as kept:
        await kept.keep(LETTER)
        listed = await kept.listing(10)
        found = await kept.find(LETTER.name)
    assert listed == Listing(
        (
            KeptLetter(
                name=LETTER.name,
                key="ACC-auditevents",
                stream="auditevents",
                event_type="auditevents",
                backfill_id="",
                uuid="U1",
                reason="refused",
                status=400,
                detail='Logs Ingestion answered 400 "bad"',
                time=LETTER.time,
                size=len(LETTER.event),
            ),
        )
    )
    assert found == listed.letters[0]


@pytest.mark.usefixtures("identity")
async def test_a_list_is_bounded_and_goes_on_at_its_marker(azurite: Azurite, tmp_path: Path) -> None:
    """In the order of the names, also if what was listed has been deleted meanwhile."""
    async with storage(StorageAccount(azurite.url), tmp_path) as kept:
        for letter in letters(5):
            await kept.keep(letter)
        first = await kept.listing(2)
        for letter in first.letters:
            await kept.delete(letter.name)
        second = await kept.listing(2, first.marker)
        third = await kept.listing(2, second.marker)
    names = [letter.name for listed in (first, second, third) for letter in listed.letters]
    assert names == sorted(letter.name for letter in letters(5))
    assert [bool(listed.marker) for listed in (first, second, third)] == [True, True, False]


@pytest.mark.usefixtures("identity")
async def test_letters_are_counted_by_cursor_key(azurite: Azurite, tmp_path: Path) -> None:
    """From their names alone, and no more of them than asked for."""
    async with storage(StorageAccount(azurite.url), tmp_path) as kept:
        for letter in [*letters(3), *letters(2, "b1-ACC-itemusages")]:
            await kept.keep(letter)
        assert await kept.counts() == {"ACC-auditevents": 3, "b1-ACC-itemusages": 2}
        assert await kept.counts(4) == {"ACC-auditevents": 3, "b1-ACC-itemusages": 1}


@pytest.mark.usefixtures("identity")
async def test_a_letter_is_read_relabelled_and_deleted_by_its_name(azurite: Azurite, tmp_path: Path) -> None:
    """Its bytes come back unaltered, whatever is said of it."""
    async with storage(StorageAccount(azurite.url), tmp_path) as kept:
        await kept.keep(LETTER)
        assert await kept.read(LETTER.name) == LETTER.event
        await kept.relabel(LETTER.name, replace(LETTER, reason="cut", status=0, detail="Größe"))
        (blob,) = await azurite.blobs(CONTAINER)
        assert (blob.body, blob.metadata["reason"], blob.metadata["detail"]) == (LETTER.event, "cut", "Gr\\xf6\\xdfe")
        assert "status" not in blob.metadata
        await kept.delete(LETTER.name)
    assert await azurite.blobs(CONTAINER) == []


@pytest.mark.usefixtures("identity")
@pytest.mark.parametrize("made", [False, True], ids=["no container", "an empty one"])
async def test_where_nothing_is_kept_nothing_is_found(azurite: Azurite, tmp_path: Path, *, made: bool) -> None:
    """The container is made by the first dead letter and not by whoever looks; what is gone is no error."""
    async with storage(StorageAccount(azurite.url), tmp_path) as kept:
        if made:
            await kept.keep(LETTER)
            await kept.discard(LETTER)
        assert await kept.listing(10) == Listing()
        assert await kept.counts() == {}
        assert await kept.find(LETTER.name) is None
        assert await kept.read(LETTER.name) is None
        await kept.relabel(LETTER.name, LETTER)
        await kept.delete(LETTER.name)
    async with container(azurite, tmp_path) as client:
        assert await client.exists() is made


@pytest.mark.usefixtures("identity")
async def test_what_somebody_put_there_is_listed_for_what_it_is(azurite: Azurite, tmp_path: Path) -> None:
    """Damaged metadata, none at all, and names without a key break neither the list nor the counts."""
    damaged = {"event_type": "signins", "status": "many", "time": "yesterday", "detail": "a <b> & “c”".encode().hex()}
    async with storage(StorageAccount(azurite.url), tmp_path) as kept, container(azurite, tmp_path) as client:
        await kept.keep(LETTER)
        await client.upload_blob("ACC-auditevents/0.json", b"{}", metadata=damaged)
        await client.upload_blob("readme & notes <1>.txt", b"hello")
        first, second, third = (await kept.listing(10)).letters
        assert await kept.counts() == {"ACC-auditevents": 2, "": 1}
        assert await kept.read("readme & notes <1>.txt") == b"hello"
        await kept.delete("readme & notes <1>.txt")
        with pytest.raises(ResourceNotFoundError):
            await client.get_blob_client("readme & notes <1>.txt").get_blob_properties()
    assert (first.event_type, first.status, first.detail, first.reason) == ("signins", 0, damaged["detail"], "")
    assert first.time.year >= 2025
    assert (third.name, third.key, third.reason, third.size) == ("readme & notes <1>.txt", "", "", 5)
    assert [letter.known_type for letter in (first, second, third)] == [None, EventType.AUDIT_EVENTS, None]


@pytest.mark.parametrize("asking", ALL)
@pytest.mark.parametrize(
    ("account", "kind", "says"),
    [
        (None, PermanentError, "AzureWebJobsStorage names no storage account"),
        (StorageAccount("https://localhost:1/account"), TransientError, "localhost:1/account cannot be reached"),
        (StorageAccount(connection_string="secret"), PermanentError, "AzureWebJobsStorage is no connection string"),
    ],
    ids=["none", "unreachable", "no address"],
)
async def test_a_storage_that_is_not_there_says_what_it_was_asked_for(
    tmp_path: Path, asking: str, account: StorageAccount | None, kind: type[ConnectorError], says: str
) -> None:
    """The sentence is not about an event that waits: nothing is being kept."""
    purpose = (
        "dead letters cannot be read: " if asking in READING else "a dead letter cannot be deleted or relabelled: "
    )
    (tmp_path / "azurite").mkdir()
    Certificates().write_bundle(tmp_path / "azurite/trusted.pem")
    async with storage(account, tmp_path, Opaque) as kept:
        with pytest.raises(kind) as caught:
            await ALL[asking](kept)
    assert str(caught.value).startswith(purpose)
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_an_identity_that_may_not_read_is_told_which_role(azurite: Azurite, tmp_path: Path) -> None:
    """A refused token is an operator's affair, and is not taken for an empty container."""
    async with storage(StorageAccount(azurite.url), tmp_path, Opaque) as kept:
        for asking in ALL.values():
            with pytest.raises(PermanentError, match="the role Storage Blob Data Owner"):
                await asking(kept)
