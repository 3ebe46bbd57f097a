"""What ASIM asks of a parser for each of the two schemas, and how the parsers are called.

Source: Microsoft Learn, "ASIM Authentication normalization schema reference" and "ASIM Audit Events normalization
schema reference" (both of version 1.0.0), "ASIM common schema fields", "The ASIM User Entity", "The ASIM Application
Entity" and "Manage ASIM parsers", as of October 2026; for the types ASimTester.csv in Azure/Azure-Sentinel.
"""

import re
from typing import Any, Final

from deploy.content.functions import QueryFunction, query_functions
from local.workspace import Workspace
from tests.content.planted import NOW

FUNCTIONS: Final = {function.name: function for function in query_functions()}
PARSERS: Final = {
    "Authentication": ("vimAuthenticationOnePassword", "ASimAuthenticationOnePassword"),
    "AuditEvent": ("vimAuditEventOnePassword", "ASimAuditEventOnePassword"),
}
AUTHENTICATION: Final = PARSERS["Authentication"][0]
AUDIT: Final = PARSERS["AuditEvent"][0]

_COMMON_PARAMETERS: Final = [("starttime", "datetime", "datetime(null)"), ("endtime", "datetime", "datetime(null)")]
_OWN: Final = {
    "Authentication": (
        "username_has_any targetappname_has_any srcipaddr_has_any_prefix srchostname_has_any eventtype_in "
        "eventresultdetails_in eventresult"
    ),
    "AuditEvent": (
        "srcipaddr_has_any_prefix actorusername_has_any operation_has_any eventtype_in eventresult object_has_any "
        "newvalue_has_any"
    ),
}
_SWITCHES: Final = [("disabled", "bool", "false"), ("pack", "bool", "false")]
PARAMETERS: Final = {
    schema: _COMMON_PARAMETERS
    + [(name, *(("string", "'*'") if name == "eventresult" else ("dynamic", "dynamic([])"))) for name in own.split()]
    + _SWITCHES
    for schema, own in _OWN.items()
}
"""Of the filtering parsers, in the order of imAuthentication.yaml and imAuditEvent.yaml."""
PARAMETERLESS: Final = _SWITCHES

_MANDATORY: Final = (
    "TimeGenerated Type EventCount EventStartTime EventEndTime EventType EventResult EventProduct EventVendor "
    "EventSchema EventSchemaVersion Dvc"
)
MANDATORY: Final = {
    "Authentication": set(_MANDATORY.split()),
    "AuditEvent": {*_MANDATORY.split(), "Operation", "Object", "ObjectType"},
}
_COMMON: Final = (
    "EventSubType EventSeverity EventMessage EventOriginalUid EventOriginalType TargetUserId TargetUserIdType "
    "TargetUsername TargetUsernameType TargetAppName TargetAppType SrcIpAddr SrcGeoCountry SrcGeoRegion SrcGeoCity "
    "SrcGeoLatitude SrcGeoLongitude AdditionalFields User Application Dst Src IpAddr"
)
_FIELDS: Final = {
    "Authentication": "EventResultDetails EventOriginalResultDetails DvcAction LogonMethod TargetUserScopeId "
    "TargetUserType TargetOriginalUserType TargetSessionId ActingAppName ActingAppType SrcDvcOs SrcDeviceType "
    "SrcDescription ASimMatchingUsername LogonTarget",
    "AuditEvent": "ObjectId OriginalObjectType NewValue ValueType ActorUserId ActorUserIdType ActorScopeId "
    "ActorUsername ActorUsernameType ActorUserType ActorOriginalUserType ActorSessionId SrcDvcId SrcDvcIdType Value",
}
_NO_STRINGS: Final = {
    "TimeGenerated": "datetime", "EventStartTime": "datetime", "EventEndTime": "datetime", "EventCount": "int",
    "SrcGeoLatitude": "real", "SrcGeoLongitude": "real", "AdditionalFields": "dynamic",
}  # fmt: skip
FIELDS: Final = {
    schema: {
        name: _NO_STRINGS.get(name, "string") for name in sorted({*MANDATORY[schema], *_COMMON.split(), *own.split()})
    }
    for schema, own in _FIELDS.items()
}
"""The fields that 1Password's events can fill, with their types."""

_USERS: Final = {
    "UserIdType": {"", "Other"},
    "UsernameType": {"", "UPN", "Simple"},
    "UserType": {"", "Regular", "Guest", "Machine", "Admin", "System", "Application", "Service", "Other"},
}
_EVERYWHERE: Final = {
    "EventResult": {"Success", "Partial", "Failure", "NA"},
    "EventSeverity": {"Informational", "Low", "Medium", "High"},
    "TargetAppType": {"SaaS application"},
    **{f"Target{name}": values for name, values in _USERS.items() if name != "UserType"},
}
ALLOWED: Final = {
    "Authentication": {
        **_EVERYWHERE,
        "EventType": {"Logon", "Logoff", "Elevate"},
        "EventSubType": {
            "System", "Interactive", "RemoteInteractive", "Service", "RemoteService", "Remote", "AssumeRole",
        },
        "EventResultDetails": {
            "", "No such user or password", "No such user", "Incorrect password", "Incorrect key", "Account expired",
            "Password expired", "User locked", "User disabled", "Logon violates policy", "Session expired", "Other",
        },
        "LogonMethod": {
            "", "Managed Identity", "Service Principal", "Username & Password", "Multi factor authentication",
            "Passwordless", "PKI", "PAM", "Other",
        },
        "TargetUserType": _USERS["UserType"],
        "ActingAppType": {"", "Process", "Service", "Resource", "URL", "SaaS application", "CSP", "Other"},
        "SrcDeviceType": {"", "Computer", "Mobile Device", "IOT Device", "Other"},
        "ASimMatchingUsername": {"-", "TargetUsername", "ActorUsername", "Both"},
    },
    "AuditEvent": {
        **_EVERYWHERE,
        "EventType": {
            "Set", "Read", "Create", "Delete", "Execute", "Install", "Clear", "Enable", "Disable", "Initialize",
            "Start", "Stop", "Other",
        },
        "ObjectType": {
            "Cloud Resource", "Configuration Atom", "Policy Rule", "Event Log", "Scheduled Task", "Service",
            "Directory Service Object", "Other",
        },
        "ValueType": {"", "Other"},
        "SrcDvcIdType": {"", "Other"},
        **{f"Actor{name}": values for name, values in _USERS.items()},
    },
}  # fmt: skip
"""The values of the enumerated fields; empty where a field need not be filled."""

ALIASES: Final = {
    "Authentication": {
        "User": ("TargetUsername", "TargetUserId"), "Application": ("TargetAppName",), "Dst": ("TargetAppName",),
        "LogonTarget": ("TargetAppName",), "Src": ("SrcIpAddr",), "IpAddr": ("SrcIpAddr",), "Dvc": ("EventProduct",),
    },
    "AuditEvent": {
        "User": ("ActorUsername",), "Value": ("NewValue",), "Application": ("TargetAppName",),
        "Dst": ("TargetAppName",), "Src": ("SrcIpAddr", "SrcDvcId"), "IpAddr": ("SrcIpAddr",), "Dvc": ("EventProduct",),
    },
}  # fmt: skip
"""What an alias repeats: the first of these that is filled."""


def parameters(function: QueryFunction) -> list[tuple[str, str, str]]:
    """The name, type and default of each of a function's parameters."""
    return [tuple(found) for found in re.findall(r"(\w+):(\w+)=(.+?)(?:, |$)", function.parameters)]


def call(name: str, **given: str) -> str:
    """Call a function as the local engine can: by position, with the defaults between."""
    known = [parameter for parameter, _, _ in parameters(FUNCTIONS[name])]
    assert set(given) <= set(known)
    values = [given.get(parameter, default) for parameter, _, default in parameters(FUNCTIONS[name])]
    return f"{name}({', '.join(values)})"


def ask(workspace: Workspace, kql: str) -> list[dict[str, Any]]:
    columns, rows = workspace.query(kql, at=NOW)
    return [dict(zip(columns, row, strict=True)) for row in rows]
