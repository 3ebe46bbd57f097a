"""Names in a template's expressions, also in those that no set of values would evaluate."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.arm.expression import ExpressionError, Literal, calls, expression_in, parse
from tests.arm.scope import signature_of

DECLARING = ("parameters", "variables")


def check_symbols(template: Mapping[str, Any]) -> list[str]:
    """Raise ``ExpressionError`` for an expression that cannot be read, and for names that are declared nowhere.

    Gives back what is declared and never used: ``variables('x')``, with the name of the nested deployment before it.
    """
    used: dict[str, set[str]] = {section: set() for section in DECLARING}
    unused: list[str] = []
    for text in _strings(template, unused):
        expression = expression_in(text)
        for call in calls(parse(expression)) if expression is not None else ():
            try:
                signature_of(call.name).check_count(len(call.arguments))
                if call.name.lower() in DECLARING:
                    used[call.name.lower()].add(_declared_name(template, call.name, call.arguments[0]))
            except ExpressionError as error:
                raise ExpressionError(f"{error}: {text}") from None
    for section in DECLARING:
        unused += [f"{section}('{name}')" for name in template.get(section, {}) if name.lower() not in used[section]]
    return unused


def _declared_name(template: Mapping[str, Any], section: str, argument: Any) -> str:
    if not isinstance(argument, Literal):
        raise ExpressionError(f"{section}() takes a name, not an expression")
    name = str(argument.value).lower()
    if name not in map(str.lower, template.get(section.lower(), {})):
        raise ExpressionError(f"no {section.lower()[:-1]} {argument.value!r}")
    return name


def _strings(json: Any, unused: list[str]) -> Iterator[str]:
    """Every string, also names of properties. A nested template with inner scope is checked on its own."""
    if isinstance(json, str):
        yield json
    elif isinstance(json, list):
        for item in json:
            yield from _strings(item, unused)
    elif isinstance(json, Mapping):
        inner = json.get("expressionEvaluationOptions", {}) == {"scope": "inner"}
        for name, item in json.items():
            yield name
            if inner and name == "template":
                unused += [f"nested {each}" for each in check_symbols(item)]
            else:
                yield from _strings(item, unused)
