"""What is left of a template once its parameters have values: resources, nested deployments and outputs."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.arm.parameters import is_secure

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"


@dataclass(frozen=True)
class Resource:
    """A resource that is deployed.

    ``body`` is its JSON without ``condition``, ``dependsOn`` and ``comments``; a value that only Azure knows is a
    string such as ``<reference(/subscriptions/.../x).endpoint>``. ``depends_on`` are ids of deployed resources of the
    same template, and ``deployment`` is the id of the deployment that the template belongs to.
    """

    id: str
    type: str
    name: str
    api_version: str
    body: Mapping[str, Any]
    depends_on: frozenset[str]
    deployment: str


@dataclass(frozen=True)
class Typed:
    """A parameter's or an output's value, with its type in the template."""

    type: str
    value: Any

    @property
    def secure(self) -> bool:
        """Azure keeps it out of the history of deployments."""
        return is_secure(self.type)


@dataclass(frozen=True)
class Deployment:
    """The deployment itself, or a nested one.

    ``inner`` is whether its template's expressions are evaluated within it; if not, Azure writes the values that its
    resources get into the history of deployments.
    """

    id: str
    name: str
    inner: bool
    parameters: Mapping[str, Typed]
    outputs: Mapping[str, Typed]
    depends_on: frozenset[str]
    deployment: str | None


@dataclass(frozen=True)
class Expansion:
    """Everything that one template deploys with one set of values. The first deployment is the template's own.

    ``kept`` are the ids of what is there already and is not touched.
    """

    resources: tuple[Resource, ...]
    deployments: tuple[Deployment, ...]
    kept: frozenset[str] = frozenset()

    @property
    def outputs(self) -> dict[str, Any]:
        """The values of the template's outputs."""
        return {name: output.value for name, output in self.deployments[0].outputs.items()}

    def of_type(self, kind: str) -> list[Resource]:
        """The resources of one type, in the template's order."""
        return [each for each in self.resources if each.type.lower() == kind.lower()]

    def one(self, kind: str) -> Resource:
        """The only resource of its type."""
        (resource,) = self.of_type(kind)
        return resource

    def before(self, identifier: str) -> frozenset[str]:
        """Ids of all resources and deployments that are finished before this one begins."""
        everything: list[Resource | Deployment] = [*self.resources, *self.deployments]
        known = {each.id: each for each in everything}
        first: set[str] = set()
        left = [*self._waits(known[identifier], known)]
        while left:
            each = left.pop()
            if each not in first:
                first.add(each)
                left += self._waits(known[each], known)
                # A deployment is finished when all in it is.
                left += [inside.id for inside in known.values() if inside.deployment == each]
        return frozenset(first)

    def _waits(self, each: Resource | Deployment, known: Mapping[str, Resource | Deployment]) -> Iterator[str]:
        yield from each.depends_on
        if each.deployment is not None:
            yield from self._waits(known[each.deployment], known)

    def leaves(self) -> dict[str, Any]:
        """Each value of resources, outputs, and parameters of nested deployments, by its place in words."""
        leaves: dict[str, Any] = {}
        for resource in self.resources:
            leaves |= {f"{resource.id} {path}": value for path, value in _leaves(resource.body)}
        for deployment in self.deployments:
            typed = [("output", *each) for each in deployment.outputs.items()]
            if deployment.deployment is not None:
                typed += [("parameter", *each) for each in deployment.parameters.items()]
            for what, name, each in typed:
                start = f"{deployment.id} {what} {name} ({each.type})"
                leaves |= {f"{start} {path}".rstrip(): value for path, value in _leaves(each.value)}
        return leaves

    def places(self, text: str) -> list[str]:
        """Where ``text`` shows: in a value, or in the name of a property."""
        return [place for place, value in self.leaves().items() if text in place or text in str(value)]

    def differences(self, other: "Expansion") -> list[str]:
        """Places whose value, or being there, is not the same in the other: also what is made of a secret differs."""
        mine, theirs = self.leaves(), other.leaves()
        return [
            place for place in mine | theirs if (place in mine, mine.get(place)) != (place in theirs, theirs.get(place))
        ]

    def flat_template(self) -> dict[str, Any]:
        """The resources as a template that has nothing to evaluate, for tools that cannot."""
        bodies = [json.loads(json.dumps(each.body)) for each in self.resources]
        return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": bodies}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list) and value:
        for place, item in enumerate(value):
            yield from _leaves(item, f"{path}[{place}]")
    else:
        yield path, value
