"""One expression evaluated, for the tests of the language."""

from typing import Any, Final

from tests.arm.azure_answers import Answers
from tests.arm.azure_only import AzureOnly
from tests.arm.azure_place import Place
from tests.arm.scope import Scope

SITE: Final = "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/rg/providers/Microsoft.Web/sites/app"
TEMPLATE: Final = {
    "parameters": {"Word": {"type": "string"}, "site": {"type": "object"}},
    "variables": {
        "numbers": [1, 2, 3],
        "deep": {"Inner": {"list": ["a", {"x": "found"}]}, "with space": 1},
        "loop": "[variables('loop')]",
    },
}


def evaluated(text: str, cloud: str = "AzureCloud") -> Any:
    """The value of one string of a template, whose parameter `site` only Azure knows."""
    given = {"Word": "it's", "site": AzureOnly(f"<reference({SITE})>", SITE)}
    return Scope(TEMPLATE, given, Place(cloud=cloud), "main", Answers({})).value(text, [])
