"""The Log Analytics workspace of the local environment: tables in a DuckDB file, KQL through ``duckdb-kql``."""

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self

import duckdb
import duckdb_kql
from duckdb_kql.stored_functions import parse_functions

DUCKDB_TYPES: Mapping[str, str] = {
    "string": "VARCHAR",
    "guid": "VARCHAR",  # Log Analytics stores guid columns as strings (Azure Monitor docs, create-custom-table)
    "int": "INTEGER",
    "long": "BIGINT",
    "real": "DOUBLE",
    "boolean": "BOOLEAN",
    # Microseconds: one decimal less than KQL's 100 ns. duckdb-kql knows no wider datetime.
    "datetime": "TIMESTAMP",
    "dynamic": "JSON",
}
"""DuckDB's type for each column type of a data collection rule or a table, in lower case."""


class WorkspaceError(RuntimeError):
    """The workspace's file cannot be used."""


class WorkspaceQueryError(ValueError):
    """A query that the workspace cannot answer; the message is a sentence for its author."""


class Answer(NamedTuple):
    """What a query gave: the names of its columns, and its rows."""

    columns: list[str]
    rows: list[tuple]


class Workspace:
    """A DuckDB file that holds the tables of a template and answers KQL.

    One thread writes (``insert``) while any number of threads read (``query``): writes are serialised, and
    every query runs on a connection of its own, which DuckDB isolates.
    """

    def __init__(
        self,
        path: Path,
        tables: Mapping[str, Mapping[str, str]],
        functions: Sequence[str] = (),
        *,
        read_only: bool = False,
    ) -> None:
        """Open or create the file at ``path``, with ``tables``: table name to column name to column type.

        ``functions`` are definitions that queries may call: ``function Name(parameters) { body }``. Raises
        ``WorkspaceError`` if the file is in use, is no database, or has one of the tables with other columns.
        """
        self._writing = threading.Lock()
        self._functions = tuple(functions)
        try:
            self._connection = duckdb_kql.connect(str(path), read_only=read_only)
        except duckdb.Error as error:
            raise WorkspaceError(
                f"The workspace {path} cannot be opened; another process may be using it: {_first_line(error)}."
            ) from error
        try:
            for table, columns in tables.items():
                self._create(path, table, columns)
        except WorkspaceError:
            self.close()
            raise
        found = self._connection.execute("SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal")
        names: dict[str, list[str]] = {}
        for table, column in found.fetchall():
            names.setdefault(table, []).append(column)
        self._schema = tuple((table, tuple(columns)) for table, columns in sorted(names.items()))

    @classmethod
    def open_existing(cls, path: Path, functions: Sequence[str] = ()) -> Self:
        """Open a file that an earlier run left, for queries only."""
        if not path.exists():
            raise WorkspaceError(f"There is no workspace at {path}. Collect something first: make run.")
        return cls(path, {}, functions, read_only=True)

    def insert(self, table: str, select: str, parameters: Sequence[object] = ()) -> int:
        """Insert the rows of the SQL ``select`` into ``table``, all or none, and return their number.

        Columns are matched by name; a column that ``select`` lacks stays empty.
        """
        with self._writing:
            inserted = self._connection.execute(f'INSERT INTO "{table}" BY NAME {select}', parameters).fetchone()
        return int(inserted[0]) if inserted else 0

    def query(self, kql: str, *, at: datetime | None = None, period: timedelta | None = None) -> Answer:
        """Run a KQL query.

        Values of dynamic columns come back as JSON text, datetimes without a zone and in UTC. With ``at`` it is that
        moment for the query, and rows of later are not there yet; with ``period`` rows that are older than it are not
        there any more. Raises ``WorkspaceQueryError``.
        """
        with self._connection.cursor() as cursor:
            try:
                if at:
                    self._narrow(cursor, at, period)
                sql = _translated(kql, at, self._functions, self._schema)
                # KQL's datetimes are in UTC, and DuckDB reads the session's zone.
                cursor.execute("SET TimeZone = 'UTC'").execute(sql, sql.parameters)
                return Answer([name for name, *_ in cursor.description or ()], cursor.fetchall())
            except duckdb_kql.KqlSyntaxError as error:
                raise WorkspaceQueryError(f"This query cannot be parsed: {_first_line(error)}.") from error
            except duckdb_kql.KqlUnsupportedError as error:
                raise WorkspaceQueryError(
                    f"Log Analytics may run this query, the local workspace does not: {_first_line(error)}."
                ) from error
            except (duckdb_kql.KqlError, duckdb.Error) as error:
                raise WorkspaceQueryError(f"The query failed: {_first_line(error)}.") from error

    @staticmethod
    def _narrow(cursor: Any, at: datetime, period: timedelta | None) -> None:
        """Put views of the same names before the tables."""
        earliest = f" AND TimeGenerated >= TIMESTAMP '{at - period}'" if period else ""
        for database, table in cursor.execute("SELECT database_name, table_name FROM duckdb_tables()").fetchall():
            cursor.execute(
                f'CREATE TEMP VIEW "{table}" AS SELECT * FROM "{database}".main."{table}" '
                f"WHERE TimeGenerated <= TIMESTAMP '{at}'{earliest}"
            )

    def close(self) -> None:
        """Write everything to the file and let go of it. May be called twice."""
        with self._writing:
            self._connection.close()

    def _create(self, path: Path, table: str, columns: Mapping[str, str]) -> None:
        types = {name: DUCKDB_TYPES[kind.lower()] for name, kind in columns.items()}
        # Log Analytics has no null strings: a missing string is an empty one, and KQL functions rely on it.
        definitions = (
            f'"{name}" {kind}' + (" NOT NULL DEFAULT ''" if kind == "VARCHAR" else "") for name, kind in types.items()
        )
        self._connection.execute(f'CREATE TABLE IF NOT EXISTS "{table}" ({", ".join(definitions)})')
        found = self._connection.execute(f'DESCRIBE "{table}"').fetchall()
        if {name: kind for name, kind, *_ in found} != types:
            raise WorkspaceError(f"The table {table} in {path} has other columns: delete the file.")


# Cached, because translating takes as long as running, and rules ask the same of many workspaces of one template.
@lru_cache(maxsize=256)
def _translated(
    kql: str, at: datetime | None, functions: tuple[str, ...], schema: tuple[tuple[str, tuple[str, ...]], ...]
) -> Any:
    tables = {table: list(columns) for table, columns in schema}
    return duckdb_kql.to_sql(kql, schema=tables, allow_write=False, query_now=at, functions=_parsed(functions))


@cache
def _parsed(functions: tuple[str, ...]) -> Any:
    return parse_functions(list(functions))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".!") if lines else type(error).__name__
