"""The portal's wizard asks for what the template takes, and hands it over."""

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.arm.expression import Access, Call, Literal, Node, calls, expression_in, parse
from tests.deploy.wizard_form import FUNCTIONS, ROOT, WIZARD, choices_of, elements

TEMPLATE: Final[dict[str, Any]] = json.loads((ROOT / "azuredeploy.json").read_text(encoding="utf-8"))
OUTPUTS: Final[dict[str, str]] = WIZARD["parameters"]["outputs"]
ELEMENTS: Final = {(step, element["name"]): element for step, element in elements()}

# These show something and ask for nothing.
TEXTS: Final = {"Microsoft.Common.TextBlock", "Microsoft.Common.InfoBox"}
# Left to the template: its default for the name is the resource group's own, so that a second deployment finds the
# app; and its package is the one that it was released with.
NOT_ASKED: Final = {"appName", "packageUri"}


def expressions(part: Any = WIZARD) -> Iterator[str]:
    """Every expression in the wizard."""
    if isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from expressions(inner)
    elif isinstance(part, str) and (inner := expression_in(part)) is not None and "(" in inner:
        yield inner


def references(node: Node) -> Iterator[tuple[str, str]]:
    """The elements that an expression asks for."""
    if isinstance(node, Access):
        if isinstance(node.target, Call) and node.target.name == "steps":
            (step,) = node.target.arguments
            assert isinstance(step, Literal)
            assert isinstance(node.key, Literal)
            yield str(step.value), str(node.key.value)
        yield from references(node.target)
    elif isinstance(node, Call):
        yield from itertools.chain.from_iterable(references(argument) for argument in node.arguments)


def test_the_head_is_the_one_that_the_portal_knows() -> None:
    """The handler and version are those of the documentation, and the portal goes step by step."""
    assert (WIZARD["handler"], WIZARD["version"]) == ("Microsoft.Azure.CreateUIDef", "0.1.2-preview")
    assert WIZARD["version"] in WIZARD["$schema"]
    assert WIZARD["parameters"]["config"]["isWizard"] is True


def test_an_app_that_is_there_can_be_updated() -> None:
    """The portal otherwise takes only resource groups that are new or empty."""
    assert WIZARD["parameters"]["config"]["basics"]["resourceGroup"]["allowExisting"] is True


def test_every_output_is_a_parameter_and_every_parameter_is_asked_for() -> None:
    """Nothing is handed over that the template does not take; only two defaults are left to it."""
    parameters = TEMPLATE["parameters"]
    assert set(OUTPUTS) == set(parameters) - NOT_ASKED
    assert all("defaultValue" in parameters[name] for name in NOT_ASKED)


@pytest.mark.parametrize("step", [step["name"] for step in WIZARD["parameters"]["steps"]])
def test_names_are_unique(step: str) -> None:
    """Each element of a step can be told from the others, and each step."""
    names = Counter(element["name"] for at, element in elements() if at == step)
    assert set(names.values()) == {1}
    assert [at["name"] for at in WIZARD["parameters"]["steps"]].count(step) == 1


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_expressions_use_what_there_is(expression: str) -> None:
    """Functions are documented ones, and elements stand in the wizard; the portal shows nothing for what it lacks."""
    known = {*FUNCTIONS, "if", "steps", "location", "resourceGroup"}
    assert {call.name for call in calls(parse(expression))} <= known
    assert set(references(parse(expression))) <= set(ELEMENTS)


def test_every_answer_is_used() -> None:
    """No input is asked for in vain: each reaches the template."""
    used = {element for text in OUTPUTS.values() for element in references(parse(text[1:-1]))}
    asked = {name for name, element in ELEMENTS.items() if element["type"] not in TEXTS}
    # Where the token comes from decides which box is shown, and the boxes are the answer.
    assert asked - used == {("onePassword", "tokenSource")}


@pytest.mark.parametrize(("step", "name"), ELEMENTS, ids=lambda part: part)
def test_every_element_says_what_it_is(step: str, name: str) -> None:
    """A text says something; an input has a label, a tool tip, and says whether it must be filled in."""
    element = ELEMENTS[step, name]
    if element["type"] in TEXTS:
        assert element["options"]["text"]
    else:
        assert element["label"]
        assert element["toolTip"].endswith(".")
        assert isinstance(element["constraints"]["required"], bool)


def test_a_secret_is_typed_where_nobody_reads_it_and_is_shown_nowhere() -> None:
    """Password boxes alone feed the token, and nothing but the token."""
    boxes = {name for name, element in ELEMENTS.items() if element["type"] == "Microsoft.Common.PasswordBox"}
    of_token = OUTPUTS["onePasswordToken"][1:-1]
    assert set(references(parse(of_token))) == boxes
    assert not [text for text in expressions() if text != of_token and boxes & set(references(parse(text)))]


@pytest.mark.parametrize(
    ("name", "parameter"), [("lookbackDays", "firstRunLookbackDays"), ("alwaysReady", "alwaysReadyInstances")]
)
def test_a_slider_goes_as_far_as_the_template(name: str, parameter: str) -> None:
    """No look-back over 120 days can be set, and every one below."""
    (element,) = (element for (_, at), element in ELEMENTS.items() if at == name)
    about = TEMPLATE["parameters"][parameter]
    assert (element["min"], element["max"]) == (about["minValue"], about["maxValue"])


def test_all_that_the_template_allows_can_be_chosen() -> None:
    """Plans, stores, kinds of principals and what becomes of rules are the template's."""
    for name, parameter in {
        "analyticsRules": "analyticsRules",
        "plan": "hostingPlan",
        "backend": "durableBackend",
        "monitorPrincipalType": "monitorPrincipalType",
    }.items():
        (element,) = (element for (_, at), element in ELEMENTS.items() if at == name)
        assert set(choices_of(element).values()) == set(TEMPLATE["parameters"][parameter]["allowedValues"])


def test_the_outputs_that_the_wizard_speaks_of_are_the_templates() -> None:
    """Whoever looks for them afterwards finds them."""
    spoken = {one or other for one, other in re.findall(r"\(output (\w+)\)|its Outputs\. (\w+)", json.dumps(WIZARD))}
    assert spoken == {"identityPrincipalId", "statusUrl"}
    assert spoken <= set(TEMPLATE["outputs"])


@pytest.mark.parametrize("name", ["retention", "totalRetention", "historyDays"])
def test_the_words_for_a_time_are_its_days(name: str) -> None:
    """A year has 365 days, and over 730 days Azure takes whole years only, with their leap days."""
    (element,) = (element for (_, at), element in ELEMENTS.items() if at == name)
    for label, value in choices_of(element).items():
        if time := re.fullmatch(r"(\d+) (day|year)s?", label):
            assert abs(int(value) - int(time[1]) * (365.25 if time[2] == "year" else 1)) < 1
        else:
            assert value == "0"
