"""What callers of the HTTP API sent: read strictly, and everything that is wrong with it said at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a request; `pointer` says where (a JSON pointer, RFC 6901)."""

    pointer: str
    detail: str


class InvalidRequestError(ValueError):
    """The caller has to change the request."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{problem.pointer.strip('/')} {problem.detail}" for problem in self.problems))


def read_object(body: bytes, known: Iterable[str]) -> tuple[dict[str, Any], list[Problem]]:
    """Read a JSON object, and name the members that nobody knows: a typing mistake must not go unnoticed.

    Raises:
        InvalidRequestError: it is no JSON object.

    """
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequestError([Problem("", f"the body must be a JSON object ({error})")]) from error
    if not isinstance(data, dict):
        raise InvalidRequestError([Problem("", "the body must be a JSON object")])
    return data, unknown_members(data, known)


def unknown_members(data: dict[str, Any], known: Iterable[str]) -> list[Problem]:
    """Name the members of an object that are none of the known ones."""
    names = tuple(known)
    return [
        Problem(pointer(name), f"is not known here; known are {', '.join(names)}") for name in data if name not in names
    ]


def pointer(name: str) -> str:
    """Point at a member of the body."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
