"""The portal's wizard without a portal: what it shows, what it refuses and what it hands to the template.

How the portal evaluates is documented only in part, so the stricter reading stands: both branches of ``if()`` are
evaluated, and only ``coalesce()``, ``empty()`` and ``equals()`` take what has no value.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.arm.expression import Access, Call, Literal, Node, expression_in, parse

ROOT: Final = Path(__file__).resolve().parents[2]
WIZARD: Final[dict[str, Any]] = json.loads((ROOT / "createUiDefinition.json").read_text(encoding="utf-8"))

# The functions of "CreateUiDefinition functions" that the wizard uses, and the types that their arguments may have.
FUNCTIONS: Final[dict[str, tuple[type | tuple[type, ...], Callable[..., Any]]]] = {
    "and": (bool, lambda *given: all(given)),
    "bool": ((bool, int, str), lambda given: given not in {0, "false"}),
    "coalesce": (object, lambda *given: next((value for value in given if value is not None), None)),
    "concat": (str, lambda *given: "".join(given)),
    "empty": (object, lambda given: given in (None, "", [], {})),
    "equals": (object, lambda one, other: type(one) is type(other) and one == other),
    "greater": (int, lambda one, other: one > other),
    "int": ((int, float, str), int),
    "mul": (int, lambda one, other: one * other),
    "not": (bool, lambda given: not given),
    "or": (bool, lambda *given: any(given)),
    "replace": (str, lambda text, old, new: text.replace(old, new)),
    "string": ((int, str), str),
}


@dataclass(frozen=True)
class Form:
    """The wizard, filled in: ``answers`` by step and element, as values, not labels; the rest is left as it was.

    ``unseen`` is the value of an element that is not shown: the documentation says that it has none, Microsoft's own
    samples also reckon with an empty one.
    """

    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    group: Mapping[str, str] = field(default_factory=lambda: {"name": "rg-1password", "mode": "New"})
    unseen: str | None = None
    wizard: Mapping[str, Any] = field(default_factory=lambda: WIZARD)

    def outputs(self) -> dict[str, Any]:
        """The parameters that the template is given."""
        return {name: self.value(text) for name, text in self.wizard["parameters"]["outputs"].items()}

    def shown(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The elements that can be seen, with the name of their step."""
        for step, element in elements(self.wizard):
            if self._is_shown(element):
                yield step, element

    def complaints(self) -> list[str]:
        """What keeps the wizard from going on: the names of missing inputs, and messages about wrong ones."""
        found = []
        for step, element in self.shown():
            constraints, given = element.get("constraints", {}), self._given(step, element)
            if given in (None, ""):
                found += [element["name"]] if constraints.get("required") else []
            elif isinstance(given, str):
                rules = ((rule["regex"], rule["message"]) for rule in rules_of(element))
                found += [message for regex, message in rules if not re.search(regex, given)]
        return found

    def value(self, text: Any) -> Any:
        """A property's value: itself, or that of the expression which it is."""
        inner = expression_in(text) if isinstance(text, str) else None
        return text if inner is None else self._evaluate(parse(inner))

    def _is_shown(self, element: Mapping[str, Any]) -> bool:
        shown = self.value(element.get("visible", True))
        assert isinstance(shown, bool), element["name"]
        return shown

    def _of_element(self, step: str, name: str) -> Any:
        element = next(element for at, element in elements(self.wizard) if (at, element["name"]) == (step, name))
        return self._given(step, element) if self._is_shown(element) else self.unseen

    def _given(self, step: str, element: Mapping[str, Any]) -> Any:
        return self.answers.get(step, {}).get(element["name"], default_of(element))

    def _evaluate(self, node: Node) -> Any:
        if isinstance(node, Literal):
            return node.value
        if isinstance(node, Access):
            key = self._evaluate(node.key)
            if isinstance(node.target, Call) and node.target.name == "steps":
                return self._of_element(self._evaluate(node.target.arguments[0]), key)
            target = self._evaluate(node.target)
            # An element without a value has no properties, and a group that is not chosen yet has none either.
            return target.get(key) if target else None
        arguments = [self._evaluate(argument) for argument in node.arguments]
        if node.name in {"location", "resourceGroup"}:
            return "westeurope" if node.name == "location" else self.group
        if node.name == "if":
            condition, one, other = arguments
            assert isinstance(condition, bool), node
            return one if condition else other
        types, function = FUNCTIONS[node.name]
        assert all(isinstance(argument, types) for argument in arguments), (node.name, arguments)
        return function(*arguments)


def elements(wizard: Mapping[str, Any] = WIZARD) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every element, with the name of its step."""
    for step in wizard["parameters"]["steps"]:
        yield from ((step["name"], element) for element in step["elements"])


def choices_of(element: Mapping[str, Any]) -> dict[str, str]:
    """The values of a choice, by their labels."""
    return {choice["label"]: choice["value"] for choice in element.get("constraints", {}).get("allowedValues", ())}


def default_of(element: Mapping[str, Any]) -> Any:
    """The value before anybody touches the element; a choice names it by its label."""
    default = element.get("defaultValue")
    return choices_of(element)[str(default)] if choices_of(element) else default


def rules_of(element: Mapping[str, Any]) -> list[dict[str, str]]:
    """What a text has to match, and what is said if it does not; a password box writes it in another way."""
    constraints = element.get("constraints", {})
    single = (
        [{"regex": constraints["regex"], "message": constraints["validationMessage"]}] if "regex" in constraints else []
    )
    return [*single, *constraints.get("validations", ())]
