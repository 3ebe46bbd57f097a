"""Fault cases: each plays what can go wrong, then every event is accounted for in the workspace."""

from local.chaos.case import Case
from local.chaos.ingestion_cases import INGESTION
from local.chaos.instance_cases import INSTANCES
from local.chaos.onepassword_cases import ONEPASSWORD
from local.chaos.process_cases import KILLED, PROCESS
from local.chaos.verdict import StartError, Verdict, judge

CASES: tuple[Case, ...] = (*ONEPASSWORD.cases, *INGESTION.cases, *PROCESS.cases, *INSTANCES.cases)

__all__ = ["CASES", "KILLED", "Case", "StartError", "Verdict", "judge"]
