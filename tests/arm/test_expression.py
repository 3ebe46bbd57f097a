"""Expressions are read as Azure Resource Manager documents them, and what it would refuse is an error."""

import re

import pytest

from tests.arm.azure_only import rendered
from tests.arm.evaluation import SITE, evaluated
from tests.arm.expression import Call, ExpressionError, calls, parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("[test] value", "[test] value"),
        ("[[not an expression]", "[not an expression]"),
        ("[[", "[["),
        ("['it''s']", "it's"),
        ("[ concat( 'a' , \n 'b' ) ]", "ab"),
        ("[-7]", -7),
        ("[CONCAT('a', toUPPER('b'))]", "aB"),
        ("[parameters('word')]", "it's"),
        ("[variables('deep').inner.LIST[1].x]", "found"),
        ("[variables('deep')['with space']]", 1),
        ("[variables('numbers')[sub(length(variables('numbers')), 1)]]", 3),
        ("[createObject('a-b', 1).a-b]", 1),
    ],
)
def test_syntax(text: str, value: object) -> None:
    """Brackets, quotes, blanks, case, properties and positions mean what the documents say."""
    assert evaluated(text) == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("concat('a'", "ends too early"),
        ("concat('a',)", "')' where a value should be"),
        ("'a' 'b'", "after its end"),
        ("concat('a' 'b')", "where ',' should be"),
        ("word", "ends too early"),
        ('concat("a")', "nothing known"),
        ("variables('numbers').", "ends too early"),
        ("", "ends too early"),
        ("conact('a')", "no function conact()"),
        ("newGuid()", "no function newGuid()"),
        ("parameters('words')", "no parameter 'words'"),
        ("variables('word')", "no variable 'word'"),
        ("variables('loop')", "needs itself"),
        ("variables('deep').outer", "no property 'outer'"),
        ("variables('numbers')[3]", "no element 3 of 3"),
        ("variables('numbers')[-1]", "no element -1 of 3"),
        ("parameters('word').length", "has no part"),
        ("variables('numbers').x", "has no part"),
        ("variables('deep')[parameters('site').x]", "only Azure knows the key"),
        ("toLower(1)", "of the type int, is not string"),
        ("toLower('a', 'b')", "does not take 2"),
        ("if(true(), 1)", "takes three arguments"),
        ("if('true', 1, 2)", "neither true nor false"),
        ("concat('a', createArray())", "not both"),
        ("concat('a', true())", "of the type bool"),
        ("union(createArray(), createObject())", "not both"),
        ("createObject('a')", "each with a value"),
        ("format('{1}', 'a')", "no value for {1}"),
        ("format('{0:N0}', 1)", "is not known here"),
        ("format('a}', 1)", "is not known here"),
        ("contains('a', 1)", "looks for a string"),
        ("substring('abc', 2, 2)", "of a string of 3"),
        ("int('x')", "no number"),
        ("bool('x')", "neither true nor false"),
        ("json('{')", "no JSON"),
        ("div(1, 0)", "division by zero"),
        ("less('a', 1)", "neither less nor greater"),
        ("min(createArray())", "integers"),
        ("max(createArray(1), 2)", "integers"),
        ("resourceId('Microsoft.Web/sites/config', 'app')", "needs 2 names"),
        ("resourceId('Microsoft.Web/sites', '')", "not empty"),
        ("resourceId('no guid', 'rg', 'Microsoft.Web/sites', 'app')", "resourceId() takes"),
        ("subscriptionResourceId('no guid', 'Microsoft.Web/sites', 'app')", "subscriptionResourceId() takes"),
        ("environment().suffixes.gallery", "no property 'gallery'"),
        ("reference('x', 'yesterday')", "API version"),
        ("reference(parameters('site').id, '2024-01-01')", "of what only Azure knows"),
        ("reference('x', '2024-01-01', 'Half')", "'Full'"),
        ("listKeys('x')", "does not take 1"),
        ("if(parameters('site').enabled, 1, 2)", "only Azure knows the condition"),
        ("concat('a', parameters('site').name).length", "a string has no property"),
    ],
)
def test_what_azure_refuses(expression: str, reason: str) -> None:
    """It is an error that says why, and ends with the expression."""
    with pytest.raises(ExpressionError, match=re.escape(reason)) as caught:
        evaluated(f"[{expression}]")
    assert str(caught.value).endswith(f"[{expression}]")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("parameters('site').urls[0].host", f"<reference({SITE}).urls[0].host>"),
        ("concat('https://', parameters('site').host, '/')", f"https://<reference({SITE}).host>/"),
        ("format('https://{0}/', parameters('site').host)", f"https://<reference({SITE}).host>/"),
        ("toLower(parameters('site').host)", f"<toLower(reference({SITE}).host)>"),
        ("empty(parameters('site'))", f"<empty(reference({SITE}))>"),
        ("length(createArray(parameters('site')))", f'<length(["<reference({SITE})>"])>'),
        ("toLower(concat('A', parameters('site').x))", f"<toLower('A<reference({SITE}).x>')>"),
        ("coalesce(parameters('site').x, 'y')", f"<coalesce(reference({SITE}).x, 'y')>"),
        (
            "listKeys('/x', '2024-01-01', createObject('a', 'b')).keys[0]",
            '<listKeys(/x, 2024-01-01, {"a": "b"}).keys[0]>',
        ),
        ("reference('/x', '2024-01-01', 'full').location", "<reference(/x, 2024-01-01, full).location>"),
    ],
)
def test_what_only_azure_knows(expression: str, text: str) -> None:
    """It shows where it comes from, and so does what is made of it."""
    assert rendered(evaluated(f"[{expression}]")) == text


def test_an_object_that_only_azure_knows_in_a_union() -> None:
    """What comes after it is known; what comes before it may have been overwritten."""
    text = f"reference({SITE}).settings"
    merged = evaluated("[union(createObject('a', 1), parameters('site').settings, createObject('b', 2))]")
    assert rendered(merged) == {
        "a": f"<coalesce({text}.a, 1)>",
        f"<{text}>": f"<{text}>",
        "b": 2,
    }


def test_an_expression_that_is_too_long() -> None:
    """Azure reads so many characters and no more."""
    with pytest.raises(ExpressionError, match="24578 characters"):
        evaluated("['" + "a" * 24_576 + "']")
    assert len(evaluated("['" + "a" * 24_574 + "']")) == 24_574


def test_calls_are_found_in_every_branch() -> None:
    """Also in those that evaluation passes by, in arguments and in positions."""
    found = calls(parse("if(true(), variables('a')[int('0')].x, concat(toLower('b')))"))
    assert [call.name for call in found] == ["if", "true", "variables", "int", "concat", "toLower"]
    assert parse("true()") == Call("true", ())
