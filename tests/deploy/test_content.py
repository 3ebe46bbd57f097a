"""What the template brings for analysts: as chosen, late, within Azure's limits, and not over what people set."""

import gzip
import json
import re
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import pytest

from deploy.build import build
from deploy.content.connector_page import connector_page
from deploy.content.rules import missing_rules
from deploy.content.sources import read_documents, unwrapped
from tests.arm.expanded import Expansion
from tests.arm.expression import expression_in
from tests.deploy.switches import REFERENCE, WORKSPACE
from tests.deploy.test_template import TABLES, TEMPLATE, WORKBOOK, declared_resources, deployed

SEARCHES: Final = "Microsoft.OperationalInsights/workspaces/savedSearches"
RULES: Final = "Microsoft.SecurityInsights/alertRules"
PAGE: Final = "Microsoft.SecurityInsights/dataConnectorDefinitions"
ANALYSTS: Final = {SEARCHES, RULES, PAGE, WORKBOOK}
MODES: Final = TEMPLATE["parameters"]["analyticsRules"]["allowedValues"]
NAMES: Final = {document["id"] for document in read_documents("rules").values()}

# Azure Resource Manager docs, "Template limits" and "Resolve errors for job size exceeded": bytes of a template and of
# a resource definition, and of the job that deploys it, which is compressed.
TEMPLATE_LIMIT: Final = 4 * 1024 * 1024
DEFINITION_LIMIT: Final = 1024 * 1024
JOB_LIMIT: Final = 1024 * 1024


def rules(expansion: Expansion) -> dict[str, bool]:
    """The rules that are written, and whether each is enabled."""
    return {each.name: each.body["properties"]["enabled"] for each in expansion.of_type(RULES)}


FIRST: Final = [each.id for each in deployed().of_type(RULES)]


def content(**values: Any) -> set[str]:
    """The types of what a deployment brings for analysts."""
    return {each.type for each in deployed(**values).resources} & ANALYSTS


def test_content_is_a_choice() -> None:
    """Without it there are the tables alone, whatever is chosen for rules."""
    assert content() == ANALYSTS
    for mode in MODES:
        assert content(installSentinelContent=False, analyticsRules=mode) == set()
    assert len(deployed(installSentinelContent=False).of_type(TABLES)) == 2


@pytest.mark.parametrize(
    ("mode", "written"),
    [
        ("Add", dict.fromkeys(NAMES, False)),
        ("AddEnabled", dict.fromkeys(NAMES, True)),
        ("Replace", dict.fromkeys(NAMES, False)),
        ("ReplaceEnabled", dict.fromkeys(NAMES, True)),
        ("Keep", {}),
    ],
)
def test_the_first_deployment(mode: str, written: dict[str, bool]) -> None:
    """All rules are made, enabled only if somebody says so; none with Keep."""
    assert rules(deployed(analyticsRules=mode)) == written


@pytest.mark.parametrize("token", ["", REFERENCE])
@pytest.mark.parametrize("mode", [None, "Add", "AddEnabled", "Keep"])
def test_rules_that_are_there_stay(token: str, mode: str | None) -> None:
    """No update writes a rule that somebody may have changed, unless asked to, however the token is given."""
    chosen = {} if mode is None else {"analyticsRules": mode}
    second = deployed(there=FIRST, onePasswordToken=token, **chosen)
    assert rules(second) == {}
    assert second.kept == (set() if mode == "Keep" else set(FIRST))
    assert content(there=FIRST, **chosen) == ANALYSTS - {RULES}


@pytest.mark.parametrize(("mode", "enabled"), [("Add", False), ("AddEnabled", True)])
def test_rules_that_are_new_come_with_an_update(mode: str, enabled: bool) -> None:  # noqa: FBT001
    """What a new version adds is made beside what stays."""
    new, *old = FIRST
    second = deployed(there=old, analyticsRules=mode)
    assert (rules(second), second.kept) == ({new.rpartition("/")[2]: enabled}, set(old))


@pytest.mark.parametrize(("mode", "enabled"), [("Replace", False), ("ReplaceEnabled", True)])
def test_rules_are_replaced_only_on_demand(mode: str, enabled: bool) -> None:  # noqa: FBT001
    """Then all of them are, with the state that was asked for."""
    second = deployed(there=FIRST, analyticsRules=mode)
    assert (rules(second), second.kept) == (dict.fromkeys(NAMES, enabled), set())


def test_added_and_replaced_rules_are_the_same() -> None:
    """However a rule gets there, it has the same id and says the same."""
    added, replaced = (
        {each.id: each.body for each in deployed(analyticsRules=mode).of_type(RULES)} for mode in ("Add", "Replace")
    )
    assert added == replaced


def test_content_comes_late() -> None:
    """A rule's query is checked when the rule is made: tables and functions had the app's deployment to be known."""
    for mode in ("Add", "Replace"):
        expansion = deployed(analyticsRules=mode)
        functions = [each for each in expansion.of_type(SEARCHES) if "functionAlias" in each.body["properties"]]
        earlier = {each.id for each in (*functions, *expansion.of_type(TABLES))}
        earlier.add(expansion.one("Microsoft.Web/sites/config").id)
        assert len(functions) >= 4
        for each in expansion.resources:
            if each.type in ANALYSTS and each not in functions:
                assert earlier <= expansion.before(each.id), each.id


def test_nothing_waits_for_content() -> None:
    """If Microsoft Sentinel refuses a rule, events are collected all the same."""
    expansion = deployed()
    ids = {each.id for each in expansion.resources if each.type in ANALYSTS - {SEARCHES}}
    for each in expansion.resources:
        if each.type not in ANALYSTS:
            assert not ids & expansion.before(each.id), each.id


def test_names_are_stable() -> None:
    """What is made is found again by the next deployment, whatever the app is called and wherever it is."""
    expansions = [deployed(), deployed(appName="another", pollSchedule="0 * * * * *")]
    one, other = ({each.id for each in every.resources if each.type in ANALYSTS} for every in expansions)
    assert one == other
    for each in expansions[0].resources:
        if each.type in {RULES, WORKBOOK}:
            assert UUID(each.name)
    assert expansions[0].one(PAGE).name == connector_page()[0]["name"]


def test_the_workbook() -> None:
    """It is where Microsoft Sentinel looks for it: in the workspace's group and region, of that workspace."""
    workbook = deployed().one(WORKBOOK)
    assert workbook.id.startswith(WORKSPACE.partition("/providers/")[0] + "/")
    assert workbook.body["location"] == "northeurope"
    assert workbook.body["properties"]["sourceId"].lower() == WORKSPACE.lower()


def test_azures_limits() -> None:
    """The template, each nested one as a resource, and the compressed job are well within them."""
    text = json.dumps(build("https://example"), indent=2)
    assert len(text.encode()) < TEMPLATE_LIMIT / 2
    assert len(gzip.compress(text.encode())) < JOB_LIMIT / 2
    sizes = {each["name"]: len(json.dumps(each).encode()) for each in declared_resources()}
    assert {name: size for name, size in sizes.items() if size > DEFINITION_LIMIT * 0.8} == {}
    assert len(list(declared_resources())) < 800


def strings(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each value, with its place, and each object and list that is empty."""
    if isinstance(part, dict | list) and part:
        for name, each in part.items() if isinstance(part, dict) else enumerate(part):
            yield from strings(each, f"{path}/{name}")
    else:
        yield path, part


# Meant for Azure to evaluate, and short, as no text for people is.
OURS: Final = re.compile(r"\[(resourceId|concat|parameters|guid|reference|variables)\(")


def test_no_text_is_taken_for_an_expression() -> None:
    """Of what Azure would evaluate in rules, queries, workbook and page, all is meant to be evaluated."""
    found = [
        value
        for resource in declared_resources()
        if resource["type"] in ANALYSTS
        for _, value in strings(resource)
        if isinstance(value, str) and value.startswith("[")
    ]
    assert found
    assert [value for value in found if expression_in(value) is None or not OURS.match(value)] == []


def test_no_property_is_blank() -> None:
    """What is empty is left out: Azure's own checks refuse it, and services read it as they like."""
    for resource in declared_resources():
        if resource["type"] in ANALYSTS:
            blank = [path for path, value in strings(resource) if value in (None, "", [], {})]
            assert [path for path in blank if path != "/@options/onlyIfNotExists"] == [], resource["name"]


def test_symbolic_names() -> None:
    """Each says what it stands for, in characters that Azure takes; none is lost because two are called the same."""
    (nested,) = (each for each in TEMPLATE["resources"] if each["name"] == "[variables('contentDeployment')]")
    resources = nested["properties"]["template"]["resources"]
    assert all(re.fullmatch(r"[A-Za-z]\w*", symbol) for symbol in resources)
    kinds = [each["type"] for each in resources.values()]
    assert kinds.count(RULES) == len(NAMES) == len(missing_rules())
    assert kinds.count(SEARCHES) == len(read_documents("hunting"))
    assert (kinds.count(PAGE), kinds.count(WORKBOOK)) == (1, 1)


def test_a_rule_says_what_to_do_on_unbroken_lines() -> None:
    """The incident shows it as it is: lines are broken only between paragraphs and items."""
    described = [each["properties"]["description"] for each in missing_rules()]
    for text, document in zip(described, read_documents("rules").values(), strict=True):
        assert text.endswith(f"What to do: {unwrapped(document['response'])}")


@pytest.mark.parametrize(
    ("wrapped", "expected"),
    [
        ("One\ntwo\n", "One two"),
        ("One.\n\nTwo\nthree.", "One.\n\nTwo three."),
        ("See:\n- one\n  goes on\n- two\n", "See:\n- one goes on\n- two"),
        ("1. one\n2. two\n   goes on", "1. one\n2. two goes on"),
        ("a 5\n-minute b", "a 5 -minute b"),
    ],
)
def test_unwrapping(wrapped: str, expected: str) -> None:
    """Paragraphs and items of lists stay apart."""
    assert unwrapped(wrapped) == expected
