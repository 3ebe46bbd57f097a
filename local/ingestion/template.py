"""What an Azure Resource Manager template declares for ingestion: one data collection rule, and tables."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.template import TemplateError, resources

RULE_TYPE = "microsoft.insights/datacollectionrules"
TABLE_TYPE = "microsoft.operationalinsights/workspaces/tables"

# Azure Monitor docs, create-custom-table: letters, digits and underscores, at most 45, first a letter.
COLUMN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,44}")

# Azure Monitor docs, "Structure of a data collection rule": a stream has no guid columns; a table may.
STREAM_TYPES = frozenset({"string", "int", "long", "real", "boolean", "datetime", "dynamic"})
TABLE_TYPES = STREAM_TYPES | {"guid"}

type Columns = Mapping[str, str]
"""Column name to column type in lower case."""


@dataclass(frozen=True)
class DataFlow:
    """The way of a stream's rows into a table: through ``transform_kql``."""

    stream: str
    transform_kql: str
    table: str


@dataclass(frozen=True)
class DataCollectionRule:
    """Input streams with their columns, and the one data flow of each."""

    immutable_id: str
    streams: Mapping[str, Columns]
    flows: Mapping[str, DataFlow]


def read_tables(template: Path) -> dict[str, Columns]:
    """The custom tables that ``template`` creates: table name to columns. Raises ``TemplateError``."""
    schemas = [table["properties"]["schema"] for table in resources(template, TABLE_TYPE)]
    tables = {schema["name"]: _columns(schema["name"], schema["columns"], TABLE_TYPES) for schema in schemas}
    for name, columns in tables.items():
        if columns.get("TimeGenerated") != "datetime":
            raise TemplateError(f"The table {name} has no column TimeGenerated of the type datetime.")
    return tables


def read_rule(template: Path) -> DataCollectionRule:
    """The one data collection rule of ``template``. Raises ``TemplateError``."""
    rules = list(resources(template, RULE_TYPE))
    if len(rules) != 1:
        raise TemplateError(f"{template.name} has {len(rules)} data collection rules, not one.")
    properties = rules[0]["properties"]
    streams = {
        name: _columns(name, stream["columns"], STREAM_TYPES)
        for name, stream in properties["streamDeclarations"].items()
    }
    flows: dict[str, DataFlow] = {}
    for flow in map(_flow, properties["dataFlows"]):
        if flow.stream not in streams or flow.stream in flows:
            raise TemplateError(f"The stream {flow.stream} is not declared, or has a second data flow.")
        flows[flow.stream] = flow
    # Azure draws the id by lot; the same template gives the same id here, so that a run can be repeated.
    digest = hashlib.sha256(json.dumps(sorted(streams)).encode()).hexdigest()
    return DataCollectionRule(f"dcr-{digest[:32]}", streams, flows)


def _columns(owner: str, declared: list[dict[str, str]], types: frozenset[str]) -> Columns:
    columns = {column["name"]: column["type"].lower() for column in declared}
    wrong = [name for name in columns if not COLUMN_NAME.fullmatch(name) or columns[name] not in types]
    if wrong or len({name.casefold() for name in columns}) != len(declared):
        raise TemplateError(f"{owner} has column names or types that Azure refuses, or one twice: {wrong}.")
    return columns


def _flow(declared: Mapping[str, Any]) -> DataFlow:
    if len(declared["streams"]) != 1:
        raise TemplateError("Here a data flow has one stream; split the one that has several.")
    return DataFlow(
        stream=declared["streams"][0],
        transform_kql=declared.get("transformKql", "source"),
        table=declared["outputStream"].removeprefix("Custom-"),
    )
