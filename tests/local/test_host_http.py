"""The local Functions host serves HTTP functions as the Functions host does."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from multidict import CIMultiDict
from yarl import URL

from local.host import FunctionsHost
from local.host.routes import compiled, decoded, route_values

APP = Path(__file__).parent / "apps/durable"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FunctionsHost]:
    marks = tmp_path_factory.mktemp("marks")
    settings = {"AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1", "MARKS": str(marks), "TICK": "0 0 0 1 1 *"}
    async with FunctionsHost(APP, settings) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def http(host: FunctionsHost) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(host.http_url) as session:
        yield session


async def seen(host: FunctionsHost, path: str, **request: Any) -> dict[str, Any]:
    """Return what of a request reached the function."""
    address = URL(host.http_url + path, encoded=True)
    async with aiohttp.ClientSession() as session, session.request("POST", address, **request) as response:
        assert response.status == 200, await response.text()
        found: dict[str, Any] = await response.json()
        return found


async def test_http(http: aiohttp.ClientSession) -> None:
    """Route parameters, query, headers and raw body reach an HTTP function; status, headers and body come back."""
    async with http.post("/api/things/x/7?q=1", data=b"\x00\xff", headers={"X-There": "here"}) as response:
        assert (response.status, response.headers["x-here"]) == (201, "here")
        assert await response.read() == b"POST x 7 1 \x00\xff"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("GET", "/api/things/x/seven", 404),
        ("DELETE", "/api/things/x/7", 404),
        ("GET", "/admin/functions/ticker", 404),
        ("GET", "/api/things/x/7?fail=1", 500),
    ],
    ids=["unknown", "constraint", "method", "admin", "exception"],
)
async def test_http_errors(http: aiohttp.ClientSession, method: str, path: str, status: int) -> None:
    """What matches no route is 404, an exception is 500; neither has a body or a content type."""
    async with http.request(method, path) as response:
        assert (response.status, await response.read()) == (status, b"")
        assert "Content-Type" not in response.headers


async def test_home_page(http: aiohttp.ClientSession) -> None:
    """The host's own address has a page."""
    async with http.get("/") as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert await response.text()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/seen/One", {"first": "One"}),
        ("/API/SEEN/One/", {"first": "One"}),
        ("/api/seen/One/Two", {"first": "One", "rest": "Two"}),
        ("/api/other/../seen/./One", {"first": "One"}),
        ("/api/other/%2e%2e/seen/One", {"first": "One"}),
        ("/api/seen/a%2Fb%2f..%2F%20c", {"first": "a%2Fb%2f..%2F c"}),
        ("/api/seen/%25%C3%A4+", {"first": "%ä+"}),
    ],
    ids=["template's case", "any case, slash", "optional", "dots", "encoded dots", "encoded slash", "decoded"],
)
async def test_routes(host: FunctionsHost, path: str, expected: dict[str, str]) -> None:
    """Case and a slash at the end do not matter, dot segments are resolved, and an encoded slash stays encoded."""
    assert (await seen(host, path))["route"] == expected


async def test_query(host: FunctionsHost) -> None:
    """Values of one name are joined by a comma, and empty values do not arrive."""
    found = await seen(host, "/api/seen/x?a=1&b=&c&a=2&d=+&e=&e=3")
    assert found["query"] == {"a": "1,2", "d": " ", "e": ",3"}


async def test_headers(host: FunctionsHost) -> None:
    """Values of one name are joined by a comma alone."""
    found = await seen(host, "/api/seen/x", headers=CIMultiDict([("X-Many", "a"), ("X-Many", "b, c")]))
    assert found["headers"]["x-many"] == "a,b, c"


async def test_body(host: FunctionsHost) -> None:
    """A compressed body arrives as it was sent, and a chunked one does not arrive."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"abc"

    packed = gzip.compress(b"abc")
    found = await seen(host, "/api/seen/x", data=packed, headers={"Content-Encoding": "gzip"})
    assert found["body"] == packed.hex()
    assert (await seen(host, "/api/seen/x", data=chunks()))["body"] == ""


async def test_trigger_metadata(host: FunctionsHost) -> None:
    """The worker gets the query, the route values and the headers once more, as the trigger's metadata."""
    headers = {"X-There": "here"}
    metadata = (await seen(host, "/api/seen/x?a=1&empty=&code=secret", headers=headers))["metadata"]
    assert (metadata["a"], metadata["first"], metadata["Headers"]["X-There"]) == ("1", "x", "here")
    assert metadata["Query"] == {"a": "1", "code": "secret"}
    assert metadata.keys() == {"a", "first", "Query", "Headers"}


async def test_answers_are_chunked(http: aiohttp.ClientSession) -> None:
    """An answer with a body does not say how long it is."""
    async with http.get("/api/seen/x") as response:
        assert response.headers["Transfer-Encoding"] == "chunked"
        assert "Content-Length" not in response.headers
        assert await response.json()


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("api/a/{id}", "/api/a/1", {"id": "1"}),
        ("api/a/{id}", "/api/a", None),
        ("api/a/{id}", "/api/a/1/2", None),
        ("api/a/{id?}", "/api/a/1", {"id": "1"}),
        ("api/a/{id?}", "/api/a", {}),
        ("api/{*rest}", "/api/1/2", {"rest": "1/2"}),
        ("api/{*rest}", "/api", {}),
        ("/health", "/health", {}),
        ("a.b/v{major:int}-{kind:alpha}", "/a.b/v1-x", {"major": "1", "kind": "x"}),
        ("a.b/v{major:int}-{kind:alpha}", "/a_b/v1-x", None),
        ("a.b/v{major:int}-{kind:alpha}", "/a.b/v1-2", None),
    ],
)
async def test_route_templates(template: str, path: str, expected: dict[str, str] | None) -> None:
    """Templates are ASP.NET's: parameters, constraints, an optional last one, and one that takes the rest."""
    assert route_values(compiled(template), path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/a/../../b", "/b"), ("/a/..%2fb", "/a/..%2fb"), ("/a/%252F", "/a/%2F"), ("/%FF", "/%FF"), ("/a/%0A", "/a/\n")],
)
async def test_paths(path: str, expected: str) -> None:
    """A path is decoded once, without its slashes, and never leads above the root."""
    assert decoded(path) == expected
