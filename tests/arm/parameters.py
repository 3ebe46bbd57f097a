"""What a template allows as the value of a parameter or of an output."""

from collections.abc import Mapping
from typing import Any

from tests.arm.azure_only import AzureOnly
from tests.arm.signature import kind_of

TYPES = {
    "string": "string",
    "securestring": "string",
    "int": "int",
    "bool": "bool",
    "array": "array",
    "object": "object",
    "secureobject": "object",
}
"""Type of a parameter, in lower case, to the kind of its value."""

DECLARATION = {"type", "defaultValue", "allowedValues", "minValue", "maxValue", "minLength", "maxLength", "metadata"}


class TemplateError(ValueError):
    """Azure would refuse the template, or the values given for its parameters."""


def is_secure(kind: str) -> bool:
    """Whether Azure keeps values of this type out of the deployment's history."""
    return kind.lower().startswith("secure")


def check_type(what: str, kind: str, value: Any) -> None:
    """Raise ``TemplateError`` unless ``value`` is of the template type ``kind``, or only Azure knows."""
    if kind.lower() not in TYPES:
        raise TemplateError(f"{what} has the type {kind!r}, which is none")
    if not isinstance(value, AzureOnly) and kind_of(value) != TYPES[kind.lower()]:
        raise TemplateError(f"{what} is of the type {kind}, and its value a {kind_of(value)}")


def check_parameter(name: str, declaration: Mapping[str, Any], value: Any) -> None:
    """Raise ``TemplateError`` unless the declaration allows the value. A secure value is never in the message."""
    what = f"the parameter {name!r}"
    if unknown := declaration.keys() - DECLARATION:
        raise TemplateError(f"{what} declares {sorted(unknown)}, which is nothing")
    check_type(what, declaration["type"], value)
    if isinstance(value, AzureOnly):
        return
    if "allowedValues" in declaration and value not in declaration["allowedValues"]:
        raise TemplateError(f"{what} is none of its allowedValues {declaration['allowedValues']}")
    size = value if TYPES[declaration["type"].lower()] == "int" else len(value) if isinstance(value, str | list) else 0
    for limit, reached in (
        ("minValue", int.__ge__),
        ("minLength", int.__ge__),
        ("maxValue", int.__le__),
        ("maxLength", int.__le__),
    ):
        if limit in declaration and not reached(size, declaration[limit]):
            raise TemplateError(f"{what} is against its {limit}, {declaration[limit]}: {size}")
