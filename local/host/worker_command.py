"""How the worker process is started: its command line and its environment."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

# Where Azure looks for the libraries of an app; one that was not packaged has none there.
_LIBRARIES = Path(".python_packages", "lib", "site-packages")
# Imports this folder's modules without its __init__: that is the host's side, which needs libraries that no app brings.
_START = """
import sys, types
_, folder, connection = sys.argv
for name, path in (("local", []), ("local.host", [folder])):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = path
from local.host.worker_main import main
main(int(connection))
"""
_INHERITED_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR")


def command(python: str, app_dir: Path, connection: int) -> list[str]:
    """Give the command line of a worker that talks to the host over an inherited socket."""
    # What an app has in its package is all that it may import, so this interpreter's site-packages (-S) are out.
    isolation = ["-P", "-S"] if _is_packaged(app_dir) else ["-P"]
    return [python, *isolation, "-c", _START, str(Path(__file__).resolve().parent), str(connection)]


def environment(app_dir: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Give the worker's environment: the app settings, and of the host's own as little as it needs."""
    inherited = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
    inherited.setdefault("TMPDIR", tempfile.gettempdir())
    first = app_dir / _LIBRARIES if _is_packaged(app_dir) else app_dir
    return {**inherited, **settings, "PYTHONPATH": str(first)}


def _is_packaged(app_dir: Path) -> bool:
    return (app_dir / _LIBRARIES).is_dir()
