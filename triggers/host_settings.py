"""host.json, as it was deployed beside the app, and the app settings that override it."""

import os
from pathlib import Path
from typing import Final

from onepassword_sentinel.host_settings import host_problems, unreadable

_HOST_JSON: Final = Path(__file__).resolve().parents[1] / "host.json"


def read_host_problems() -> list[str]:
    """Name each wrong value, in a sentence with what to do; never raises, since a poll must start in any case."""
    try:
        content = _HOST_JSON.read_bytes()
    except OSError as error:
        return [unreadable(error)]
    return host_problems(content, os.environ)
