"""A request's body: a JSON array of objects, whose long fields Azure cuts."""

import json

import msgspec

# Azure Monitor service limits, "Custom logs": maximum size of field values. What is longer is cut without a word.
FIELD_BYTES = 65_536


class MalformedBodyError(ValueError):
    """The body is not a JSON array of objects in UTF-8."""


def read_rows(body: bytes) -> str:
    """The text of a JSON array of the body's rows, no field longer than FIELD_BYTES."""
    try:
        text = body.decode()
        rows = [bytes(row) for row in msgspec.json.decode(text, type=list[msgspec.Raw])]
    except (UnicodeDecodeError, msgspec.DecodeError) as error:
        raise MalformedBodyError from error
    if not all(row.startswith(b"{") for row in rows):
        raise MalformedBodyError
    if all(len(row) <= FIELD_BYTES for row in rows):
        return text
    return f"[{','.join(_cut_fields(row) for row in rows)}]"


def _cut_fields(row: bytes) -> str:
    if len(row) <= FIELD_BYTES:
        return row.decode()
    return json.dumps({name: _cut(value) for name, value in json.loads(row).items()}, ensure_ascii=False)


def _cut(value: object) -> object:
    """Keep whole characters only. Assumed: an object whose JSON was cut is no object any more, but its text."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    encoded = text.encode()
    return value if len(encoded) <= FIELD_BYTES else encoded[:FIELD_BYTES].decode(errors="ignore")
