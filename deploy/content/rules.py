"""Analytics rules: YAML files in the form of Microsoft's repository of detections, as scheduled rules.

People enable rules and tune them. A template that just makes them would set all back at the next deployment, and say
nothing, so there are two kinds: those that are made only where they are missing, and those that replace what is there.
"""

from typing import Any, Final

from deploy.content.sources import Resource, read_documents, unwrapped

_OPERATORS: Final = {"gt": "GreaterThan", "lt": "LessThan", "eq": "Equal", "ne": "NotEqual"}


def missing_rules() -> list[Resource]:
    """Make those rules of sentinel/rules that the workspace does not have, and leave alone those that it has.

    Only a template of the language version 2.0 can say so.
    """
    return [
        {"@options": {"onlyIfNotExists": []}, "condition": "[parameters('addRules')]", **rule}
        for rule in replacing_rules()
    ]


def replacing_rules() -> list[Resource]:
    """Make all rules of sentinel/rules, in the workspace that the deployment's parameter names."""
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
            "description": f"{unwrapped(document['description'])}\n\nWhat to do: {unwrapped(document['response'])}",
            "enabled": "[parameters('enableRules')]",
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
            "incidentConfiguration": _filled(document["incidentConfiguration"]),
        },
    }


def _filled(part: Any) -> Any:
    """Leave out lists that are empty: Azure's checks of templates take them for a mistake."""
    return {name: _filled(each) for name, each in part.items() if each != []} if isinstance(part, dict) else part
