"""A cold start pays only for what every start needs."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# They take longer to import than all of the app; what polls loads them, and nothing before that does.
SLOW = {"aiohttp", "azure.core", "azure.identity", "azure.monitor", "azure.storage", "cryptography", "jinja2", "msal"}
LOADED = "import sys, function_app; print(*(name for name in sys.argv[1:] if name in sys.modules))"


def test_no_slow_library_is_imported_with_the_app() -> None:
    """Indexing, replays and the answers about runs do without what speaks HTTP and what renders the page."""
    variables = {**os.environ, "AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1"}
    command = [sys.executable, "-c", LOADED, *sorted(SLOW), "onepassword_sentinel.transfer"]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["onepassword_sentinel.transfer"]
