"""Who may do what on which resource, as resources of a template."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

# A principal's object id, what kind it is, what names it in an assignment's name, and when there is one.
_PRINCIPALS: Final[Mapping[str, Mapping[str, str]]] = {
    "app": {
        "id": "reference(variables('identityId'), '2023-01-31').principalId",
        "type": "ServicePrincipal",
        "name": "variables('identityId')",
        "condition": "",
    },
    "monitor": {
        "id": "parameters('monitorPrincipalId')",
        "type": "[parameters('monitorPrincipalType')]",
        "name": "parameters('monitorPrincipalId')",
        "condition": "not(empty(parameters('monitorPrincipalId')))",
    },
}


def role_assignments(declared: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Make the assignments that parts/roles.json declares.

    An assignment's name says scope, identity and role: so the same one is found again by the next deployment, and two
    apps do not fight for one.
    """
    return [_resource(assignment, declared["scopes"][assignment["on"]]) for assignment in declared["assignments"]]


def ids_for_app(declared: Mapping[str, Any]) -> list[str]:
    """Name the app's assignments, for what must not start without them."""
    return [
        f"[extensionResourceId({_scope(scope)}, 'Microsoft.Authorization/roleAssignments', {_name(assignment, scope)})]"
        for assignment in declared["assignments"]
        for scope in [declared["scopes"][assignment["on"]]]
        if assignment["to"] == "app"
    ]


def _resource(assignment: Mapping[str, str], scope: Mapping[str, str]) -> dict[str, Any]:
    principal = _PRINCIPALS[assignment["to"]]
    condition = _all_of([scope.get("condition", ""), principal["condition"]])
    return {
        **({"condition": f"[{condition}]"} if condition else {}),
        "type": "Microsoft.Authorization/roleAssignments",
        "apiVersion": "2022-04-01",
        "name": f"[{_name(assignment, scope)}]",
        "scope": f"[{_scope(scope)}]",
        "properties": {
            "description": assignment["for"],
            "principalId": f"[{principal['id']}]",
            "principalType": principal["type"],
            "roleDefinitionId": "[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', "
            f"variables('roles')['{assignment['role']}'])]",
        },
        "dependsOn": [f"[{_scope(scope)}]", *(["[variables('identityId')]"] if assignment["to"] == "app" else [])],
    }


def _scope(scope: Mapping[str, str]) -> str:
    return f"resourceId('{scope['type']}', variables('{scope['name']}'))"


def _name(assignment: Mapping[str, str], scope: Mapping[str, str]) -> str:
    principal = _PRINCIPALS[assignment["to"]]["name"]
    return f"guid({_scope(scope)}, {principal}, variables('roles')['{assignment['role']}'])"


def _all_of(conditions: Iterable[str]) -> str:
    given = [condition for condition in conditions if condition]
    return f"and({', '.join(given)})" if len(given) > 1 else "".join(given)
