"""Analytics rules: YAML files in the form of Microsoft's repository of detections, as scheduled rules, disabled."""

from typing import Any, Final

from deploy.content.sources import Resource, read_documents

_OPERATORS: Final = {"gt": "GreaterThan", "lt": "LessThan", "eq": "Equal", "ne": "NotEqual"}


def rules() -> list[Resource]:
    """Make the rules of sentinel/rules, in the workspace that the deployment's parameter names."""
    return [_rule(document) for document in read_documents("rules").values()]


def _rule(document: dict[str, Any]) -> Resource:
    return {
        "type": "Microsoft.SecurityInsights/alertRules",
        "apiVersion": "2025-09-01",
        "scope": "[resourceId('Microsoft.OperationalInsights/workspaces', parameters('workspaceName'))]",
        "name": document["id"],
        "kind": "Scheduled",
        "properties": {
            "displayName": document["name"],
            # An incident shows the rule's description, so it says what to do as well.
            "description": f"{document['description'].strip()}\n\nWhat to do: {document['response'].strip()}",
            "enabled": False,
            "severity": document["severity"],
            "tactics": document["tactics"],
            "techniques": document["relevantTechniques"],
            "query": document["query"],
            "queryFrequency": document["queryFrequency"],
            "queryPeriod": document["queryPeriod"],
            "triggerOperator": _OPERATORS[document["triggerOperator"]],
            "triggerThreshold": document["triggerThreshold"],
            "suppressionEnabled": False,
            "suppressionDuration": "PT5H",
            "entityMappings": document["entityMappings"],
            "customDetails": document["customDetails"],
            "alertDetailsOverride": document["alertDetailsOverride"],
            "eventGroupingSettings": document["eventGroupingSettings"],
            "incidentConfiguration": document["incidentConfiguration"],
        },
    }
