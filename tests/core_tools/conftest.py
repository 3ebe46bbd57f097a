"""The `func` that tests start: the real one with `--engine func`, the stand-in for it otherwise."""

import sys
from pathlib import Path

import pytest

from local.extension.program import VARIABLE
from tests.core_tools.process import APP_DIR, find_func
from tests.engines import CORE_TOOLS, program


@pytest.fixture
def func(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Provide Core Tools, or a program of the same name that is only a stand-in."""
    if request.config.getoption("engine") == CORE_TOOLS:
        return find_func()
    script = tmp_path / "bin/func"
    script.parent.mkdir()
    environment = f"PYTHONPATH='{APP_DIR}' {VARIABLE}='{program()}'"
    script.write_text(f"#!/bin/sh\n{environment} exec '{sys.executable}' -m tests.core_tools.stand_in \"$@\"\n")
    script.chmod(0o700)
    return str(script)
