"""Ids of Azure resources, put together and taken apart."""

from collections.abc import Sequence

from tests.arm.expression import ExpressionError


def group_id(subscription: str, resource_group: str) -> str:
    """The id of a resource group."""
    return f"/subscriptions/{subscription}/resourceGroups/{resource_group}"


def resource_id(scope: str, kind: str, names: Sequence[str]) -> str:
    """The id of a resource of the type ``kind`` (``Provider/type/type``) in ``scope``, itself an id; "" is the tenant.

    Raises ``ExpressionError`` if the type has another number of parts than there are names, or one is empty.
    """
    provider, *types = kind.strip("/").split("/")
    if not types or len(types) != len(names) or not all([provider, *types, *names]):
        raise ExpressionError(f"the type {kind} needs {len(types)} names that are not empty, has {len(names)}")
    pairs = (part for pair in zip(types, names, strict=True) for part in pair)
    return "/".join([f"{scope}/providers", provider, *pairs])


def relative_id(group: str, path: str) -> str:
    """The id of ``Provider/type/name/type/name`` in a resource group. Raises ``ExpressionError``."""
    provider, *pairs = path.split("/")
    if "." not in provider or not pairs or len(pairs) % 2 or not all(pairs):
        raise ExpressionError(f"{path!r} is no Provider/type/name")
    return f"{group}/providers/{path}"


def is_within(identifier: str, outer: str) -> bool:
    """Whether a resource is ``outer`` or one of its children or extensions."""
    return f"{identifier.lower()}/".startswith(f"{outer.lower()}/")
