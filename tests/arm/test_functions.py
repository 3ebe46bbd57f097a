"""Template functions give what their pages in Azure Resource Manager's documents say."""

import re
import uuid

import hypothesis
import pytest
from hypothesis import strategies

from tests.arm.evaluation import SITE, evaluated
from tests.arm.expression import calls, parse
from tests.arm.functions import FUNCTIONS

GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-onepassword"
CASES: list[tuple[str, object]] = [
    ("concat('a', 1, 'b')", "a1b"),
    ("concat(createArray(1), createArray(2, 3))", [1, 2, 3]),
    ("format('{0}/{1}/{0} {{}}', 'a', true())", "a/True/a {}"),
    ("if(true(), 'yes', variables('misspelt'))", "yes"),
    ("if(equals('a', 'A'), reference('nothing'), 'no')", "no"),
    ("and(true(), or(false(), true()), not(false()))", True),
    ("equals(createObject('a', 1), createObject('a', 1))", True),
    ("equals('1', 1)", False),
    ("empty('')", True),
    ("empty(null())", True),
    ("empty(createObject('a', 1))", False),
    ("length('four')", 4),
    ("startsWith('@Microsoft.KeyVault(x)', '@microsoft.keyvault(')", True),
    ("endsWith('abc', 'BC')", True),
    ("contains('abc', 'B')", False),
    ("contains(createObject('Key', 1), 'kEY')", True),
    ("contains(createArray('a'), 'a')", True),
    ("toLower('ABC')", "abc"),
    ("take('abc', 2)", "ab"),
    ("take('abc', -1)", ""),
    ("take(variables('numbers'), 9)", [1, 2, 3]),
    ("skip('abc', 1)", "bc"),
    ("skip('abc', -1)", "abc"),
    ("split('a,b;c', createArray(',', ';'))", ["a", "b", "c"]),
    ("join(variables('numbers'), '-')", "1-2-3"),
    ("replace('a.b.c', '.', '')", "abc"),
    ("substring('abcd', 1, 2)", "bc"),
    ("substring('abcd', 4)", ""),
    ("first('abc')", "a"),
    ("first(createArray())", None),
    ("last(split('/a/b', '/'))", "b"),
    ("indexOf('aBc', 'b')", 1),
    ("indexOf('abc', 'z')", -1),
    ("string(7)", "7"),
    ("string(createObject('a', createArray(1, 'b')))", '{"a":[1,"b"]}'),
    ("int('7')", 7),
    ("bool('True')", True),
    ("json('{\"a\": [null, true]}')", {"a": [None, True]}),
    ("coalesce(null(), '', 'x')", ""),
    ("union(createArray(1, 2, 1), createArray(2, 3))", [1, 2, 3]),
    ("union(createObject('a', 1, 'b', 2), createObject('B', 3))", {"a": 1, "b": 3}),
    (
        "union(createObject('a', createObject('x', 1)), createObject('a', createObject('y', 2)))",
        {"a": {"x": 1, "y": 2}},
    ),
    ("array('a')", ["a"]),
    ("array(createArray('a'))", ["a"]),
    ("uri('https://a/b/', 'c')", "https://a/b/c"),
    ("uriComponent('a b/ü')", "a%20b%2F%C3%BC"),
    ("base64('one, two, three')", "b25lLCB0d28sIHRocmVl"),
    ("base64ToString(base64('ü'))", "ü"),
    ("min(3, 1, 2)", 1),
    ("max(variables('numbers'))", 3),
    ("max(3)", 3),
    ("add(sub(5, 3), mul(2, 2))", 6),
    ("div(-7, 2)", -3),
    ("mod(-7, 2)", -1),
    ("greater('b', 'a')", True),
    ("lessOrEquals(3, 2)", False),
    ("padLeft(7, 3, '0')", "007"),
    ("resourceId('Microsoft.Web/sites', 'app')", f"{GROUP}/providers/Microsoft.Web/sites/app"),
    (
        "resourceId('22222222-2222-2222-2222-222222222222', 'rg', 'Microsoft.Web/sites/config', 'app', 'web')",
        f"{SITE}/config/web",
    ),
    (
        "resourceId('other', 'Microsoft.Web/sites', 'app')",
        f"{GROUP[:-14]}other/providers/Microsoft.Web/sites/app",
    ),
    (
        "subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'x')",
        f"{GROUP[:51]}/providers/Microsoft.Authorization/roleDefinitions/x",
    ),
    (
        "tenantResourceId('Microsoft.Authorization/roleDefinitions', 'x')",
        "/providers/Microsoft.Authorization/roleDefinitions/x",
    ),
    (
        "extensionResourceId(resourceGroup().id, 'Microsoft.Authorization/locks', 'l')",
        f"{GROUP}/providers/Microsoft.Authorization/locks/l",
    ),
    ("resourceGroup().name", "rg-onepassword"),
    ("deployment().name", "main"),
    ("equals(subscription().tenantId, tenant().tenantId)", True),
    ("lastIndexOf('abAB', 'B')", 3),
    ("range(2, 3)", [2, 3, 4]),
    ("trim(' a ')", "a"),
    ("greaterOrEquals(2, 2)", True),
    ("uriComponentToString('a%20b')", "a b"),
    ("false()", False),
    ("toUpper('abC')", "ABC"),
    ("less(-1, 0)", True),
    ("createArray(1, 'a')", [1, "a"]),
]


@pytest.mark.parametrize(("expression", "value"), CASES)
def test_functions(expression: str, value: object) -> None:
    """Each gives its value, and of that value's type."""
    found = evaluated(f"[{expression}]")
    assert (type(found), found) == (type(value), value)


def test_every_function_has_a_case() -> None:
    """None is here that no case calls; those without a value that can be written down have a test of their own."""
    called = {call.name.lower() for expression, _ in CASES for call in calls(parse(expression))}
    assert FUNCTIONS.keys() - called == {"guid", "uniquestring"}


@pytest.mark.parametrize("cloud", ["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"])
def test_clouds(cloud: str) -> None:
    """Each has its own name, portal and storage suffix."""
    assert evaluated("[environment().name]", cloud) == cloud
    assert evaluated("[environment().portal]", cloud).startswith("https://portal.azure.")
    others = [evaluated("[environment().suffixes.storage]", each) for each in ("AzureCloud", "AzureUSGovernment")]
    assert (evaluated("[environment().suffixes.storage]", cloud) in others) is (cloud != "AzureChinaCloud")


@hypothesis.given(strategies.lists(strategies.text(), min_size=1, max_size=3))
def test_hashes(parts: list[str]) -> None:
    """The same arguments give the same name, others another, and its form is Azure's."""
    arguments = ", ".join("'" + part.replace("'", "''") + "'" for part in parts)
    for name, form in (("uniqueString", r"[a-z0-9]{13}"), ("guid", r"[0-9a-f-]{36}")):
        value = evaluated(f"[{name}({arguments})]")
        assert re.fullmatch(form, value)
        assert value == evaluated(f"[{name}({arguments})]")
        assert value != evaluated(f"[{name}({arguments}, '')]")
    assert uuid.UUID(value)
