"""Which functions an app's functions run, from its source: the platform's index of the functions does not say.

A function is followed into every function and class of the app that it mentions. So it does not matter whether it calls
an activity itself or leaves that to a helper in another module, even to one that is told the activity's name.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from local.app_source import AppSource, Definition, Module

# The SDK's calls that name a function in their first argument.
_CALLS: Final = frozenset({"call_activity", "call_sub_orchestrator", "schedule_new_orchestration"})
# An entity is named by the id that the call is given; who only reads its state makes such an id, too.
_ENTITY_ID: Final = "EntityInstanceId"
_ENTITY_CALLS: Final = frozenset({"call_entity", "signal_entity"})
_AGAIN: Final = "continue_as_new"


@dataclass(slots=True)
class Calls:
    """What a function runs, by name; `again`: itself, in a new generation."""

    functions: set[str] = field(default_factory=set)
    entities: set[str] = field(default_factory=set)
    again: bool = False


def calls_of(app_dir: Path) -> dict[str, Calls]:
    """Read what each of an app's functions runs, by the function's name."""
    return {
        name: _Walk().through(module, definition)
        for module in AppSource(app_dir).imported_from("function_app")
        for definition in module.definitions.values()
        if (name := _registered_as(definition))
    }


def _registered_as(definition: Definition) -> str | None:
    """Tell by what name the decorators register a function, as in `@bp.timer_trigger(...)`; None if they do not."""
    name = None
    for decorator in definition.decorator_list:
        match decorator:
            case (
                ast.Call(func=ast.Attribute(attr="function_name"), args=[ast.Constant(value=str(text))])
                | ast.Call(
                    func=ast.Attribute(attr="function_name"),
                    keywords=[ast.keyword(value=ast.Constant(value=str(text)))],
                )
            ):
                return text
            case ast.Call(func=ast.Attribute()):
                name = definition.name
    return name


class _Walk:
    """The way of one function through the source."""

    def __init__(self) -> None:
        self._found = Calls()
        self._calls_entities = False
        self._seen: set[tuple[int, frozenset[tuple[str, str]]]] = set()

    def through(self, module: Module, definition: Definition) -> Calls:
        """Follow the function wherever it leads."""
        self._enter(module, definition, {})
        if not self._calls_entities:
            self._found.entities.clear()
        return self._found

    def _enter(self, module: Module, definition: Definition, given: Mapping[str, str]) -> None:
        """Read a definition; `given` are the strings that its parameters stand for."""
        place = (id(definition), frozenset(given.items()))
        if place in self._seen:
            return
        self._seen.add(place)
        scope = _Scope(module, given, frozenset(_names_bound_in(definition)))
        called = {id(node.func): node for node in ast.walk(definition) if isinstance(node, ast.Call)}
        for node in ast.walk(definition):
            if isinstance(node, ast.Call):
                self._note(node, scope)
            found = scope.definition(node)
            if found is not None:
                call = called.get(id(node))
                self._enter(*found, dict(_arguments(call, *found, scope)))

    def _note(self, call: ast.Call, scope: "_Scope") -> None:
        match call.func:
            case ast.Attribute(attr=name) | ast.Name(id=name):
                self._calls_entities |= name in _ENTITY_CALLS
                self._found.again |= name == _AGAIN
                text = scope.text(call.args[0]) if call.args else None
                if text and name in _CALLS:
                    self._found.functions.add(text)
                elif text and name == _ENTITY_ID:
                    self._found.entities.add(text.lower())


@dataclass(frozen=True, slots=True)
class _Scope:
    """What names stand for within a definition; those that it binds itself hide the module's."""

    module: Module
    given: Mapping[str, str]
    bound: frozenset[str]

    def definition(self, node: ast.AST) -> tuple[Module, Definition] | None:
        return None if self._hides(node) else self.module.definition(node)

    def text(self, node: ast.AST) -> str | None:
        if isinstance(node, ast.Name) and node.id in self.given:
            return self.given[node.id]
        return None if self._hides(node) else self.module.text(node)

    def _hides(self, node: ast.AST) -> bool:
        root = node.value if isinstance(node, ast.Attribute) else node
        return isinstance(root, ast.Name) and root.id in self.bound


def _names_bound_in(definition: Definition) -> Iterator[str]:
    for node in ast.walk(definition):
        match node:
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if node is not definition:
                yield name


def _arguments(
    call: ast.Call | None, module: Module, definition: Definition, scope: _Scope
) -> Iterator[tuple[str, str]]:
    """Pair a function's parameters with the strings that they are given, or else with their defaults."""
    if isinstance(definition, ast.ClassDef):
        return
    signature = definition.args
    names = [parameter.arg for parameter in (*signature.posonlyargs, *signature.args)]
    defaults = [
        *zip(reversed(names), reversed(signature.defaults), strict=False),
        *zip((parameter.arg for parameter in signature.kwonlyargs), signature.kw_defaults, strict=True),
    ]
    texts = {name: module.text(value) for name, value in defaults if value}
    if call is not None:
        given = [*zip(names, call.args, strict=False), *((keyword.arg, keyword.value) for keyword in call.keywords)]
        texts |= {name: scope.text(value) for name, value in given if name}
    yield from ((name, text) for name, text in texts.items() if text is not None)
