"""Paths and route templates as ASP.NET Core, the Functions host's HTTP server, understands them."""

import re
from collections.abc import Iterator

from yarl import URL

# {name}, {name:constraint}, {name?} and {*name}.
_PARAMETER = re.compile(r"\{(?P<rest>\*)?(?P<name>\w+)(?::(?P<constraint>\w+)(?:\([^)]*\))?)?(?P<optional>\?)?\}")
_CONSTRAINTS = {
    "int": r"-?\d+",
    "long": r"-?\d+",
    "alpha": "[A-Za-z]+",
    "bool": "true|false",
    "guid": r"\{?[0-9A-F]{8}-?(?:[0-9A-F]{4}-?){3}[0-9A-F]{12}\}?",
}
_SLASH = re.compile("%(2f)", re.IGNORECASE)


def decoded(path: str) -> str:
    """Decode a request's path. An encoded slash stays encoded, and dot segments are resolved, also encoded ones."""
    kept: list[str] = []
    for segment in URL(_SLASH.sub(r"%25\1", path), encoded=True).path.removeprefix("/").split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "/" + "/".join(kept)


def compiled(template: str) -> re.Pattern[str]:
    """Compile a route template. Case and a slash at the end do not matter."""
    return re.compile("".join(_segments(template)) + "/?", re.IGNORECASE)


def route_values(pattern: re.Pattern[str], path: str) -> dict[str, str] | None:
    """Return the parameters that a decoded path gives a route, without empty ones; None if it is another route's."""
    match = pattern.fullmatch(path)
    return None if match is None else {name: value for name, value in match.groupdict().items() if value}


def _segments(template: str) -> Iterator[str]:
    for segment in template.strip("/").split("/"):
        whole = _PARAMETER.fullmatch(segment)
        left_out = whole is not None and (whole["rest"] or whole["optional"])
        yield f"(?:/{_segment(segment)})?" if left_out else f"/{_segment(segment)}"


def _segment(text: str) -> str:
    """Return the expression of one segment: literal text, parameters, or both."""
    found, end = "", 0
    for parameter in _PARAMETER.finditer(text):
        expression = "(?s:.*)" if parameter["rest"] else _CONSTRAINTS.get(parameter["constraint"] or "", "[^/]+")
        found += f"{re.escape(text[end : parameter.start()])}(?P<{parameter['name']}>{expression})"
        end = parameter.end()
    return found + re.escape(text[end:])
