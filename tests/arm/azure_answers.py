"""What Azure answers to ``reference()`` and ``list()``: what a test says, and else a value that only Azure knows."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.arm.azure_only import AzureOnly, rendered
from tests.arm.expression import ExpressionError

API_VERSION = re.compile(r"20\d\d-\d\d-\d\d(-preview)?")


@dataclass(frozen=True)
class Question:
    """What ``reference()`` or ``list()`` asks for, by a name or an id, and with an API version or without."""

    named: str
    versioned: bool


class Answers:
    """Answers by resource id: the whole resource as JSON, or what its ``list`` operation gives."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.taken: list[AzureOnly] = []
        self._given = {identifier.lower(): answer for identifier, answer in given.items()}

    def knows(self, identifier: str) -> bool:
        """Whether a resource is there already."""
        return identifier.lower() in self._given

    def answer(self, name: str, identifier: str, arguments: list[Any]) -> Any:
        """The value of the function ``name`` for a resource. Raises ``ExpressionError`` for wrong arguments."""
        if len(arguments) > 1 and not (isinstance(arguments[1], str) and API_VERSION.fullmatch(arguments[1])):
            raise ExpressionError(f"{name}() with an API version that is none")
        refers = name.lower() == "reference"
        if refers and len(arguments) > 2 and str(arguments[2]).lower() != "full":
            raise ExpressionError("the third argument of reference() can only be 'Full'")
        if identifier.lower() not in self._given:
            rest = (each if isinstance(each, str) else json.dumps(rendered(each)) for each in arguments[1:])
            return AzureOnly(f"<{name}({', '.join([identifier, *rest])})>", identifier)
        answer = self._given[identifier.lower()]
        return answer["properties"] if refers and len(arguments) < 3 else answer
