"""Microsoft's Kusto language service, asked what Log Analytics would say of a query."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from deploy.content.functions import QueryFunction, query_functions
from deploy.content.tables import schemas
from local.patience import within

ROOT: Final = Path(__file__).resolve().parents[2]
# Every table has them (Azure Monitor docs, "Standard columns in Azure Monitor Logs").
STANDARD_COLUMNS: Final = {
    "TenantId": "string",
    "Type": "string",
    "_ResourceId": "string",
    "_SubscriptionId": "string",
    "_ItemId": "string",
    "_TimeReceived": "datetime",
    "_IsBillable": "string",
    "_BilledSize": "real",
}
TYPES: Final = {"boolean": "bool", "dateTime": "datetime"}

type Columns = Mapping[str, str]


class Bound(NamedTuple):
    """What the language service found: errors, each with code and line, and the answer's columns with their types."""

    errors: list[str]
    columns: dict[str, str]


def tables() -> dict[str, dict[str, str]]:
    """The workspace's tables, from the schema files: table name to column name to KQL's name of its type."""
    return {
        name: {each["name"]: TYPES.get(each["type"], each["type"]) for each in schema["columns"]} | STANDARD_COLUMNS
        for name, schema in schemas().items()
    }


def bind(
    queries: Sequence[str],
    functions: Sequence[QueryFunction] | None = None,
    known: Mapping[str, Columns] | None = None,
) -> list[Bound]:
    """Bind all queries in one go: the service takes a second to start. By default to the workspace's own content."""
    request = {
        "tables": tables() if known is None else known,
        "functions": [
            {"name": each.name, "parameters": each.parameters, "body": each.query}
            for each in (query_functions() if functions is None else functions)
        ],
        "queries": list(queries),
    }
    done = subprocess.run(
        [Path(sys.executable).with_name("node"), Path(__file__).with_name("bind.js"), ROOT / "node_modules"],
        input=json.dumps(request), capture_output=True, check=False, text=True, timeout=within(100),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [Bound(each["errors"], dict(each["columns"])) for each in json.loads(done.stdout)]


def body_with_parameters(function: QueryFunction) -> str:
    """A query of the function's body, which is bound where it is called and then keeps its errors to itself."""
    return f"let {function.name} = ({function.parameters}) {{\n{function.query}\n}};\n{function.name}()"
