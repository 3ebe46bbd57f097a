"""The Azure Monitor Logs Ingestion API, simulated: limits, data collection rule, transformation, table."""

from .body import read_rows
from .faults import (
    DropAfterStore,
    DropBeforeRead,
    Fault,
    Faults,
    Hold,
    HoldAnswer,
    LateAnswer,
    RefuseRows,
    SmallerLimit,
    Stall,
    Status,
)
from .server import IngestionSimulator
from .template import DataCollectionRule, DataFlow, read_rule, read_tables
from .transform import CompiledFlow, compile_flow

__all__ = [
    "CompiledFlow",
    "DataCollectionRule",
    "DataFlow",
    "DropAfterStore",
    "DropBeforeRead",
    "Fault",
    "Faults",
    "Hold",
    "HoldAnswer",
    "IngestionSimulator",
    "LateAnswer",
    "RefuseRows",
    "SmallerLimit",
    "Stall",
    "Status",
    "compile_flow",
    "read_rows",
    "read_rule",
    "read_tables",
]
