"""Every KQL text that a deployment brings, by where it stands."""

import re
from typing import Final

from deploy.content.functions import query_functions
from deploy.content.sources import read_documents, read_text
from deploy.content.tables import schemas, stream_columns
from tests.content.connector_queries import connector_queries
from tests.content.kusto import TYPES, Columns, body_with_parameters
from tests.content.workbook_queries import workbook_queries

# What 1Password's events have inside their objects: 1Password docs, Events API reference 1.4.1.
_USER: Final = {"uuid", "name", "email"}
MEMBERS: Final = {
    "target_user": _USER | {"user_type", "user_account_uuid"},
    "user": _USER | {"user_type", "user_account_uuid"},
    "actor_details": _USER,
    "object_details": _USER,
    "aux_details": _USER,
    "details": {"value"},
    "session": {"uuid", "login_time", "device_uuid", "ip"},
    "location": {"country", "region", "city", "latitude", "longitude"},
    "client": {
        "app_name", "app_version", "platform_name", "platform_version", "os_name", "os_version", "ip_address",
    },
}  # fmt: skip
_MEMBER: Final = re.compile(rf"(?<![\w.])({'|'.join(MEMBERS)})\b(?:\.(\w+)|\[\s*[\"'](\w+)[\"']\s*\])")
_LITERAL: Final = re.compile(r"""@?"(?:[^"\\]|\\.)*"|@?'(?:[^'\\]|\\.)*'""")


def queries() -> dict[str, str]:
    """All texts that run in a workspace, as queries."""
    return (
        {f"function {each.name}": body_with_parameters(each) for each in query_functions()}
        | {f"rule {stem}": document["query"] for stem, document in read_documents("rules").items()}
        | {f"hunting {stem}": document["query"] for stem, document in read_documents("hunting").items()}
        | {f"workbook {name}": query for name, query in workbook_queries().items()}
        | {f"connector page {name}": query for name, query in connector_queries().items()}
    )


def transforms() -> dict[str, str]:
    """The transformations, by the table that they fill."""
    return {name: read_text("transforms", f"{name}.kql") for name in schemas()}


def source_of(table: str) -> Columns:
    """The columns of `source` in the transformation of a table."""
    return {each["name"]: TYPES.get(each["type"], each["type"]) for each in stream_columns(schemas()[table])}


def members(kql: str) -> set[tuple[str, str]]:
    """Which members of objects a text reads: the language service takes any name there."""
    code = "\n".join(line.split("//")[0] for line in _LITERAL.sub(_blank, kql).splitlines())
    return {(column, dotted or quoted) for column, dotted, quoted in _MEMBER.findall(code)}


def _blank(literal: re.Match[str]) -> str:
    """Keep a literal that may be the name of a member, and no other."""
    return literal[0] if re.fullmatch(r"[\"']\w+[\"']", literal[0]) else '""'
