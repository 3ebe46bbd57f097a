"""The simulated managed identity endpoint, asked by hand and by azure-identity."""

import aiohttp
import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import ManagedIdentityCredential

from local.identity import MONITOR, STORAGE, ManagedIdentitySimulator

QUERY = {"api-version": "2019-08-01", "resource": "https://monitor.azure.com"}


async def ask(identity: ManagedIdentitySimulator, query: dict[str, str], header: str | None = None) -> tuple[int, dict]:
    settings = identity.settings()
    headers = {"X-IDENTITY-HEADER": settings["IDENTITY_HEADER"] if header is None else header}
    async with (
        aiohttp.ClientSession() as session,
        session.get(settings["IDENTITY_ENDPOINT"], params=query, headers=headers) as response,
    ):
        return response.status, await response.json()


@pytest.mark.parametrize("client_id", [None, "11111111-2222-3333-4444-555555555555"])
async def test_azure_identity_gets_a_token(
    identity: ManagedIdentitySimulator, monkeypatch: pytest.MonkeyPatch, client_id: str | None
) -> None:
    """Microsoft's own credential obtains a token that the simulator accepts, and asks once for two uses."""
    for name, value in identity.settings().items():
        monkeypatch.setenv(name, value)
    async with ManagedIdentityCredential(client_id=client_id) as credential:
        token = await credential.get_token("https://monitor.azure.com/.default")
        again = await credential.get_token("https://monitor.azure.com/.default")
    assert identity.accepts(token.token)
    assert (again.token, identity.requests) == (token.token, 1)


async def test_each_audience_has_tokens_of_its_own(
    identity: ManagedIdentitySimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token names the audience it was asked for, and one for storage is none for Logs Ingestion."""
    for name, value in identity.settings().items():
        monkeypatch.setenv(name, value)
    async with ManagedIdentityCredential() as credential:
        tokens = {name: (await credential.get_token(f"{name}/.default")).token for name in (MONITOR, STORAGE)}
    for name, token in tokens.items():
        assert jwt.decode(token, options={"verify_signature": False})["aud"] == name
    assert identity.accepts(tokens[MONITOR])
    assert not identity.accepts(tokens[STORAGE])


async def test_no_two_tokens_are_the_same(identity: ManagedIdentitySimulator) -> None:
    """Who asks twice within a second has two tokens, both good."""
    first, second = [(await ask(identity, QUERY))[1]["access_token"] for _ in range(2)]
    assert first != second
    assert identity.accepts(first)
    assert identity.accepts(second)


async def test_an_audience_may_be_left_out() -> None:
    """An endpoint gives tokens only for the audiences that it was made for."""
    identity = ManagedIdentitySimulator(audiences=[STORAGE])
    await identity.start()
    refused, _ = await ask(identity, QUERY)
    given, _ = await ask(identity, {**QUERY, "resource": STORAGE})
    await identity.stop()
    assert (refused, given) == (400, 200)


async def test_an_outage(identity: ManagedIdentitySimulator) -> None:
    """Connections are refused for a while; afterwards the address is the same, and old tokens are still good."""
    settings = identity.settings()
    _, before = await ask(identity, QUERY)
    async with identity.unreachable():
        with pytest.raises(aiohttp.ClientConnectorError):
            await ask(identity, QUERY)
    status, _ = await ask(identity, QUERY)
    assert status == 200
    assert identity.settings() == settings
    assert identity.accepts(before["access_token"])


async def test_azure_identity_is_refused(identity: ManagedIdentitySimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """For another audience Microsoft's credential raises."""
    for name, value in identity.settings().items():
        monkeypatch.setenv(name, value)
    async with ManagedIdentityCredential(retry_total=0) as credential:
        with pytest.raises(ClientAuthenticationError):
            await credential.get_token("https://vault.azure.net/.default")


async def test_the_shape_of_the_answer(identity: ManagedIdentitySimulator) -> None:
    """The answer has App Service's members, with a time of expiry in seconds as text."""
    status, answer = await ask(identity, {**QUERY, "client_id": "me"})
    assert status == 200
    assert set(answer) == {"access_token", "expires_on", "resource", "token_type", "client_id"}
    assert answer["expires_on"].isdigit()


@pytest.mark.parametrize("header", ["", "guess", "é"])
async def test_a_wrong_header(identity: ManagedIdentitySimulator, header: str) -> None:
    """Who does not know the header's value gets no token."""
    status, answer = await ask(identity, QUERY, header)
    assert status == 401
    assert "access_token" not in answer


@pytest.mark.parametrize(
    "query", [{}, {**QUERY, "api-version": "2017-09-01"}, {**QUERY, "resource": "https://vault.azure.net"}]
)
async def test_a_wrong_query(identity: ManagedIdentitySimulator, query: dict[str, str]) -> None:
    """Another api-version or audience is refused."""
    status, _ = await ask(identity, query)
    assert status == 400


async def test_expired_and_foreign_tokens() -> None:
    """A token is accepted neither after its time nor when it came from elsewhere."""
    identity = ManagedIdentitySimulator(lifetime_seconds=-1)
    await identity.start()
    _, answer = await ask(identity, QUERY)
    await identity.stop()
    await identity.stop()
    assert not identity.accepts(answer["access_token"])
    assert not identity.accepts("")
