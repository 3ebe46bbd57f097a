"""The resources of an Azure Resource Manager template, as far as the local environment imitates them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

_DEPLOYMENT: Final = "microsoft.resources/deployments"


class TemplateError(ValueError):
    """The template would not deploy, or uses what the local environment cannot imitate."""


def resources(template: Path, kind: str) -> Iterator[dict[str, Any]]:
    """Read the resources of one type, in lower case, also those in nested deployments. Raises ``TemplateError``."""
    try:
        content: dict[str, Any] = json.loads(template.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TemplateError(f"{template} cannot be read as a template: {error}.") from error
    yield from _of_type(content, kind)


def _of_type(template: Mapping[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    found = template["resources"]
    for resource in found.values() if isinstance(found, dict) else found:
        if resource["type"].lower() == kind:
            yield resource
        elif resource["type"].lower() == _DEPLOYMENT:
            yield from _of_type(resource["properties"]["template"], kind)
