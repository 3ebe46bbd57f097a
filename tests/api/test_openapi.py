"""The document and the code say the same of the HTTP API."""

import re
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import jsonschema_rs
import pytest
import schemathesis

import function_app
from local.environment import DEAD_LETTERS
from onepassword_sentinel import __version__, requests, status
from onepassword_sentinel.backfill import read_backfill
from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.replay_run import ReplayCounts
from onepassword_sentinel.runs import RunState
from tests.api.document import DOCUMENT, PATH, ROOT, faults, operations, resolved
from triggers import dead_letters

SCHEMAS = DOCUMENT["components"]["schemas"]
STATUS = [kind for kind in vars(status).values() if is_dataclass(kind)]
JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
# What tells a reader more than a type can.
REMARKS = {"description", "examples", "minimum", "maximum"}
EXAMPLES = [
    (found["operationId"], code, kind, example)
    for _, _, found in operations()
    for code, answer in found["responses"].items()
    for kind, content in resolved(answer).get("content", {}).items()
    for example in [
        *([content["example"]] if "example" in content else []),
        *(resolved(example)["value"] for example in content.get("examples", {}).values()),
    ]
]


@cache  # an app can be indexed once
def triggers() -> dict[str, Any]:
    """Index the app, as the platform does, and take what is called over HTTP."""
    found = {function.get_function_name(): function.get_trigger() for function in function_app.app.get_functions()}
    return {name: trigger for name, trigger in found.items() if trigger.get_dict_repr()["type"] == "httpTrigger"}


def as_schema(hint: Any) -> dict[str, Any]:
    """Write a field's type as the document does."""
    hint = getattr(hint, "__value__", hint)
    kind, args = get_origin(hint), get_args(hint)
    if kind is Literal:
        return {"type": "string", "enum": list(args)}
    if kind is tuple:
        return {"type": "array", "items": as_schema(args[0])}
    if kind is dict:
        return {"type": "object", "additionalProperties": as_schema(args[1])}
    if kind is UnionType:
        inner = as_schema(args[0])
        return {"anyOf": [{"type": "null"}, inner]} if "$ref" in inner else {**inner, "type": [inner["type"], "null"]}
    if is_dataclass(hint):
        return {"$ref": f"#/components/schemas/{hint.__name__}"}
    return {"type": "string", "format": "date-time"} if hint is datetime else {"type": JSON_TYPES[hint]}


def bare(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave the type of a property, with the names of values that it shares with others put in."""
    if "$ref" in schema and resolved(schema)["type"] != "object":
        schema = resolved(schema)
    return {name: value for name, value in schema.items() if name not in REMARKS}


def test_the_document_is_openapi() -> None:
    """It keeps to the specification, each of its schemas to JSON Schema, and every operation can be called by it."""
    schema = schemathesis.openapi.from_path(PATH)
    schema.validate()
    assert len([operation.ok() for operation in schema.get_all_operations()]) == len(list(operations()))
    for found in SCHEMAS.values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **found})
    assert DOCUMENT["info"]["version"] == __version__


def test_functions_and_operations_are_the_same() -> None:
    """Names, methods and routes: none is missing here, and none is made up there."""
    code = {
        (name, method.value, f"/api/{trigger.route}")
        for name, trigger in triggers().items()
        for method in trigger.methods
    }
    assert code == {(operation["operationId"], method, path) for method, path, operation in operations()}


def test_everything_needs_a_key() -> None:
    """In the code by the level, and in the document for every operation, which says what happens without one."""
    assert {trigger.get_dict_repr()["authLevel"].value for trigger in triggers().values()} == {"function"}
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert [(found["in"], found["name"]) for found in schemes.values()] == [
        ("header", "x-functions-key"),
        ("query", "code"),
    ]
    assert DOCUMENT["security"] == [{name: []} for name in schemes]
    for _, path, operation in operations():
        assert "security" not in operation, path
        assert "content" not in resolved(operation["responses"]["401"]), path


@pytest.mark.parametrize("kind", STATUS, ids=lambda kind: kind.__name__)
def test_the_status_is_described_field_by_field(kind: type) -> None:
    """Same names in the same order with the same types; all are always there, and there are no others."""
    schema, hints = SCHEMAS[kind.__name__], get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    assert (list(schema["properties"]), schema["required"], schema["additionalProperties"]) == (names, names, False)
    assert {name: bare(schema["properties"][name]) for name in names} == {
        name: as_schema(hints[name]) for name in names
    }


def test_objects_are_closed() -> None:
    """Every object says which members it has and that it has no others, or of which type all of its members are."""
    objects = {name: schema for name, schema in SCHEMAS.items() if schema.get("type") == "object"}
    assert [name for name, schema in objects.items() if schema["additionalProperties"] is not False] == []
    loose = {name: set(schema["properties"]) ^ set(schema["required"]) for name, schema in objects.items()}
    assert {name: left for name, left in loose.items() if left} == {
        "BackfillWindow": {"end_time", "event_types", "account"}
    }


def test_what_the_code_counts_and_limits() -> None:
    """Numbers and names that stand in both are the same."""
    assert SCHEMAS["EventType"]["enum"] == list(EventType)
    assert bare(SCHEMAS["RunState"]) == as_schema(RunState)
    assert SCHEMAS["DeadLetters"]["properties"]["dead_letters"]["maxItems"] == dead_letters.MOST_LISTED
    assert f"{requests.MOST_BYTES:,} bytes" in " ".join(DOCUMENT["info"]["description"].split())
    assert f"`{DEAD_LETTERS}`" in PATH.read_text(encoding="utf-8")
    counts = {field.name for field in fields(ReplayCounts)}
    for name in ("ReplayProblem", "Replay", "EndedReplay"):
        assert counts <= set(SCHEMAS[name]["required"])


@pytest.mark.parametrize(("operation", "code", "kind", "example"), EXAMPLES)
def test_examples_are_answers(operation: str, code: str, kind: str, example: Any) -> None:
    """Each keeps to its own schema."""
    (answer,) = (found["responses"][code] for _, _, found in operations() if found["operationId"] == operation)
    assert faults(resolved(answer)["content"][kind]["schema"], example) == []


def test_the_example_of_a_backfill_has_its_id() -> None:
    """Whoever sends the example is answered the example."""
    (operation,) = (found for _, _, found in operations() if found["operationId"] == "start_backfill")
    sent = operation["requestBody"]["content"]["application/json"]["examples"]["week"]["value"]
    answered = operation["responses"]["202"]["content"]["application/json"]["example"]
    read = read_backfill(sent, datetime(2026, 11, 24, tzinfo=UTC))
    assert (answered["id"], answered["start_time"], answered["end_time"]) == (read.id, read.start_time, read.end_time)


def test_the_example_of_an_empty_body_is_what_the_code_says() -> None:
    """Whoever sends a chunked body finds the answer, with the likely cause and the header, in the document."""
    with pytest.raises(requests.InvalidRequestError) as caught:
        requests.read_object(b"")
    example = DOCUMENT["components"]["examples"]["empty_body"]["value"]
    assert example["detail"] == str(caught.value)
    assert example["errors"] == [{"pointer": "", "detail": str(caught.value)}]


def test_nothing_leads_to_the_task_hub() -> None:
    """Neither the document nor the code gives the addresses of the extension's own API, which carry its key."""
    edges = ["activities", "entities", "orchestrators", "triggers", "status_page", "onepassword_sentinel"]
    code = [ROOT / "function_app.py", *(path for edge in edges for path in (ROOT / edge).rglob("*.py"))]
    wanted = re.compile(
        r"create_(?:check_status|http_management)\w+|runtime/webhooks|management_?urls|durabletask_extension",
        re.IGNORECASE,
    )
    found = {path.name: wanted.findall(path.read_text(encoding="utf-8")) for path in [PATH, *code]}
    assert {name: names for name, names in found.items() if names} == {}
