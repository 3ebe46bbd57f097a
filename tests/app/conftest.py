"""The app's parts run under the setting that the app is deployed with."""

import os
import ssl
from pathlib import Path

import aiohttp

os.environ["AZURE_FUNCTIONS_DURABLE_STRICT_TYPING"] = "1"


def trusting(authority: Path) -> aiohttp.ClientSession:
    """Make a session that trusts the simulators' certificates."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=authority)),
        cookie_jar=aiohttp.DummyCookieJar(),
    )
