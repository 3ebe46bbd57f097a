"""A template with values for its parameters, expanded as Azure Resource Manager would: strictly, and offline."""

import contextlib
import re
from collections.abc import Mapping
from typing import Any

from tests.arm.azure_answers import API_VERSION, Answers, Question
from tests.arm.azure_only import rendered
from tests.arm.azure_place import Place
from tests.arm.expanded import Deployment, Expansion, Resource, Typed
from tests.arm.expression import ExpressionError
from tests.arm.needs import Need, check_needs
from tests.arm.parameters import TemplateError, check_type
from tests.arm.resource_ids import relative_id, resource_id
from tests.arm.scope import Scope
from tests.arm.siblings import Sibling, Siblings
from tests.arm.template_symbols import check_symbols

SECTIONS = {
    "$schema", "languageVersion", "contentVersion", "metadata", "parameters", "variables", "resources", "outputs",
}  # fmt: skip
REQUIRED = {"$schema", "contentVersion", "resources"}
NOT_BODY = {"condition", "dependsOn", "comments", "metadata", "@options"}
# What Bicep compiles its decorator @onlyIfNotExists() to: a resource that is there is not touched.
ONLY_IF_NOT_EXISTS = {"onlyIfNotExists": []}
DEPLOYMENTS = "microsoft.resources/deployments"
# Azure Resource Manager docs, "Naming rules": Microsoft.Resources/deployments.
DEPLOYMENT_NAME = re.compile(r"[\w.()-]{1,64}")


def expand(
    template: Mapping[str, Any],
    parameters: Mapping[str, Any] | None = None,
    place: Place | None = None,
    answers: Mapping[str, Any] | None = None,
) -> Expansion:
    """What ``template`` deploys to ``place`` with these values of its parameters.

    ``answers`` are resources that are there already, whole, by id; for ``list()`` what the operation answers.
    A resource whose condition is false is left out, and evaluated only as far as its name and what it asks for. What
    is to be made only if it does not exist, and is among the ``answers``, is kept as it is.
    Raises ``TemplateError`` or ``ExpressionError``, both a ``ValueError``, for what Azure would refuse, and for what
    is not known here: loops, linked templates, and deployments to a subscription.
    """
    check_symbols(template)
    return _Expander(place or Place(), Answers(answers or {})).whole(template, parameters or {})


class _Expander:
    """Collects what all deployments of one template make."""

    def __init__(self, place: Place, answers: Answers) -> None:
        self._place = place
        self._answers = answers
        self._needs: list[Need] = []
        self._left_out: list[str] = []
        self._kept: list[str] = []
        self._resources: list[Resource] = []
        self._deployments: list[Deployment] = []

    def whole(self, template: Mapping[str, Any], given: Mapping[str, Any]) -> Expansion:
        root = resource_id(self._place.group_id, "Microsoft.Resources/deployments", ["azuredeploy"])
        scope = Scope(template, given, self._place, "azuredeploy", self._answers)
        self._deployment(template, scope, Sibling(root, "", "azuredeploy", live=True, declared={}, place=self._place))
        deployments = sorted(self._deployments, key=lambda each: each.deployment is not None)
        self._check_outputs_asked_for()
        ids = [each.id.lower() for each in self._resources] + [each.id.lower() for each in deployments]
        if twice := {each for each in ids if ids.count(each) > 1}:
            raise TemplateError(f"deployed twice: {sorted(twice)}")
        expansion = Expansion(tuple(self._resources), tuple(deployments), frozenset(self._kept))
        check_needs(expansion, self._needs, self._left_out)
        return expansion

    def _deployment(
        self,
        template: Mapping[str, Any],
        scope: Scope,
        sibling: Sibling,
        *,
        inner: bool = True,
        depends_on: frozenset[str] = frozenset(),
        parent: str | None = None,
    ) -> None:
        if wrong := (template.keys() - SECTIONS) | (REQUIRED - template.keys()):
            raise TemplateError(f"{sibling.name}: sections that are missing or not known here: {sorted(wrong)}")
        symbolic = self._is_symbolic(template, sibling.name)
        named = template["resources"].items() if symbolic else (("", each) for each in template["resources"])
        declared = [self._declared(symbol, each, scope, sibling.place) for symbol, each in named]
        siblings = Siblings(declared, sibling.place, symbolic=symbolic)
        if inner:
            scope.find = lambda name: siblings.named(name).id
        bodies: dict[str, Mapping[str, Any]] = {}
        wants: dict[str, list[str]] = {}
        questions: dict[str, list[Question]] = {}
        for each in declared:
            asked: list[Question] = []
            if each.live:
                bodies[each.id] = self._body(each, scope, asked)
                wants[each.id] = [self._text(want, scope, "dependsOn") for want in each.declared.get("dependsOn", [])]
                questions[each.id] = asked
            elif each.kept:
                self._kept.append(each.id)
            else:
                self._left_out.append(each.id)
                # What cannot be evaluated would be an error only if the resource were deployed.
                with contextlib.suppress(ExpressionError):
                    self._body(each, scope, asked)
            self._needs += [Need(each.id, siblings.id_of(question), each.live) for question in asked]
        order = siblings.order(wants, questions)
        for each in declared:
            if each.live and each.is_deployment:
                self._nested(each, bodies[each.id], scope, order[each.id], sibling.id)
            elif each.live:
                body = rendered(bodies[each.id])
                version = body["apiVersion"]
                self._resources.append(
                    Resource(each.id, each.type, each.name, version, body, order[each.id], sibling.id)
                )
        outputs = self._outputs(template.get("outputs", {}), scope, siblings, sibling)
        kinds = {name: each["type"] for name, each in template.get("parameters", {}).items()}
        values = {name: Typed(kinds[name], rendered(scope.parameters[name])) for name in kinds}
        self._deployments.append(
            Deployment(sibling.id, sibling.name, inner, values if inner else {}, outputs, depends_on, parent)
        )

    @staticmethod
    def _is_symbolic(template: Mapping[str, Any], name: str) -> bool:
        """Whether its resources have symbolic names, as those of the language version 2.0 have."""
        version, resources = template.get("languageVersion"), template["resources"]
        if version not in (None, "2.0") or isinstance(resources, Mapping) != (version == "2.0"):
            raise TemplateError(f"{name}: resources are a list, or an object with the languageVersion 2.0")
        return version == "2.0"

    def _declared(self, symbol: str, declared: Mapping[str, Any], scope: Scope, place: Place) -> Sibling:
        if not isinstance(declared, Mapping) or not declared.keys() >= {"type", "apiVersion", "name"}:
            raise TemplateError("a resource without type, apiVersion and name")
        if unknown := declared.keys() & {"copy", "resources", "existing"}:
            raise TemplateError(f"{declared['type']} with {sorted(unknown)}: not known here")
        kind, name = (self._text(declared[each], scope, each) for each in ("type", "name"))
        live = scope.value(declared.get("condition", True))
        if not isinstance(live, bool):
            raise TemplateError(f"the condition of {kind} {name} is neither true nor false")
        if not API_VERSION.fullmatch(self._text(declared["apiVersion"], scope, "apiVersion")):
            raise TemplateError(f"the API version of {kind} {name} is none")
        outer = place.group_id
        if kind.lower() == DEPLOYMENTS:
            place = self._target(declared, scope, place, name)
            outer = place.group_id
        elif "scope" in declared:
            outer = self._text(declared["scope"], scope, "scope")
            outer = outer if outer.startswith("/") else relative_id(place.group_id, outer)
        identifier = resource_id(outer, kind, name.split("/"))
        kept = live and self._is_only_if_not_exists(symbol, declared) and self._answers.knows(identifier)
        return Sibling(identifier, kind, name, live and not kept, declared, place, symbol, kept)

    @staticmethod
    def _is_only_if_not_exists(symbol: str, declared: Mapping[str, Any]) -> bool:
        options = declared.get("@options")
        if options is not None and not symbol:
            raise TemplateError("template language version must be specified in order to use @options")
        if options is not None and (options != ONLY_IF_NOT_EXISTS or declared["type"].lower() == DEPLOYMENTS):
            raise TemplateError(f"{declared['type']} with the options {options}: not known here")
        return options is not None

    def _target(self, declared: Mapping[str, Any], scope: Scope, place: Place, name: str) -> Place:
        if "scope" in declared or ("subscriptionId" in declared and "resourceGroup" not in declared):
            raise TemplateError(f"the deployment {name} is not to a resource group: not known here")
        if not DEPLOYMENT_NAME.fullmatch(name):
            raise TemplateError(f"{name!r} is no name for a deployment: at most 64 letters, digits and -_.()")
        group = self._text(declared.get("resourceGroup", place.resource_group), scope, "resourceGroup")
        subscription = self._text(declared.get("subscriptionId", place.subscription), scope, "subscriptionId")
        return place.elsewhere(subscription, group)

    @staticmethod
    def _text(json: Any, scope: Scope, what: str) -> str:
        value = scope.value(json)
        if not isinstance(value, str):
            raise TemplateError(f"{what} has to be a string known before the deployment: {json}")
        return value

    @staticmethod
    def _body(sibling: Sibling, scope: Scope, questions: list[Question]) -> dict[str, Any]:
        """Evaluate all of a resource, but the template of a nested deployment."""
        declared = {name: each for name, each in sibling.declared.items() if name not in NOT_BODY | {"properties"}}
        properties = sibling.declared.get("properties")
        if sibling.is_deployment:
            properties = {name: each for name, each in (properties or {}).items() if name != "template"}
        body: dict[str, Any] = scope.value(declared)
        if properties is not None:
            body["properties"] = scope.value(properties, questions)
        return body

    def _nested(
        self, sibling: Sibling, body: Mapping[str, Any], scope: Scope, depends_on: frozenset[str], parent: str
    ) -> None:
        properties = body["properties"]
        template = sibling.declared["properties"].get("template")
        if template is None or properties.get("mode") != "Incremental":
            raise TemplateError(f"the deployment {sibling.name} needs a template of its own, and the mode Incremental")
        inner = properties.get("expressionEvaluationOptions", {}).get("scope", "outer").lower() == "inner"
        passed = properties.get("parameters", {})
        if inner:
            if by_reference := [name for name, each in passed.items() if each.keys() != {"value"}]:
                raise TemplateError(f"{sibling.name}: only values can be passed here, not {by_reference}")
            given = {name: each["value"] for name, each in passed.items()}
            scope = Scope(template, given, sibling.place, sibling.name, self._answers)
        elif passed or template.get("parameters") or template.get("variables"):
            raise TemplateError(f"{sibling.name} has outer scope: its own parameters and variables are not used")
        self._deployment(template, scope, sibling, inner=inner, depends_on=depends_on, parent=parent)

    def _outputs(
        self, declared: Mapping[str, Mapping[str, Any]], scope: Scope, siblings: Siblings, deployment: Sibling
    ) -> dict[str, Typed]:
        outputs: dict[str, Typed] = {}
        questions: list[Question] = []
        for name, each in declared.items():
            if scope.value(each.get("condition", True)):
                value = scope.value(each["value"], questions)
                check_type(f"{deployment.name}: the output {name!r}", each["type"], value)
                outputs[name] = Typed(each["type"], rendered(value))
        self._needs += [Need(deployment.id, siblings.id_of(each), waits=False) for each in questions]
        return outputs

    def _check_outputs_asked_for(self) -> None:
        known = {each.id.lower(): each for each in self._deployments}
        for value in self._answers.taken:
            deployment = known.get((value.source or "").lower())
            if deployment is None or len(value.path) < 2 or str(value.path[0]).lower() != "outputs":
                continue
            if str(value.path[1]).lower() not in map(str.lower, deployment.outputs):
                raise TemplateError(f"the deployment {deployment.name} has no output for {value.text}")
