"""The app's parts run under the setting that the app is deployed with."""

import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from local.ingestion import IngestionSimulator, read_tables
from local.tls import Certificates
from local.workspace import Workspace

os.environ["AZURE_FUNCTIONS_DURABLE_STRICT_TYPING"] = "1"

TEMPLATE = Path(__file__).resolve().parents[2] / "azuredeploy.json"


def trusting(authority: Path) -> aiohttp.ClientSession:
    """Make a session that trusts the simulators' certificates."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=authority)),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


@pytest.fixture
async def endpoint(tmp_path: Path) -> AsyncIterator[tuple[IngestionSimulator, Path]]:
    """Provide a data collection rule, and the certificate to trust."""
    certificates = Certificates()
    certificates.write_bundle(tmp_path / "ca.pem")
    workspace = Workspace(tmp_path / "w.duckdb", read_tables(TEMPLATE))
    simulator = IngestionSimulator(TEMPLATE, workspace, accepts_token=lambda token: token == "token")
    await simulator.start(certificates.server_context())
    yield simulator, tmp_path / "ca.pem"
    await simulator.stop()
    workspace.close()
