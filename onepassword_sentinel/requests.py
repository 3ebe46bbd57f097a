"""What callers of the HTTP API sent: read strictly, and everything that is wrong with it said at once."""

import codecs
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

# No request needs a tenth of it; and of a large body, far more would have to be said than was sent.
MOST_BYTES: Final = 16_384
# The Functions host reads a body only where Content-Length is above 0.
_NO_BODY: Final = (
    "the body is empty and must be a JSON object; if you sent one, it was chunked (Transfer-Encoding: chunked), which "
    "the Functions host drops: send it with the header Content-Length"
)
_BLANK: Final = "the body has only white space and must be a JSON object"
_BYTE_ORDER_MARKS: Final = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a request; `pointer` says where (a JSON pointer, RFC 6901)."""

    pointer: str
    detail: str


class InvalidRequestError(ValueError):
    """The caller has to change the request."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        said = (f"{problem.pointer.strip('/')} {problem.detail}".strip() for problem in self.problems)
        super().__init__("; ".join(said))


def read_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InvalidRequestError: it is empty, blank, no JSON object, or larger than any request.

    """
    if len(body) > MOST_BYTES:
        raise InvalidRequestError([Problem("", f"the body must be no more than {MOST_BYTES:,} bytes")])
    if not body:
        raise InvalidRequestError([Problem("", _NO_BODY)])
    if body in _BYTE_ORDER_MARKS or not body.removeprefix(codecs.BOM_UTF8).strip():
        raise InvalidRequestError([Problem("", _BLANK)])
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequestError([Problem("", f"the body must be a JSON object ({error})")]) from error
    if not isinstance(data, dict):
        raise InvalidRequestError([Problem("", "the body must be a JSON object")])
    return data


def unknown_members(data: Iterable[str], known: Sequence[str]) -> list[Problem]:
    """Name the members of an object that are none of the known ones: a typing mistake must not go unnoticed."""
    return [
        Problem(pointer(name), f"is not known here; known are {', '.join(known)}") for name in data if name not in known
    ]


def pointer(name: str) -> str:
    """Point at a member of the body."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
