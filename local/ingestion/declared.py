"""SQL that reads a request's JSON array as the columns that a stream declares.

Known, from Azure Monitor's documentation: undeclared properties are dropped; strings are never null in Log
Analytics.

Assumed, because no documentation says it: a value whose JSON type is not the declared one becomes null, never a
converted value (no ``"5"`` for a long, no ``5`` for a string), a number that its column cannot hold becomes
null, and property names are case-sensitive. This is the strictest reading: whoever relies on a conversion sees
empty columns here.
"""

from collections.abc import Mapping

# Column type -> the json_type() of the values that it takes, and the SQL that reads such a value's text.
SCALARS: Mapping[str, tuple[str, str]] = {
    "int": ("'BIGINT', 'UBIGINT'", "TRY_CAST({} AS INTEGER)"),  # no fraction, no exponent
    "long": ("'BIGINT', 'UBIGINT'", "TRY_CAST({} AS BIGINT)"),
    "real": ("'BIGINT', 'UBIGINT', 'DOUBLE'", "TRY_CAST({} AS DOUBLE)"),
    "boolean": ("'BOOLEAN'", "TRY_CAST({} AS BOOLEAN)"),
    "datetime": ("'VARCHAR'", "TRY_CAST({} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"),
}


def declared_rows(columns: Mapping[str, str]) -> str:
    """A SELECT of one row for each object of the JSON array ``$1``, with ``columns`` typed as declared."""
    structure = ", ".join(f'"{name}": "JSON"' for name in columns)
    selected = ", ".join(f'{_typed(f'r."{name}"', kind)} AS "{name}"' for name, kind in columns.items())
    return f"SELECT {selected} FROM (SELECT unnest(from_json($1, '[{{{structure}}}]')) AS r)"


def _typed(value: str, kind: str) -> str:
    """Turn ``value``, a SQL expression for JSON, into ``kind``; SQL NULL and JSON null both come as NULL."""
    if kind == "dynamic":
        return value
    text = f"({value} ->> '$')"
    if kind == "string":
        return f"CASE json_type({value}) WHEN 'VARCHAR' THEN {text} ELSE '' END"
    taken, read = SCALARS[kind]
    return f"CASE WHEN json_type({value}) IN ({taken}) THEN {read.format(text)} END"
