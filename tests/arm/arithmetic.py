"""The template functions of truth values, numbers and types."""

import json
from collections.abc import Callable
from typing import Any

from tests.arm.expression import ExpressionError
from tests.arm.functions import function, functions
from tests.arm.signature import kind_of


def _compared(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(one: Any, other: Any) -> bool:
        if kind_of(one) != kind_of(other):
            raise ExpressionError(f"a {kind_of(one)} is neither less nor greater than a {kind_of(other)}")
        return test(one, other)

    return compare


# As .NET divides: towards zero.
def _divided(one: int, other: int) -> tuple[int, int]:
    if other == 0:
        raise ExpressionError("a division by zero")
    quotient = abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)
    return quotient, one - quotient * other


functions(
    {
        "true()": lambda: True,
        "false()": lambda: False,
        "null()": lambda: None,
        "and(bool, bool, bool...)": lambda *values: all(values),
        "or(bool, bool, bool...)": lambda *values: any(values),
        "not(bool)": lambda value: not value,
        "equals(any, any)": lambda one, other: kind_of(one) == kind_of(other) and one == other,
        "less(int|string, int|string)": _compared(lambda one, other: one < other),
        "lessOrEquals(int|string, int|string)": _compared(lambda one, other: one <= other),
        "greater(int|string, int|string)": _compared(lambda one, other: one > other),
        "greaterOrEquals(int|string, int|string)": _compared(lambda one, other: one >= other),
        "add(int, int)": lambda one, other: one + other,
        "sub(int, int)": lambda one, other: one - other,
        "mul(int, int)": lambda one, other: one * other,
        "div(int, int)": lambda one, other: _divided(one, other)[0],
        "mod(int, int)": lambda one, other: _divided(one, other)[1],
    }
)


@function("min(int|array, int...)")
def _min(*values: Any) -> int:
    return min(_integers(values))


@function("max(int|array, int...)")
def _max(*values: Any) -> int:
    return max(_integers(values))


def _integers(values: tuple[Any, ...]) -> list[int]:
    numbers = values[0] if len(values) == 1 and isinstance(values[0], list) else list(values)
    if not numbers or any(kind_of(number) != "int" for number in numbers):
        raise ExpressionError("min() and max() take integers, or one array of integers")
    return numbers


@function("int(int|string)")
def _int(value: int | str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ExpressionError("int() of a string that is no number") from None


@function("bool(bool|int|string)")
def _bool(value: bool | int | str) -> bool:  # noqa: FBT001 - the function's only argument
    text = str(value).lower()
    if text not in {"true", "false", "1", "0"}:
        raise ExpressionError("bool() of what is neither true nor false")
    return text in {"true", "1"}


@function("json(string)")
def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ExpressionError(f"json() of a string that is no JSON: {error}") from None
