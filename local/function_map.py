"""The app's functions and who calls whom, as Durable Functions Monitor draws them: `python -m local.function_map`.

The functions and their bindings come from the platform's own indexing of the app, the calls from its source.
"""

import asyncio
import json
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from local.app_settings import DEFAULTS
from local.call_graph import Calls, calls_of
from local.host.functions import FunctionInfo, HostConfiguration, index
from local.host.log import WorkerLog
from local.host.worker import WorkerProcess

# The arrows between functions say who uses a durable client, and an HTTP function's answer goes without saying.
_NOT_DRAWN: Final = frozenset({"durableClient", "http"})
# What the monitor writes next to a binding's type; the rest is the worker's business.
_DRAWN: Final = ("type", "direction", "authLevel", "methods", "route", "schedule")
_DURABLE: Final = frozenset({"orchestrationTrigger", "activityTrigger", "entityTrigger"})


class FunctionMapError(Exception):
    """The map cannot be drawn; the message says what is wrong with the app."""


class _AsWritten(dict[str, str]):
    """Leaves `%SETTING%` as it is: the map is for every installation."""

    def __missing__(self, name: str) -> str:
        return f"%{name}%"


async def function_map(app_dir: Path) -> dict[str, Any]:
    """Describe the app in the form that the monitor's graph takes.

    Raises:
        HostError: the app cannot be indexed.
        FunctionMapError: it calls a function that it does not have.

    """
    functions = await _indexed(app_dir)
    calls = calls_of(app_dir)
    if unknown := sorted({info.name for info in functions} - calls.keys()):
        raise FunctionMapError(f"the source does not show where these are registered: {', '.join(unknown)}")
    callers = _callers(functions, calls)
    names = {_called(info) for info in functions}
    if missing := sorted(callers.keys() - names):
        by = "; ".join(f"{name}, by {', '.join(sorted(callers[name]))}" for name in missing)
        raise FunctionMapError(f"the app calls what it does not register: {by}")
    return {
        "functions": {
            _called(info): {
                "bindings": [_binding(binding) for binding in info.bindings if binding["type"] not in _NOT_DRAWN],
                "isCalledBy": sorted(callers.get(_called(info), ())),
                **({"isCalledByItself": True} if calls[info.name].again else {}),
            }
            for info in sorted(functions, key=_called)
        },
        # Without it the monitor's graph fails.
        "proxies": {},
    }


def map_file(app_dir: Path) -> Path:
    """Tell where the map is kept, under the name by which the monitor finds it for the app's task hub."""
    hub = HostConfiguration.read(app_dir / "host.json", _AsWritten()).task_hub
    return app_dir / "monitor" / "function-maps" / f"dfm-func-map.{hub}.json"


def written(content: Mapping[str, Any]) -> str:
    """Write the map as its file has it."""
    return json.dumps(content, indent=2) + "\n"


async def _indexed(app_dir: Path) -> Collection[FunctionInfo]:
    log = WorkerLog(None)
    worker = WorkerProcess(app_dir, DEFAULTS, sys.executable, log)
    try:
        return index(await worker.start(), _AsWritten()).values()
    finally:
        await worker.stop()
        log.close()


def _called(info: FunctionInfo) -> str:
    """Tell by what name its instances are known, and others call it."""
    return info.durable_name if info.trigger in _DURABLE else info.name


def _callers(functions: Iterable[FunctionInfo], calls: Mapping[str, Calls]) -> dict[str, set[str]]:
    callers: dict[str, set[str]] = {}
    for info in functions:
        for name in calls[info.name].functions | calls[info.name].entities:
            callers.setdefault(name, set()).add(_called(info))
    return callers


def _binding(binding: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what is drawn, in lower case as function.json has it: the monitor compares letter by letter."""
    drawn = {key: binding[key] for key in _DRAWN if binding.get(key)}
    drawn["direction"] = str(binding.get("direction", "in")).lower()
    if "authLevel" in drawn:
        drawn["authLevel"] = str(drawn["authLevel"]).lower()
    return drawn


def main() -> None:
    """Write the map of the app in the present directory."""
    path = map_file(Path.cwd())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(written(asyncio.run(function_map(Path.cwd()))), encoding="utf-8")
    print(path.relative_to(Path.cwd()))


if __name__ == "__main__":
    main()
