"""Remotes that tests of several parts need."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from azure.core.credentials import AccessToken

from local.azurite import Azurite
from local.identity import ManagedIdentitySimulator
from local.tls import Certificates
from tests.engines import add_option, engines, skip_what_needs_another

__all__ = ["azurite", "engines", "identity"]

# How long an example takes is the machine's affair.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    add_option(parser)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    skip_what_needs_another(config, items)


class Opaque:
    """A credential whose token no storage takes."""

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("opaque", 2**40)

    async def close(self) -> None:
        return


@pytest.fixture
async def azurite(tmp_path: Path) -> AsyncIterator[Azurite]:
    """Provide a storage account that nobody has used."""
    async with Azurite(tmp_path / "azurite", Certificates()) as started:
        yield started


@pytest.fixture
async def identity(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ManagedIdentitySimulator]:
    """Provide the identity endpoint, as the platform makes it known."""
    simulator = ManagedIdentitySimulator()
    await simulator.start()
    for name, value in simulator.settings().items():
        monkeypatch.setenv(name, value)
    yield simulator
    await simulator.stop()
