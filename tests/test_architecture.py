"""Dependencies point inwards: what knows Azure Functions imports the core, and never the other way round."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EDGES = {"activities", "entities", "orchestrators", "triggers", "function_app", "status_page", "local"}
# Orchestrators run again and again over the same history: what differs from one time to the next breaks them.
NOT_REPLAYABLE = {"os", "random", "time", "uuid", "secrets", "asyncio", "aiohttp", "socket"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", modules("onepassword_sentinel"), ids=lambda path: path.name)
def test_the_core_imports_no_edge_and_reads_no_environment(path: Path) -> None:
    """It can be used and tested without Azure Functions, and finds everything in its arguments."""
    for name in imports(path):
        assert name.split(".")[0] not in EDGES
        assert not name.startswith(("azure.functions", "azure.durable_functions", "durabletask", "os"))


@pytest.mark.parametrize("path", modules("orchestrators"), ids=lambda path: path.name)
def test_orchestrators_import_nothing_that_differs_between_replays(path: Path) -> None:
    """No environment, clock, randomness or I/O: neither their own nor the activities'."""
    for name in imports(path):
        assert name.split(".")[0] not in NOT_REPLAYABLE | {"activities", "triggers"}
    assert "datetime.now" not in path.read_text()


@pytest.mark.parametrize("path", modules("orchestrators"), ids=lambda path: path.name)
def test_no_orchestrator_calls_http(path: Path) -> None:
    """The SDK's own functions, which `call_http` runs, are not registered."""
    assert "call_http" not in path.read_text()


@pytest.mark.parametrize("kind", ["activity", "orchestrator"])
def test_what_may_fail_fails_briefly(kind: str) -> None:
    """A failure that is too long for the task hub never ends its run, so the trigger's next decorator cuts it."""
    trigger = {"activity": "bp.activity_trigger(", "orchestrator": "bp.orchestration_trigger("}[kind]
    found = 0
    for path in modules("activities" if kind == "activity" else "orchestrators"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
            if not any(decorator.startswith(trigger) for decorator in decorators):
                continue
            waits = any(isinstance(each, ast.Await | ast.Yield | ast.YieldFrom) for each in ast.walk(node))
            assert (decorators[-1] == f"brief_{kind}") is waits, path.name
            found += waits
    assert found >= 4


@pytest.mark.parametrize("path", modules("status_page"), ids=lambda path: path.name)
def test_the_status_page_knows_only_what_it_shows(path: Path) -> None:
    """It is given all that it says, so it can be rendered and looked at without Azure."""
    for name in imports(path):
        assert name.split(".")[0] not in (EDGES - {"status_page"}) | {"azure", "durabletask", "aiohttp", "os"}


@pytest.mark.parametrize("path", modules("local"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_local_environment_imports_nothing_of_the_app(path: Path) -> None:
    """It starts the app as the platform would, from outside."""
    for name in imports(path):
        assert name.split(".")[0] not in (EDGES - {"local"}) | {"onepassword_sentinel"}


def test_the_composition_root_registers_and_nothing_else() -> None:
    """function_app.py defines no function of its own."""
    tree = ast.parse((ROOT / "function_app.py").read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
