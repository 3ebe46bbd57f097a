"""Azurite, reached over HTTPS by Microsoft's storage client with the simulated identity, as the app reaches storage."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential
from azure.storage.blob.aio import BlobServiceClient

from local import azurite as azurite_module
from local.azurite import Azurite, AzuriteError, Blob
from local.identity import MONITOR, STORAGE, ManagedIdentitySimulator
from local.patience import within
from local.simulators import Simulators
from local.tls import Certificates
from tests.conftest import Opaque

ROOT = Path(__file__).resolve().parents[2]
CONTAINER = "letters"
LETTER = Blob("2026/11/A1.json", {"uuid": "A1", "Reason": "too large", "backfill_id": ""}, b'{"uuid":"A1"}')
EMPTY = Blob("2026/11/B2.json", {}, b"")
# A process that starts Azurite and then only waits for its own end.
ORPHANING = """
import asyncio, sys
from pathlib import Path
from local.azurite import Azurite
from local.tls import Certificates
async def main():
    async with Azurite(Path(sys.argv[1]), Certificates()) as azurite:
        print(azurite.port, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


class TokenFor:
    """A credential that brings a token for one audience, whatever it is asked for."""

    def __init__(self, identity: ManagedIdentityCredential, audience: str) -> None:
        self._identity = identity
        self._audience = audience

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return await self._identity.get_token(f"{self._audience}/.default")


def service(azurite: Azurite, tmp_path: Path, credential: Any) -> BlobServiceClient:
    trusted = str(tmp_path / "azurite/trusted.pem")
    return BlobServiceClient(azurite.url, credential=credential, connection_verify=trusted, retry_total=0)


async def store(client: BlobServiceClient, letter: Blob) -> None:
    container = client.get_container_client(CONTAINER)
    if not await container.exists():
        await container.create_container()
    await container.upload_blob(letter.name, letter.body, metadata=letter.metadata)


async def refuses(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    await writer.wait_closed()
    return False


@pytest.mark.parametrize("kind", [ManagedIdentityCredential, DefaultAzureCredential])
async def test_the_identity_stores_blobs(
    azurite: Azurite, identity: ManagedIdentitySimulator, tmp_path: Path, kind: Any
) -> None:
    """Without a key: the credential asks the identity endpoint once, and what is stored is there to the byte."""
    async with kind() as credential, service(azurite, tmp_path, credential) as client:
        assert await azurite.blobs(CONTAINER) == []
        for letter in (LETTER, EMPTY):
            await store(client, letter)
        assert await azurite.blobs(CONTAINER) == [LETTER, EMPTY]
    assert identity.requests >= 1
    assert azurite.settings() == {"AzureWebJobsStorage__blobServiceUri": azurite.url}


async def test_a_token_of_another_audience_is_refused(
    azurite: Azurite, identity: ManagedIdentitySimulator, tmp_path: Path
) -> None:
    """What opens Azure Monitor does not open storage, while the same credential's token for storage does."""
    async with ManagedIdentityCredential() as credential:
        async with service(azurite, tmp_path, TokenFor(credential, MONITOR)) as client:
            with pytest.raises(HttpResponseError) as refusal:
                await client.create_container(CONTAINER)
        assert refusal.value.status_code in {401, 403}
        async with service(azurite, tmp_path, TokenFor(credential, STORAGE)) as client:
            await client.create_container(CONTAINER)


@pytest.mark.parametrize("credential", [Opaque(), None])
async def test_who_has_no_token_is_refused(azurite: Azurite, tmp_path: Path, credential: Any) -> None:
    """Neither something that is no token nor nothing at all opens storage."""
    async with service(azurite, tmp_path, credential) as client:
        with pytest.raises(HttpResponseError) as refusal:
            await client.create_container(CONTAINER)
    assert refusal.value.status_code in {401, 403}


async def test_an_expired_token_is_refused(azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Storage looks at the time that a token ends at."""
    identity = ManagedIdentitySimulator(lifetime_seconds=-60)
    await identity.start()
    for name, value in identity.settings().items():
        monkeypatch.setenv(name, value)
    async with ManagedIdentityCredential() as credential, service(azurite, tmp_path, credential) as client:
        with pytest.raises(HttpResponseError) as refusal:
            await client.create_container(CONTAINER)
    await identity.stop()
    assert refusal.value.status_code in {401, 403}


async def test_the_connection_string_stores_blobs(azurite: Azurite, tmp_path: Path) -> None:
    """The account's key opens storage without any identity."""
    trusted = str(tmp_path / "azurite/trusted.pem")
    async with BlobServiceClient.from_connection_string(azurite.connection_string, connection_verify=trusted) as client:
        await store(client, LETTER)
    assert await azurite.blobs(CONTAINER) == [LETTER]


async def test_an_outage(azurite: Azurite, identity: ManagedIdentitySimulator, tmp_path: Path) -> None:
    """Connections are refused for a while; afterwards the same client finds the old blob at the same address."""
    async with ManagedIdentityCredential() as credential, service(azurite, tmp_path, credential) as client:
        await store(client, LETTER)
        async with azurite.unreachable():
            with pytest.raises(ServiceRequestError):
                await client.get_container_client(CONTAINER).exists()
            assert await refuses(azurite.port)
        await store(client, EMPTY)
    assert await azurite.blobs(CONTAINER) == [LETTER, EMPTY]


async def test_an_outage_ends_with_what_fails_in_it(azurite: Azurite) -> None:
    """An error inside of an outage leaves storage reachable."""
    with pytest.raises(LookupError):
        async with azurite.unreachable():
            raise LookupError
    assert not await refuses(azurite.port)


async def test_a_port_that_was_taken_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one is chosen: any program may take a free port before Azurite listens on it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        reserved = azurite_module._reserved
        chosen = iter([nullcontext(port), reserved(0)])
        monkeypatch.setattr(azurite_module, "_reserved", lambda _: next(chosen))
        async with Azurite(tmp_path, Certificates()) as azurite:
            assert azurite.port != port
            assert await azurite.blobs(CONTAINER) == []


async def test_stop_ends_the_process(tmp_path: Path) -> None:
    """After stop nobody listens and there is no process; to stop again is no error."""
    azurite = Azurite(tmp_path, Certificates())
    await azurite.start()
    pid = azurite.pid
    await azurite.stop()
    await azurite.stop()
    assert await refuses(azurite.port)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """Killing a run leaves no Azurite behind."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ORPHANING, str(tmp_path), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    port = int(await parent.stdout.readline())
    assert not await refuses(port)
    parent.send_signal(signal.SIGKILL)
    await parent.communicate()
    async with asyncio.timeout(within(10)):
        while not await refuses(port):  # noqa: ASYNC110  # what is waited for happens in another process
            await asyncio.sleep(0.05)


async def test_what_is_not_installed(tmp_path: Path) -> None:
    """Without Azurite the error names the make target that installs it, which the Makefile has."""
    with pytest.raises(AzuriteError, match="run `make azurite`"):
        await Azurite(tmp_path, Certificates(), program=tmp_path / "main.js").start()
    assert "\nazurite:" in (ROOT / "Makefile").read_text()


async def test_what_does_not_start(tmp_path: Path) -> None:
    """The error has the last words of a process that ended before it listened."""
    program = tmp_path / "main.cjs"
    program.write_text("console.error('no room'); process.exit(3)")
    azurite = Azurite(tmp_path, Certificates(), program=program)
    with pytest.raises(AzuriteError, match="no room"):
        await azurite.start()
    assert azurite.pid == 0


async def test_the_environment_has_storage_on_demand(tmp_path: Path) -> None:
    """With storage the app is given its address, and blobs of an earlier run are gone; by default there is none."""
    for run in ("earlier", "later"):
        async with Simulators({}, app_dir=ROOT, state_dir=tmp_path, events=0, seed=1, storage=True) as simulators:
            assert simulators.azurite is not None
            assert simulators.identity is not None
            assert simulators.settings["AzureWebJobsStorage__blobServiceUri"] == simulators.azurite.url
            assert await simulators.azurite.blobs(CONTAINER) == [], run
            async with BlobServiceClient.from_connection_string(
                simulators.azurite.connection_string, connection_verify=simulators.settings["SSL_CERT_FILE"]
            ) as client:
                await store(client, LETTER)
    async with Simulators({}, app_dir=ROOT, state_dir=tmp_path, events=0, seed=1) as simulators:
        assert simulators.azurite is None
        assert not [name for name in simulators.settings if name.startswith("AzureWebJobs")]


async def test_an_account_of_ones_own_is_kept(tmp_path: Path) -> None:
    """Settings that name a storage account are left as they are."""
    own = {"AzureWebJobsStorage__accountName": "mine"}
    async with Simulators(own, app_dir=ROOT, state_dir=tmp_path, events=0, seed=1, storage=True) as simulators:
        assert simulators.azurite is None
        assert own.items() <= simulators.settings.items()


async def test_a_real_identity_gives_azurite_no_token(tmp_path: Path) -> None:
    """With a real destination the identity is real too, and Azurite is reached with its key."""
    real = {"LOGS_INGESTION_ENDPOINT": "https://mine.example", "LOGS_INGESTION_RULE_ID": "dcr-1"}
    async with Simulators(real, app_dir=ROOT, state_dir=tmp_path, events=0, seed=1, storage=True) as simulators:
        assert simulators.identity is None
        assert simulators.azurite is not None
        assert simulators.settings["AzureWebJobsStorage"] == simulators.azurite.connection_string
        assert "AzureWebJobsStorage__blobServiceUri" not in simulators.settings
