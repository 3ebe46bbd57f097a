"""A data flow compiled to SQL: declared columns, then the rule's own ``transformKql``, then the table's columns.

``duckdb-kql`` translates the transformation, once, when the simulator is made. It supports every function that the
rule uses, so that nothing is replaced here. One difference remains: its datetimes have six fractional digits,
Azure's have seven.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import duckdb
import duckdb_kql

from local.template import TemplateError
from local.workspace import DUCKDB_TYPES

from .declared import declared_rows
from .template import Columns, DataCollectionRule


@dataclass(frozen=True)
class CompiledFlow:
    """``select`` takes the text of a JSON array as its one parameter and gives rows for ``table``."""

    table: str
    select: str


def compile_flow(rule: DataCollectionRule, stream: str, tables: Mapping[str, Columns]) -> CompiledFlow:
    """Compile the data flow of ``stream``.

    Raises ``TemplateError`` for what Azure refuses at deployment too (no such table, an output without
    TimeGenerated or of other types than the table's) and for KQL that ``duckdb-kql`` does not support.
    """
    flow = rule.flows[stream]
    if flow.table not in tables:
        raise TemplateError(f"The stream {stream} goes to the table {flow.table}, which the template lacks.")
    transformed = _transformed(stream, flow.transform_kql, tuple(rule.streams[stream].items()))
    table = tables[flow.table]
    produced = _output_types(stream, transformed)
    _check(stream, produced, table)
    kept = ", ".join(_stored(name, table[name]) for name in produced if name in table)
    return CompiledFlow(flow.table, f"SELECT {kept} FROM ({transformed})")


# Cached, because translating and planning take a tenth of a second, and one process makes many simulators of one
# template: in its tests.
@cache
def _transformed(stream: str, transform_kql: str, columns: tuple[tuple[str, str], ...]) -> str:
    try:
        schema = {"source": [name for name, _ in columns]}
        translated = duckdb_kql.to_sql(transform_kql, schema=schema, allow_write=False)
    except duckdb_kql.KqlError as error:
        raise TemplateError(f"The transformation of {stream} cannot run locally: {error}.") from error
    return f"WITH source AS ({declared_rows(dict(columns))}) SELECT * FROM ({translated})"


@cache
def _output_types(stream: str, transformed: str) -> Mapping[str, str]:
    with duckdb_kql.connect() as connection:
        try:
            description = connection.execute(f"DESCRIBE {transformed}", ["[]"]).fetchall()
        except duckdb.Error as error:
            raise TemplateError(f"The transformation of {stream} is wrong: {error}.") from error
    return {name: kind for name, kind, *_ in description}


def _check(stream: str, produced: Mapping[str, str], table: Columns) -> None:
    if "TimeGenerated" not in produced:
        raise TemplateError(f"The transformation of {stream} does not give TimeGenerated.")
    for name, kind in produced.items():
        if name in table and kind != DUCKDB_TYPES[table[name]]:
            raise TemplateError(f"{stream} gives {name} as {kind}; the table has it as {table[name]}.")


def _stored(name: str, kind: str) -> str:
    # Log Analytics has no null strings; a transformation that yields null means the empty string.
    return f"""coalesce("{name}", '') AS "{name}\"""" if kind in {"string", "guid"} else f'"{name}"'
