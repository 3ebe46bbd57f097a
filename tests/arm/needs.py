"""Whether each resource waits for those that it needs: its parent, its scope, and what it asks Azure for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.arm.expanded import Expansion
from tests.arm.parameters import TemplateError
from tests.arm.resource_ids import is_within


@dataclass(frozen=True)
class Need:
    """``needed`` is an id that ``asker`` asks for. ``waits`` is false where order does not matter.

    That is so in outputs, and in a resource that is left out. It still asks, say Azure Resource Manager's documents
    ("Conditional deployment"), and what is not there is an error.
    """

    asker: str
    needed: str
    waits: bool = True


def check_needs(expansion: Expansion, asked: Iterable[Need], left_out: Iterable[str]) -> None:
    """Raise ``TemplateError`` if what is needed is left out, or may not be there yet."""
    live = {each.id: each.deployment for each in expansion.resources}
    live |= {each.id: each.deployment or "" for each in expansion.deployments}
    missing = set(left_out) - live.keys()
    parents = [Need(each.id, each.id.rpartition("/")[0]) for each in expansion.resources]
    for need in (*parents, *asked):
        # What a deployment makes itself is no need of it, though it may be called the same.
        candidates = [each for each in (*live, *missing) if need.asker not in _deployments(each, live)]
        found = max((each for each in candidates if is_within(need.needed, each)), key=len, default=None)
        if found in missing:
            raise TemplateError(f"{need.asker} needs {found}, which is left out: put it into if()")
        if found and need.waits and found not in expansion.before(need.asker):
            raise TemplateError(f"{need.asker} needs {found}, but does not wait for it: add it to dependsOn")


def _deployments(identifier: str, live: dict[str, str]) -> Iterator[str]:
    """The deployments that a resource or a deployment is in, from the inside out."""
    while identifier := live.get(identifier, ""):
        yield identifier
