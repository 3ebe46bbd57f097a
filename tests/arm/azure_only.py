"""Values that only Azure knows: what ``reference()`` and ``list()`` will answer once there are resources."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AzureOnly:
    """Stands for such a value, and shows where it comes from.

    ``text`` is what it looks like within a string: ``<reference(/subscriptions/.../x).endpoint>``.
    ``source`` is the resource id asked for, and ``path`` the properties taken from the answer; what is made of such
    values has no source. ``composed`` says that it is a string with such a value in it, and no such value itself.
    """

    text: str
    source: str | None = None
    path: tuple[str | int, ...] = ()
    composed: bool = False

    def part(self, key: str | int) -> "AzureOnly":
        """A property or an element of it."""
        step = f"[{key}]" if isinstance(key, int) else f".{key}"
        return AzureOnly(f"{self.text[:-1]}{step}>", self.source, (*self.path, key))


def call_text(name: str, arguments: Iterable[Any]) -> str:
    """``name(arguments)`` as it would be written in an expression."""
    return f"{name}({', '.join(map(_argument, arguments))})"


def joined(parts: Iterable[str | AzureOnly]) -> str | AzureOnly:
    """One string of ``parts``, known only to Azure if one of them is."""
    parts = tuple(parts)
    text = "".join(part.text if isinstance(part, AzureOnly) else part for part in parts)
    return AzureOnly(text, composed=True) if any(isinstance(part, AzureOnly) for part in parts) else text


def holds_azure_only(value: Any) -> bool:
    """Whether a value that only Azure knows is in ``value``, at any depth."""
    if isinstance(value, dict):
        return any(holds_azure_only(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(holds_azure_only(item) for item in value)
    return isinstance(value, AzureOnly)


def rendered(value: Any) -> Any:
    """``value`` as JSON: values that only Azure knows are strings, and properties that are null are left out."""
    if isinstance(value, dict):
        return {key: rendered(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [rendered(item) for item in value]
    return value.text if isinstance(value, AzureOnly) else value


def _argument(value: Any) -> str:
    if isinstance(value, AzureOnly):
        return f"'{value.text}'" if value.composed else value.text[1:-1]
    if isinstance(value, str):
        return f"'{value}'"
    return json.dumps(rendered(value))
