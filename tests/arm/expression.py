"""The expressions of Azure Resource Manager templates: ``[concat('a', parameters('b').c[0])]``."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

from tests.arm.azure_only import AzureOnly

# Azure Resource Manager docs, "Syntax and expressions": characters in one expression.
LONGEST = 24_576

TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<integer>-?\d+\b)|(?P<name>[A-Za-z_][\w-]*)|(?P<mark>[().,\[\]]))"
)


class ExpressionError(ValueError):
    """An expression that Azure would refuse; the message ends with it."""


@dataclass(frozen=True)
class Literal:
    """A string or an integer."""

    value: str | int


@dataclass(frozen=True)
class Call:
    """A function with its arguments; the name as it is written."""

    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True)
class Access:
    """``target.key``, ``target['key']`` or ``target[0]``."""

    target: "Node"
    key: "Node"


type Node = Literal | Call | Access


def expression_in(text: str) -> str | None:
    """What stands between the brackets; None if ``text`` is a literal string."""
    return text[1:-1] if text.startswith("[") and text.endswith("]") and not text.startswith("[[") else None


def literal(text: str) -> str:
    """A string that is no expression, without the bracket that says so."""
    return text[1:] if text.startswith("[[") and text.endswith("]") else text


@cache
def parse(text: str) -> Node:
    """Read the expression ``text``, without its brackets. Raises ``ExpressionError``."""
    if len(text) > LONGEST:
        raise ExpressionError(f"an expression of {len(text)} characters: [{text[:60]}...]")
    return _Parser(text).whole()


def calls(node: Node) -> Iterator[Call]:
    """Every call in ``node``, also those that evaluation would pass by."""
    if isinstance(node, Call):
        yield node
        for argument in node.arguments:
            yield from calls(argument)
    elif isinstance(node, Access):
        yield from calls(node.target)
        yield from calls(node.key)


def evaluate(node: Node, call: Callable[[str, list[Any]], Any], seen: Callable[[AzureOnly], None]) -> Any:
    """The value of ``node``. ``call`` answers a function of evaluated arguments; ``if`` evaluates one branch only.

    ``seen`` is told of each property that is taken from a value that only Azure knows. Raises ``ExpressionError``.
    """
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Access):
        found = _part(evaluate(node.target, call, seen), evaluate(node.key, call, seen))
        if isinstance(found, AzureOnly):
            seen(found)
        return found
    if node.name.lower() != "if":
        return call(node.name, [evaluate(argument, call, seen) for argument in node.arguments])
    if len(node.arguments) != 3:
        raise ExpressionError("if() takes three arguments")
    condition = evaluate(node.arguments[0], call, seen)
    if isinstance(condition, AzureOnly):
        raise ExpressionError(f"only Azure knows the condition {condition.text}")
    if not isinstance(condition, bool):
        raise ExpressionError("the condition of if() is neither true nor false")
    return evaluate(node.arguments[1 if condition else 2], call, seen)


def _part(target: Any, key: Any) -> Any:
    if isinstance(key, AzureOnly):
        raise ExpressionError(f"only Azure knows the key {key.text}")
    if isinstance(target, AzureOnly):
        if target.composed:
            raise ExpressionError(f"a string has no property {key!r}")
        return target.part(key)
    if isinstance(target, dict) and isinstance(key, str):
        for name, value in target.items():
            if name.lower() == key.lower():
                return value
        raise ExpressionError(f"no property {key!r}, but {sorted(target)}")
    if isinstance(target, list) and isinstance(key, int):
        if 0 <= key < len(target):
            return target[key]
        raise ExpressionError(f"no element {key} of {len(target)}")
    raise ExpressionError(f"a {type(target).__name__} has no part {key!r}")


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._tokenize())
        self._next = 0

    def whole(self) -> Node:
        node = self._node()
        if self._next != len(self._tokens):
            self._fail(f"{self._tokens[self._next][1]!r} after its end")
        return node

    def _tokenize(self) -> Iterator[tuple[str, str]]:
        at = 0
        while self._text[at:].strip():
            token = TOKEN.match(self._text, at)
            if token is None or token.lastgroup is None:
                self._fail(f"nothing known at {self._text[at : at + 20]!r}")
            yield token.lastgroup, token[token.lastgroup]
            at = token.end()

    def _node(self) -> Node:
        kind, text = self._take()
        if kind == "string":
            return Literal(text[1:-1].replace("''", "'"))
        if kind == "integer":
            return Literal(int(text))
        if kind != "name":
            self._fail(f"{text!r} where a value should be")
        self._take("(")
        node: Node = Call(text, self._arguments())
        while self._peek() in {".", "["}:
            if self._take()[1] == ".":
                node = Access(node, Literal(self._property()))
            else:
                node = Access(node, self._node())
                self._take("]")
        return node

    def _arguments(self) -> tuple[Node, ...]:
        arguments: list[Node] = []
        while self._peek() != ")":
            if arguments:
                self._take(",")
            arguments.append(self._node())
        self._take(")")
        return tuple(arguments)

    def _property(self) -> str:
        kind, text = self._take()
        if kind != "name":
            self._fail(f"{text!r} where a property should be")
        return text

    def _peek(self) -> str | None:
        return self._tokens[self._next][1] if self._next < len(self._tokens) else None

    def _take(self, wanted: str | None = None) -> tuple[str, str]:
        if self._next == len(self._tokens):
            self._fail("it ends too early")
        token = self._tokens[self._next]
        if wanted is not None and token != ("mark", wanted):
            self._fail(f"{token[1]!r} where {wanted!r} should be")
        self._next += 1
        return token

    def _fail(self, reason: str) -> NoReturn:
        raise ExpressionError(f"{reason}: [{self._text}]")
