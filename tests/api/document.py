"""The OpenAPI document, and what is wrong with an answer by it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
PATH: Final = ROOT / "docs/openapi.yaml"
DOCUMENT: Final[dict[str, Any]] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give the method, the path and the operation of each."""
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference within the document."""
    while "$ref" in value:
        found: Any = DOCUMENT
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


def answers(operation_id: str) -> dict[str, dict[str, Any]]:
    """Give what an operation answers, by status."""
    (operation,) = (found for _, _, found in operations() if found["operationId"] == operation_id)
    return {status: resolved(found) for status, found in operation["responses"].items()}


def faults(schema: dict[str, Any], value: Any) -> list[str]:
    """Hold a value against a schema of the document."""
    validator = jsonschema_rs.Draft202012Validator(
        {**schema, "components": DOCUMENT["components"]}, validate_formats=True
    )
    return [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(value)]


def undocumented(operation_id: str, status: int, content_type: str, body: bytes) -> list[str]:
    """Say in what an answer differs from all that the document has for the operation."""
    answer = answers(operation_id).get(str(status))
    if answer is None:
        return [f"{operation_id} does not answer {status}: {body[:500]!r}"]
    kind = content_type.partition(";")[0]
    content = answer.get("content", {}).get(kind)
    if content is None:
        return [f"{operation_id} does not answer {status} with {kind or 'nothing'}: {body[:500]!r}"]
    return faults(content["schema"], json.loads(body) if kind.endswith("json") else body.decode())
