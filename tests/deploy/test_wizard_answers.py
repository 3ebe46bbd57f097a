"""What is answered in the portal's wizard is what the template is given, and what the summary says."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.deploy.wizard_form import ROOT, WIZARD, Form, choices_of, elements

PARAMETERS: Final = json.loads((ROOT / "azuredeploy.json").read_text(encoding="utf-8"))["parameters"]
PYTHON_TYPES: Final = {"string": str, "securestring": str, "int": int, "bool": bool}
SCHEDULES: Final = next(choices_of(element) for _, element in elements() if element["name"] == "schedule")
RULES: Final = PARAMETERS["analyticsRules"]["allowedValues"]

WORKSPACE: Final = {
    "id": "/subscriptions/0/resourceGroups/soc/providers/Microsoft.OperationalInsights/workspaces/soc-logs",
    "name": "soc-logs",
    "location": "northeurope",
}
TOKEN: Final = ".".join(("ey" + "A" * 30, "ey" + "B" * 60, "C" * 86))
REFERENCE: Final = "@Microsoft.KeyVault(VaultName=my-vault;SecretName=my-secret)"
NEW: Final = {"name": "rg-1password", "mode": "New"}
EXISTING: Final = {"name": "rg-1password", "mode": "Existing"}
UNSEEN: Final = pytest.mark.parametrize("unseen", [None, ""], ids=["no value", "an empty value"])


def filled(**answers: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The fewest answers, and those of the test."""
    fewest: dict[str, dict[str, Any]] = {"sentinel": {"workspace": WORKSPACE}, "onePassword": {"token": TOKEN}}
    return {step: fewest.get(step, {}) | answers.get(step, {}) for step in fewest | answers}


def summary(form: Form) -> str:
    """All that the last step says."""
    return "\n".join(form.value(element["options"]["text"]) for step, element in form.shown() if step == "summary")


@UNSEEN
def test_untouched_the_wizard_gives_the_templates_defaults(unseen: str | None) -> None:
    """The wizard and `az deployment group create` make the same app."""
    form = Form(filled(), unseen=unseen)
    given = form.outputs()
    assert form.complaints() == []
    assert (given.pop("workspaceResourceId"), given.pop("onePasswordToken")) == (WORKSPACE["id"], TOKEN)
    # The portal's region, as the template's default is the group's.
    assert given.pop("location") == "westeurope"
    assert given == {name: PARAMETERS[name]["defaultValue"] for name in given}


def test_a_text_that_has_no_value_is_empty_for_the_template() -> None:
    """A parameter that is null fails the deployment."""
    texts = {element["name"]: None for _, element in elements() if element["type"].endswith("TextBox")}
    given = Form(filled(onePassword=texts, operation=texts)).outputs()
    assert given == Form(filled()).outputs()


def every_choice() -> Iterator[tuple[str, str, Any]]:
    """Each value of each choice, and both ends of each slider."""
    for step, element in elements():
        for value in (*choices_of(element).values(), *(element[end] for end in ("min", "max") if end in element)):
            yield step, element["name"], value


@UNSEEN
@pytest.mark.parametrize(("step", "name", "value"), list(every_choice()))
def test_every_choice_is_one_that_the_template_takes(step: str, name: str, value: Any, unseen: str | None) -> None:
    """Types, allowed values and bounds hold whatever is chosen, also with the elements that it hides."""
    answers = filled(operation={"ownSchedule": "0 0 6 * * *"})
    answers[step] = answers.get(step, {}) | {name: value}
    for parameter, given in Form(answers, EXISTING, unseen).outputs().items():
        about = PARAMETERS[parameter]
        assert type(given) is PYTHON_TYPES[about["type"].lower()], parameter
        assert given in about.get("allowedValues", [given]), parameter
        if isinstance(given, int):
            assert about.get("minValue", given) <= given <= about.get("maxValue", given), parameter
        elif isinstance(given, str):
            assert about.get("minLength", 0) <= len(given) <= about.get("maxLength", len(given)), parameter


@UNSEEN
@pytest.mark.parametrize(
    ("answers", "group", "token"),
    [
        ({"tokenSource": "new", "token": TOKEN}, NEW, TOKEN),
        ({"tokenSource": "vault", "tokenReference": REFERENCE}, NEW, REFERENCE),
        ({"tokenSource": "vault", "tokenReference": REFERENCE, "token": TOKEN}, NEW, REFERENCE),
        ({"tokenSource": "new", "tokenReference": REFERENCE, "token": TOKEN}, NEW, TOKEN),
        ({"tokenSource": "keep"}, EXISTING, ""),
        ({"tokenSource": "keep", "token": TOKEN}, EXISTING, ""),
        # In a new group there is none to keep, so one is asked for.
        ({"tokenSource": "keep", "token": TOKEN}, NEW, TOKEN),
    ],
)
def test_the_token_is_what_was_chosen(
    answers: dict[str, str], group: dict[str, str], token: str, unseen: str | None
) -> None:
    """A new one, a reference, or none, which keeps the one that the app has; what was typed before is left out."""
    form = Form(filled(onePassword={"token": None} | answers), group, unseen)
    assert (form.outputs()["onePasswordToken"], form.complaints()) == (token, [])


@pytest.mark.parametrize(("source", "missing"), [("new", "token"), ("vault", "tokenReference"), ("keep", "token")])
def test_the_first_deployment_wants_a_token(source: str, missing: str) -> None:
    """In a new resource group the wizard does not go on without one."""
    assert Form(filled(onePassword={"token": None, "tokenSource": source})).complaints() == [missing]


@pytest.mark.parametrize("answers", [{}, {"monitorPrincipalType": "User"}])
def test_without_a_principal_its_kind_is_not_asked_for(answers: dict[str, str]) -> None:
    """The template's default stands for it."""
    assert Form(filled(operation=answers)).outputs()["monitorPrincipalType"] == "Group"


def test_ones_own_schedule_counts_only_if_it_was_chosen() -> None:
    """What was typed and then left is not used, and what was chosen must be typed."""
    own = {"ownSchedule": "0 0 6 * * *"}
    assert Form(filled(operation=own)).outputs()["pollSchedule"] == "0 */5 * * * *"
    # Also if the portal should keep what was typed.
    assert Form(filled(), unseen=own["ownSchedule"]).outputs()["pollSchedule"] == "0 */5 * * * *"
    assert Form(filled(operation={"schedule": "own"} | own)).outputs()["pollSchedule"] == "0 0 6 * * *"
    assert Form(filled(operation={"schedule": "own"})).complaints() == ["ownSchedule"]


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("*/5 * * * *", "Write six fields"),
        ("60 * * * * *", "The first field is the second"),
        ("0 60 * * * *", "The second field is the minute"),
        ("0 * 24 * * *", "The third field is the hour"),
        ("0 * * 32 * *", "The fourth field is the day"),
        ("0 * * * 13 *", "The fifth field is the month"),
        ("0 * * * * 7", "The sixth field is the weekday"),
    ],
)
def test_a_wrong_schedule_is_refused_with_the_field_that_is_wrong(schedule: str, message: str) -> None:
    """Nobody has to find it among six."""
    complaints = Form(filled(operation={"schedule": "own", "ownSchedule": schedule})).complaints()
    assert complaints[0].startswith(message)


def test_elastic_premium_has_no_warm_instances() -> None:
    """They are of Flex Consumption only, also if they were set before the plan."""
    chosen = {"plan": "ElasticPremium", "alwaysReady": 3}
    assert Form(filled(hosting=chosen)).outputs()["alwaysReadyInstances"] == 0


@pytest.mark.parametrize("label", SCHEDULES)
def test_the_summary_says_the_schedule_in_the_words_of_the_choice(label: str) -> None:
    """Nobody has to read NCRONTAB who did not write it."""
    value = SCHEDULES[label]
    text = summary(Form(filled(operation={"schedule": value, "ownSchedule": "0 0 6 * * *"})))
    words = "at 0 0 6 * * * (UTC)" if value == "own" else label.removesuffix(" (recommended)").lower()
    assert f"1Password is polled {words}." in text


def test_the_summary_says_what_was_chosen() -> None:
    """Where, what for how long, for how much and who may: before anything is made."""
    chosen = filled(
        sentinel={"retention": "90", "totalRetention": "2556", "content": "false"},
        onePassword={
            "tokenSource": "vault",
            "tokenReference": REFERENCE,
            "lookbackDays": 0,
            "eventsUrl": "https://events.1password.eu",
        },
        operation={"historyDays": "7", "monitorPrincipalId": "01234567-89ab-cdef-0123-456789abcdef"},
        hosting={"alwaysReady": 2, "backend": "DurableTaskScheduler"},
    )
    text = summary(Form(chosen))
    for words in (
        "In rg-1password, westeurope: a function app on Flex Consumption",
        "a Durable Task Scheduler",
        "The token stays in your key vault",
        "workspace soc-logs: ",
        "queried for 90 days and kept for 2556 days in all.",
        "The first poll brings what happens from now on.",
        "kept for 7 days",
        "about EUR 40 a month",
        "01234567-89ab-cdef-0123-456789abcdef may look at runs and restart them.",
        "The token is sent to https://events.1password.eu,",
        "statusUrl",
    ):
        assert words in text


def shown(**sentinel: str) -> set[str]:
    """The elements of the step on Microsoft Sentinel that can be seen."""
    return {element["name"] for step, element in Form(filled(sentinel=sentinel)).shown() if step == "sentinel"}


@UNSEEN
def test_rules_are_asked_for_only_with_content(unseen: str | None) -> None:
    """Without it the template is given what does nothing, also if something else was chosen before."""
    assert "analyticsRules" in shown()
    assert "analyticsRules" not in shown(content="false")
    left_out = Form(filled(sentinel={"content": "false", "analyticsRules": "Replace"}), unseen=unseen)
    assert left_out.outputs()["analyticsRules"] == "Add"
    assert "nalytics rule" not in summary(left_out)


def test_a_warning_comes_with_what_overwrites() -> None:
    """Nobody sets rules back without having been told what is lost."""
    warned = {value for value in RULES if "rulesAreReplaced" in shown(analyticsRules=value)}
    assert warned == {"Replace", "ReplaceEnabled"}


@pytest.mark.parametrize("value", RULES)
def test_the_summary_says_what_becomes_of_rules(value: str) -> None:
    """Whether those that are there stay, and in which state those are that are made."""
    text = summary(Form(filled(sentinel={"analyticsRules": value})))
    assert ("also those that somebody changed" in text) is value.startswith("Replace")
    assert ("stay as they are" in text) is value.startswith("Add")
    assert ("and are enabled." in text) is value.endswith("Enabled")
    assert ("No analytics rule is made or changed." in text) is (value == "Keep")


def test_the_summary_is_short_where_nothing_was_changed() -> None:
    """It does not speak of what there is not."""
    text = summary(Form(filled()))
    assert not re.search("in all|Scheduler|Monitor|is sent to|warm", text)
    assert "functions, hunting queries, a workbook and the connector page." in text
    assert "Those that it does not have are made, and are disabled." in text
    assert "costs next to nothing" in text


def test_every_text_reads_before_anything_is_chosen() -> None:
    """The portal evaluates all steps when it opens the first, where nothing has a value yet."""
    untouched = copy.deepcopy(WIZARD)
    for _, element in elements(untouched):
        element |= {"defaultValue": None, "constraints": {}}
    form = Form(group={}, wizard=untouched)
    for _, element in elements():
        assert isinstance(form.value(element.get("visible", True)), bool)
        assert isinstance(form.value(element.get("options", {}).get("text", "")), str)
