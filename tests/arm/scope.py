"""In what an expression is evaluated: parameters, variables, and the resource group it is deployed to."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.arm import arithmetic, functions
from tests.arm.azure_answers import Answers, Question
from tests.arm.azure_only import AzureOnly, call_text, holds_azure_only
from tests.arm.azure_place import Place
from tests.arm.expression import ExpressionError, evaluate, expression_in, literal, parse
from tests.arm.parameters import TemplateError, check_parameter
from tests.arm.resource_ids import group_id, resource_id
from tests.arm.signature import Signature

assert arithmetic  # It enters functions into FUNCTIONS.

SIGNATURES = {
    signature.name.lower(): signature
    for signature in map(
        Signature.read,
        (
            "parameters(string)",
            "variables(string)",
            "resourceGroup()",
            "subscription()",
            "tenant()",
            "environment()",
            "deployment()",
            "resourceId(string, string, string...)",
            "subscriptionResourceId(string, string, string...)",
            "tenantResourceId(string, string, string...)",
            "extensionResourceId(string, string, string, string...)",
            "reference(string, string?, string?)",
            "if(any, any, any)",
        ),
    )
}
LIST = Signature.read("list*(string, string, object?)")
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def signature_of(name: str) -> Signature:
    """The signature of a template function. Raises ``ExpressionError`` if there is none of this name."""
    if name.lower() in functions.FUNCTIONS:
        return functions.FUNCTIONS[name.lower()][0]
    if name.lower() in SIGNATURES:
        return SIGNATURES[name.lower()]
    if name.lower().startswith("list"):
        return LIST
    raise ExpressionError(f"no function {name}()")


class Scope:
    """Evaluates the values of one template. ``find`` is the id of a resource that ``reference()`` names."""

    def __init__(
        self,
        template: Mapping[str, Any],
        given: Mapping[str, Any],
        place: Place,
        deployment: str,
        answers: Answers,
    ) -> None:
        """Raises ``TemplateError`` and ``ExpressionError`` if the values do not fit the template's parameters."""
        self.place = place
        self.find: Callable[[str], str] = lambda name: name
        self._deployment = deployment
        self._answers = answers
        self._declared = {name.lower(): (name, each) for name, each in template.get("parameters", {}).items()}
        self._variable_texts = {name.lower(): value for name, value in template.get("variables", {}).items()}
        self._given = {name.lower(): value for name, value in given.items()}
        self._parameters: dict[str, Any] = {}
        self._variables: dict[str, Any] = {}
        self._under_way: list[str] = []
        self._questions: list[Question] | None = None
        if foreign := self._given.keys() - self._declared.keys():
            raise TemplateError(f"a value for {sorted(foreign)}, which the template does not declare")
        self.parameters = {name: self._parameter(name) for name, _ in self._declared.values()}

    def value(self, json: Any, questions: list[Question] | None = None) -> Any:
        """``json`` with its expressions evaluated. Raises ``ExpressionError``.

        Where there is no list for them, ``reference()`` and ``list()`` are not allowed: Azure answers them only in
        a resource's properties and in outputs.
        """
        before, self._questions = self._questions, questions
        try:
            return self._value(json)
        finally:
            self._questions = before

    def _value(self, json: Any) -> Any:
        if isinstance(json, dict):
            return {self._key(key): self._value(item) for key, item in json.items()}
        if isinstance(json, list):
            return [self._value(item) for item in json]
        if not isinstance(json, str):
            return json
        expression = expression_in(json)
        if expression is None:
            return literal(json)
        node = parse(expression)
        try:
            return evaluate(node, self._call, self._answers.taken.append)
        except ExpressionError as error:
            raise ExpressionError(f"{error}: {json}") from None

    def _key(self, key: str) -> str:
        value = self._value(key)
        if not isinstance(value, str):
            raise ExpressionError(f"the name of a property has to be a string known before: {key}")
        return value

    def _call(self, name: str, arguments: list[Any]) -> Any:
        low = name.lower()
        if low in functions.FUNCTIONS:
            return functions.call_function(name, arguments)
        signature_of(name).check(arguments)
        if low not in SIGNATURES or low == "reference":
            return self._ask(name, arguments)
        if holds_azure_only(arguments):
            return AzureOnly(f"<{call_text(name, arguments)}>")
        answers: dict[str, Callable[..., Any]] = {
            "parameters": self._parameter,
            "variables": self._variable,
            "resourcegroup": self.place.group,
            "subscription": self.place.subscription_object,
            "tenant": lambda: {"tenantId": self.place.tenant},
            "environment": self.place.environment,
            "deployment": lambda: {"name": self._deployment, "properties": {"mode": "Incremental"}},
            "resourceid": self._resource_id,
            "subscriptionresourceid": self._subscription_resource_id,
            "tenantresourceid": lambda kind, *names: resource_id("", kind, names),
            "extensionresourceid": lambda scope, kind, *names: resource_id(scope, kind, names),
        }
        return answers[low](*arguments)

    def _parameter(self, name: str) -> Any:
        low = name.lower()
        if low not in self._declared:
            raise ExpressionError(f"no parameter {name!r}")
        if low not in self._parameters:
            declared = self._declared[low][1]
            if low in self._given:
                value = self._given[low]
            elif "defaultValue" in declared:
                value = self._once(f"parameter {name!r}", declared["defaultValue"])
            else:
                raise TemplateError(f"no value for the parameter {name!r}")
            check_parameter(name, declared, value)
            self._parameters[low] = value
        return self._parameters[low]

    def _variable(self, name: str) -> Any:
        low = name.lower()
        if low not in self._variable_texts:
            raise ExpressionError(f"no variable {name!r}")
        if any(each.startswith("parameter ") for each in self._under_way):
            raise ExpressionError("a parameter's default value cannot use variables")
        if low not in self._variables:
            self._variables[low] = self._once(f"variable {name!r}", self._variable_texts[low])
        return self._variables[low]

    def _once(self, what: str, json: Any) -> Any:
        """The value of a default or a variable, which may need others, but not itself."""
        if what.lower() in self._under_way:
            raise ExpressionError(f"the {what} needs itself")
        self._under_way.append(what.lower())
        try:
            return self.value(json)
        finally:
            self._under_way.pop()

    def _resource_id(self, *arguments: str) -> str:
        at = next((place for place, each in enumerate(arguments) if "/" in each), len(arguments))
        subscription, group = self.place.subscription, self.place.resource_group
        if at == 2:
            subscription, group = arguments[:2]
        elif at == 1:
            group = arguments[0]
        if at > 2 or at == len(arguments) or not GUID.fullmatch(subscription):
            raise ExpressionError("resourceId() takes [subscription], [resource group], type and names")
        return resource_id(group_id(subscription, group), arguments[at], arguments[at + 1 :])

    def _subscription_resource_id(self, *arguments: str) -> str:
        named = "/" not in arguments[0]
        subscription = arguments[0] if named else self.place.subscription
        if not GUID.fullmatch(subscription):
            raise ExpressionError("subscriptionResourceId() takes [subscription], type and names")
        return resource_id(f"/subscriptions/{subscription}", arguments[named], arguments[named + 1 :])

    def _ask(self, name: str, arguments: list[Any]) -> Any:
        if self._questions is None:
            raise ExpressionError(f"{name}() is allowed only in a resource's properties and in outputs")
        if isinstance(arguments[0], AzureOnly):
            raise ExpressionError(f"{name}() of what only Azure knows: {arguments[0].text}")
        identifier = arguments[0] if arguments[0].startswith("/") else self.find(arguments[0])
        self._questions.append(Question(arguments[0], versioned=len(arguments) > 1))
        return self._answers.answer(name, identifier, arguments)
