"""What must and must not be found, by rule and by hunting query: one module for each group of them."""

import importlib
import pkgutil
from collections.abc import Iterator

from tests.content.case import HuntingCase, RuleCase


def rule_cases() -> list[RuleCase]:
    return [case for case in _all() if isinstance(case, RuleCase)]


def hunting_cases() -> list[HuntingCase]:
    return [case for case in _all() if isinstance(case, HuntingCase)]


def _all() -> Iterator[RuleCase | HuntingCase]:
    for module in pkgutil.iter_modules(__path__):
        yield from importlib.import_module(f"{__name__}.{module.name}").CASES
