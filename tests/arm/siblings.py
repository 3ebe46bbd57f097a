"""The resources of one template: what they call each other, and in which order Azure makes them."""

import graphlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.arm.azure_answers import Question
from tests.arm.azure_place import Place
from tests.arm.expression import ExpressionError
from tests.arm.parameters import TemplateError
from tests.arm.resource_ids import relative_id


@dataclass(frozen=True)
class Sibling:
    """A resource as its template declares it.

    ``live`` is whether it is made; ``kept`` that it is not because it is there already; ``place`` is where it goes.
    """

    id: str
    type: str
    name: str
    live: bool
    declared: Mapping[str, Any]
    place: Place
    symbol: str = ""
    kept: bool = False

    @property
    def is_deployment(self) -> bool:
        """It is a nested deployment, with a template of its own."""
        return self.type.lower() == "microsoft.resources/deployments"


class Siblings:
    """All resources of one template, live or not. With ``symbolic`` names they are called by these alone."""

    def __init__(self, resources: Sequence[Sibling], place: Place, *, symbolic: bool = False) -> None:
        self._group = place.group_id
        self._symbolic = symbolic
        # Of two with one id, of which one is left out, it is the other that is meant.
        self._by_id = {each.id.lower(): each for each in sorted(resources, key=lambda each: each.live)}
        self._by_name: dict[str, list[Sibling]] = {}
        for each in self._by_id.values():
            self._by_name.setdefault((each.symbol if symbolic else each.name).lower(), []).append(each)

    def named(self, text: str) -> Sibling:
        """The resource with this symbol; or id, ``Provider/type/name`` or name. Raises ``TemplateError`` unless one."""
        found = self._by_name.get(text.lower(), [])
        if len(found) > 1:
            raise TemplateError(f"{len(found)} resources have the name {text!r}")
        if found:
            return found[0]
        if self._symbolic:
            raise TemplateError(f"no resource of this template has the symbolic name {text!r}")
        try:
            identifier = text if text.startswith("/") else relative_id(self._group, text)
            return self._by_id[identifier.lower()]
        except (KeyError, ExpressionError):
            raise TemplateError(f"no resource of this template is {text!r}") from None

    def id_of(self, question: Question) -> str:
        """The id of what is asked for. Raises ``TemplateError`` if it has to be one of these and is not."""
        if question.versioned and question.named.startswith("/"):
            return question.named
        return self.named(question.named).id

    def order(
        self, wants: Mapping[str, Sequence[str]], questions: Mapping[str, Sequence[Question]]
    ) -> dict[str, frozenset[str]]:
        """Ids of live resources to the ids of those that Azure makes first, by ``dependsOn`` or because they are named.

        ``wants`` is the ``dependsOn`` of each live resource by id, and ``questions`` what it asks for. Azure waits
        for what ``reference()`` names, but not for what it gives the id of. Raises ``TemplateError`` for a name that
        is none, and for a cycle.
        """
        first: dict[str, set[str]] = {}
        for identifier in wants:
            implied = [question.named for question in questions[identifier] if not question.named.startswith("/")]
            named = {self.named(each).id for each in (*wants[identifier], *implied)}
            # What is left out is not waited for.
            first[identifier] = named & wants.keys()
        try:
            graphlib.TopologicalSorter(first).prepare()
        except graphlib.CycleError as error:
            raise TemplateError(f"each of these waits for the next: {error.args[1]}") from None
        return {identifier: frozenset(ids) for identifier, ids in first.items()}
