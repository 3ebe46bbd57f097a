"""Hunting queries: YAML files in the form of Microsoft's repository, as saved searches that are listed for hunters."""

from typing import Any

from deploy.content.sources import Resource, read_documents


def hunting_queries() -> list[Resource]:
    """Make the queries of sentinel/hunting, in the workspace that the deployment's parameter names."""
    return [_query(document) for document in read_documents("hunting").values()]


def _query(document: dict[str, Any]) -> Resource:
    tags = {
        "description": document["description"].strip(),
        "tactics": ",".join(document["tactics"]),
        "techniques": ",".join(document["relevantTechniques"]),
    }
    return {
        "type": "Microsoft.OperationalInsights/workspaces/savedSearches",
        "apiVersion": "2025-07-01",
        "name": f"[concat(parameters('workspaceName'), '/{document['id']}')]",
        # Without it a second deployment is refused: the search is there already.
        "etag": "*",
        "properties": {
            "category": "Hunting Queries",
            "displayName": document["name"],
            "query": document["query"],
            "version": 2,
            "tags": [{"name": name, "value": value} for name, value in tags.items()],
        },
    }
