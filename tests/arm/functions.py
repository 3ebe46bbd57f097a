"""The template functions that need nothing but their arguments."""

import base64
import hashlib
import itertools
import json
import re
import urllib.parse
import uuid
from collections.abc import Callable
from typing import Any

from tests.arm.azure_only import AzureOnly, call_text, holds_azure_only, joined, rendered
from tests.arm.expression import ExpressionError
from tests.arm.signature import Signature, kind_of

type Body = Callable[..., Any]

FUNCTIONS: dict[str, tuple[Signature, Body, bool]] = {}
"""By name in lower case: signature, body, and whether the body takes values that only Azure knows."""


def function(signature: str, *, takes_unknown: bool = False) -> Callable[[Body], Body]:
    """Enter a body under the name of its signature."""

    def enter(body: Body) -> Body:
        read = Signature.read(signature)
        FUNCTIONS[read.name.lower()] = (read, body, takes_unknown)
        return body

    return enter


def functions(bodies: dict[str, Body], *, takes_unknown: bool = False) -> None:
    """Enter several short ones: signature to body."""
    for signature, body in bodies.items():
        function(signature, takes_unknown=takes_unknown)(body)


def call_function(name: str, arguments: list[Any]) -> Any:
    """The value of a function of FUNCTIONS. Raises ``ExpressionError``."""
    signature, body, takes_unknown = FUNCTIONS[name.lower()]
    signature.check(arguments)
    if not takes_unknown and holds_azure_only(arguments):
        return AzureOnly(f"<{call_text(name, arguments)}>")
    return body(*arguments)


def text_of(value: Any) -> str:
    """A value as .NET writes it into a string."""
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)


# --- strings

functions(
    {
        "toLower(string)": str.lower,
        "toUpper(string)": str.upper,
        "trim(string)": str.strip,
        "replace(string, string, string)": str.replace,
        "startsWith(string, string)": lambda text, start: text.lower().startswith(start.lower()),
        "endsWith(string, string)": lambda text, end: text.lower().endswith(end.lower()),
        "indexOf(string, string)": lambda text, part: text.lower().find(part.lower()),
        "lastIndexOf(string, string)": lambda text, part: text.lower().rfind(part.lower()),
        "join(array, string)": lambda items, between: between.join(map(text_of, items)),
        "padLeft(string|int, int, string?)": lambda text, width, fill=" ": text_of(text).rjust(width, fill),
        "string(string|int|bool|array|object)": text_of,
        "uri(string, string)": urllib.parse.urljoin,
        "uriComponent(string)": lambda text: urllib.parse.quote(text, safe=""),
        "uriComponentToString(string)": urllib.parse.unquote,
        "base64(string)": lambda text: base64.b64encode(text.encode()).decode(),
        "base64ToString(string)": lambda text: base64.b64decode(text, validate=True).decode(),
    }
)


@function("concat(string|int|array, string|int|array...)", takes_unknown=True)
def _concat(*parts: Any) -> Any:
    known = [part for part in parts if not isinstance(part, AzureOnly)]
    if known and all(isinstance(part, list) for part in known):
        return (
            AzureOnly(f"<{call_text('concat', parts)}>")
            if len(known) < len(parts)
            else [x for part in parts for x in part]
        )
    if any(isinstance(part, list) for part in known):
        raise ExpressionError("concat() takes strings or arrays, not both")
    return joined(part if isinstance(part, AzureOnly) else text_of(part) for part in parts)


@function("format(string, string|int|bool...)", takes_unknown=True)
def _format(form: Any, *values: Any) -> Any:
    if isinstance(form, AzureOnly):
        return AzureOnly(f"<{call_text('format', (form, *values))}>")
    parts: list[str | AzureOnly] = []
    for piece in re.split(r"(\{\{|\}\}|\{\d+\})", form):
        if piece in {"{{", "}}"}:
            parts.append(piece[0])
        elif re.fullmatch(r"\{\d+\}", piece):
            if int(piece[1:-1]) >= len(values):
                raise ExpressionError(f"format() has no value for {piece}")
            value = values[int(piece[1:-1])]
            parts.append(value if isinstance(value, AzureOnly) else text_of(value))
        elif "{" in piece or "}" in piece:
            raise ExpressionError(f"format() with {piece!r} is not known here")
        else:
            parts.append(piece)
    return joined(parts)


@function("split(string, string|array)")
def _split(text: str, delimiters: str | list[str]) -> list[str]:
    each = [delimiters] if isinstance(delimiters, str) else delimiters
    return re.split("|".join(map(re.escape, each)), text)


@function("substring(string, int, int?)")
def _substring(text: str, start: int, length: int | None = None) -> str:
    end = len(text) if length is None else start + length
    if not 0 <= start <= end <= len(text):
        raise ExpressionError(f"substring() from {start} to {end} of a string of {len(text)}")
    return text[start:end]


# Azure's own hashes are not published. These are as long, as lasting, and as different for different arguments.


@function("guid(string, string...)", takes_unknown=True)
def _guid(*parts: Any) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(rendered(list(parts)))))


@function("uniqueString(string, string...)", takes_unknown=True)
def _unique_string(*parts: Any) -> str:
    digest = hashlib.sha256(json.dumps(rendered(list(parts))).encode()).digest()
    return base64.b32encode(digest).decode().lower()[:13]


# --- arrays, objects and whatever has parts


@function("union(array|object, array|object, array|object...)", takes_unknown=True)
def _union(*parts: Any) -> Any:
    known = [part for part in parts if not isinstance(part, AzureOnly)]
    if len({kind_of(part) for part in known}) > 1:
        raise ExpressionError("union() takes arrays or objects, not both")
    if known and isinstance(known[0], dict):
        return _merged(parts)
    if len(known) < len(parts):
        return AzureOnly(f"<{call_text('union', parts)}>")
    items: list[Any] = []
    for item in itertools.chain(*parts):
        if item not in items:
            items.append(item)
    return items


def _merged(parts: tuple[Any, ...]) -> dict[str, Any]:
    """Objects merged in depth. One that only Azure knows shows under its own name."""
    merged: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, AzureOnly):
            # It may have a value of its own under the same name.
            merged = {
                name: AzureOnly(f"<{call_text('coalesce', (part.part(name), old))}>") for name, old in merged.items()
            }
            merged[part.text] = part
            continue
        for name, value in part.items():
            old = next((key for key in merged if key.lower() == name.lower()), name)
            both = isinstance(merged.get(old), dict) and isinstance(value, dict)
            merged[old] = _merged((merged[old], value)) if both else value
    return merged


@function("createObject(any...)", takes_unknown=True)
def _create_object(*pairs: Any) -> dict[str, Any]:
    names = pairs[::2]
    if len(pairs) % 2 or not all(isinstance(name, str) for name in names):
        raise ExpressionError("createObject() takes names, each with a value")
    return dict(zip(names, pairs[1::2], strict=True))


@function("coalesce(any, any...)", takes_unknown=True)
def _coalesce(*values: Any) -> Any:
    first = next((value for value in values if value is not None), None)
    return AzureOnly(f"<{call_text('coalesce', values)}>") if isinstance(first, AzureOnly) else first


@function("contains(string|array|object, any)")
def _contains(whole: Any, part: Any) -> bool:
    if isinstance(whole, list):
        return part in whole
    if not isinstance(part, str):
        raise ExpressionError("contains() looks for a string")
    return part in whole if isinstance(whole, str) else part.lower() in map(str.lower, whole)


@function("first(string|array)")
def _first(whole: Any) -> Any:
    return whole[0] if whole else ("" if whole == "" else None)


@function("last(string|array)")
def _last(whole: Any) -> Any:
    return whole[-1] if whole else ("" if whole == "" else None)


functions(
    {
        "array(any)": lambda value: value if isinstance(value, list) else [value],
        "createArray(any...)": lambda *items: list(items),
    },
    takes_unknown=True,
)

functions(
    {
        "empty(string|array|object|null)": lambda whole: not whole,
        "length(string|array|object)": len,
        "take(string|array, int)": lambda whole, count: whole[: max(count, 0)],
        "skip(string|array, int)": lambda whole, count: whole[max(count, 0) :],
        "range(int, int)": lambda start, count: list(range(start, start + count)),
    }
)
