"""Which arguments a template function takes, by number and type."""

import re
from dataclasses import dataclass
from typing import Any, Self

from tests.arm.azure_only import AzureOnly
from tests.arm.expression import ExpressionError

KINDS = {"string": str, "int": int, "bool": bool, "array": list, "object": dict, "null": type(None)}


def kind_of(value: Any) -> str:
    """The type of a value as a template names it; ``unknown`` for one that only Azure knows."""
    if isinstance(value, AzureOnly):
        return "unknown"
    if isinstance(value, float):
        return "float"
    # bool is an int, so it is asked first.
    return next(kind for kind in ("bool", *KINDS) if isinstance(value, KINDS[kind]))


@dataclass(frozen=True)
class Signature:
    """``substring(string, int, int?)``: ``?`` may be left out, ``|`` is one of several, ``...`` none or more."""

    name: str
    kinds: tuple[frozenset[str], ...]
    required: int
    rest: frozenset[str] | None

    @classmethod
    def read(cls, text: str) -> Self:
        """From the form above."""
        match = re.fullmatch(r"([\w*]+)\((.*)\)", text)
        assert match, text
        kinds, required, rest = [], 0, None
        for argument in filter(None, match[2].split(", ")):
            allowed = frozenset(argument.rstrip("?.").split("|"))
            assert allowed <= KINDS.keys() | {"any"}, text
            if argument.endswith("..."):
                rest = allowed
                continue
            kinds.append(allowed)
            required += not argument.endswith("?")
        return cls(match[1], tuple(kinds), required, rest)

    def check_count(self, count: int) -> None:
        """Raise ``ExpressionError`` if it does not take ``count`` arguments."""
        if count < self.required or (self.rest is None and count > len(self.kinds)):
            raise ExpressionError(f"{self.name}() does not take {count} argument(s)")

    def check(self, arguments: list[Any]) -> None:
        """Raise ``ExpressionError`` if an argument is missing, too many or of the wrong type."""
        self.check_count(len(arguments))
        for place, argument in enumerate(arguments):
            allowed = self.kinds[place] if place < len(self.kinds) else self.rest or frozenset()
            kind = kind_of(argument)
            if kind != "unknown" and not allowed & {kind, "any"}:
                wanted = "|".join(sorted(allowed))
                raise ExpressionError(f"argument {place + 1} of {self.name}(), of the type {kind}, is not {wanted}")
