"""Remotes that tests of several parts need, and limits that suit the machine."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from azure.core.credentials import AccessToken

from local import patience
from local.azurite import Azurite
from local.extension import ExtensionEngine
from local.extension.choice import IN_MEMORY
from local.identity import ManagedIdentitySimulator
from local.tls import Certificates
from tests import pauses
from tests.engines import add_option, engines, require, select

__all__ = ["azurite", "engines", "identity", "pausing"]

# How long an example takes is the machine's affair.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    add_option(parser)
    parser.addoption("--programs", type=int, default=1_000, help="how many programs test_stream_protocol.py plays")
    pauses.add_option(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check the chosen engine; measure the machine once, for the test processes too, and scale every test's limit."""
    require(config.getoption("engine"))
    os.environ[patience.VARIABLE] = str(patience.factor())
    if config.option.timeout is None:
        slowness = ExtensionEngine.slowness if config.getoption("engine") != IN_MEMORY else 1.0
        config.option.timeout = patience.within(float(config.getini("timeout")) * slowness)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs another engine, and scale the limits of those tests that have one of their own."""
    select(config, items)
    for item in items:
        if marker := item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(patience.within(marker.args[0])), append=False)


def pytest_report_header() -> str:
    """Tell what the limits were."""
    return f"limits: {patience.factor():.1f} times those of the reference machine"


@pytest.fixture(scope="session", autouse=True)
def pausing(request: pytest.FixtureRequest) -> Iterator[None]:
    """Stop workers at random while tests run, if that was asked for."""
    if (seed := request.config.getoption("pauses")) is None:
        yield
        return
    with pauses.Pauses(seed):
        yield


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
