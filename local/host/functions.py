"""What indexing found, and what host.json says: the two descriptions that the host works from."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from local.host.errors import HostError
from local.host.frames import Frame
from local.host.host_json import read_host_json

# Documented defaults of host.json: extensions.http.routePrefix, durableTask for Azure Storage on a Consumption plan,
# functionTimeout on Flex Consumption (learn.microsoft.com, "host.json reference", "Durable Functions settings").
_ROUTE_PREFIX = "api"
_TASK_HUB = "TestHubName"
_CONCURRENT_ACTIVITIES = 10
_CONCURRENT_ORCHESTRATORS = 5
_REORDER_WINDOW = 30
_FUNCTION_TIMEOUT = "00:30:00"
_NO_TIMEOUT = "-1"
_TIME_SPAN = re.compile(r"(?:(?P<days>\d+)\.)?(?P<hours>\d{1,2}):(?P<minutes>\d{2}):(?P<seconds>\d{2})")

_SETTING = re.compile(r"%([^%\s]+)%")
_DURABLE_NAME = {
    "orchestrationTrigger": "orchestration",
    "activityTrigger": "activity",
    "entityTrigger": "entityName",
}


@dataclass(frozen=True)
class FunctionInfo:
    """One indexed function.

    :ivar trigger: the type of its trigger, e.g. ``timerTrigger``.
    :ivar trigger_name: the parameter that the trigger fills.
    :ivar bindings: all bindings as function.json would have them, ``%SETTING%`` resolved.
    :ivar durable_name: the name by which orchestrations call it; entities' names are lower case.
    """

    name: str
    function_id: str
    trigger: str
    trigger_name: str
    bindings: tuple[Mapping[str, Any], ...]

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any], settings: Mapping[str, str]) -> Self:
        """Read what the worker said about one function.

        :raises HostError: it has no trigger, or a binding names a setting that does not exist.
        """
        bindings = tuple(
            {key: _resolve(value, settings) for key, value in json.loads(raw).items()} for raw in metadata["bindings"]
        )
        for binding in bindings:
            if binding["type"].endswith("Trigger"):
                return cls(metadata["name"], metadata["function_id"], binding["type"], binding["name"], bindings)
        raise HostError(f"Function {metadata['name']!r} has no trigger.")

    @property
    def trigger_binding(self) -> Mapping[str, Any]:
        """The trigger's binding."""
        return next(binding for binding in self.bindings if binding["name"] == self.trigger_name)

    @property
    def is_durable(self) -> bool:
        """Whether the durable engine runs it."""
        return self.trigger in _DURABLE_NAME

    @property
    def durable_name(self) -> str:
        """The name by which orchestrations and clients know it."""
        name: str = self.trigger_binding.get(_DURABLE_NAME.get(self.trigger, "")) or self.name
        return name.lower() if self.trigger == "entityTrigger" else name

    @property
    def durable_client_names(self) -> tuple[str, ...]:
        """The parameters that take a durable client."""
        return tuple(binding["name"] for binding in self.bindings if binding["type"] == "durableClient")

    @property
    def schedule(self) -> str | None:
        """The NCRONTAB expression of a timer function."""
        return self.trigger_binding.get("schedule")

    @property
    def route(self) -> str | None:
        """The route template of an HTTP function, without the prefix."""
        return self.trigger_binding.get("route", self.name) if self.trigger == "httpTrigger" else None

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods of an HTTP function; empty means all."""
        return tuple(method.upper() for method in self.trigger_binding.get("methods") or ())

    @property
    def auth_level(self) -> str | None:
        """``ANONYMOUS``, ``FUNCTION`` or ``ADMIN``; not enforced locally, as under ``func start``."""
        return self.trigger_binding.get("authLevel")


def index(metadata: Iterable[Frame], settings: Mapping[str, str]) -> dict[str, FunctionInfo]:
    """Return the functions by name."""
    return {function["name"]: FunctionInfo.from_metadata(function, settings) for function in metadata}


def _resolve(value: Any, settings: Mapping[str, str]) -> Any:
    if not isinstance(value, str):
        return value

    def setting(match: re.Match[str]) -> str:
        try:
            return settings[match[1]]
        except KeyError:
            raise HostError(f"'%{match[1]}%' does not resolve: there is no setting {match[1]!r}.") from None

    return _SETTING.sub(setting, value)


@dataclass(frozen=True)
class HostConfiguration:
    """The parts of host.json that this host obeys.

    :ivar sorts_entity_messages: whether ``entityMessageReorderWindowInMinutes`` is anything but 0.
    :ivar function_timeout: seconds that one invocation may take; None if it may take for ever.
    """

    task_hub: str = _TASK_HUB
    route_prefix: str = _ROUTE_PREFIX
    concurrent_activities: int = _CONCURRENT_ACTIVITIES
    concurrent_orchestrators: int = _CONCURRENT_ORCHESTRATORS
    sorts_entity_messages: bool = True
    function_timeout: float | None = None
    extensions: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, settings: Mapping[str, str]) -> Self:
        """Read host.json.

        :raises HostError: it is missing, not JSON, or has an invalid ``functionTimeout``.
        """
        content = read_host_json(path, settings)
        extensions = content.get("extensions", {})
        durable = extensions.get("durableTask", {})
        return cls(
            task_hub=_resolve(durable.get("hubName", _TASK_HUB), settings),
            route_prefix=extensions.get("http", {}).get("routePrefix", _ROUTE_PREFIX),
            concurrent_activities=int(durable.get("maxConcurrentActivityFunctions", _CONCURRENT_ACTIVITIES)),
            concurrent_orchestrators=int(durable.get("maxConcurrentOrchestratorFunctions", _CONCURRENT_ORCHESTRATORS)),
            sorts_entity_messages=int(durable.get("entityMessageReorderWindowInMinutes", _REORDER_WINDOW)) != 0,
            function_timeout=_function_timeout(str(content.get("functionTimeout", _FUNCTION_TIMEOUT))),
            extensions=extensions,
        )


def _function_timeout(text: str) -> float | None:
    if text == _NO_TIMEOUT:
        return None
    if (match := _TIME_SPAN.fullmatch(text)) is None:
        raise HostError(f"functionTimeout in host.json is invalid: {text!r}. Write it as hh:mm:ss, or -1 for no limit.")
    return timedelta(**{unit: int(number) for unit, number in match.groupdict("0").items()}).total_seconds()
