"""The queries of the connector's page, by what they are for."""

from typing import Any

from deploy.content.connector_page import connector_page


def connector_queries() -> dict[str, str]:
    """All of them, as they are deployed."""
    config = ui_config()
    return (
        {f"graph of {each['legend']}": each["baseQuery"] for each in config["graphQueries"]}
        | {f"last row of {each['name']}": each["lastDataReceivedQuery"] for each in config["dataTypes"]}
        | {"connected": config["connectivityCriteria"][0]["value"][0]}
        | samples(config)
    )


def ui_config() -> dict[str, Any]:
    """What the page consists of."""
    config: dict[str, Any] = connector_page()[0]["properties"]["connectorUiConfig"]
    return config


def samples(config: dict[str, Any]) -> dict[str, str]:
    """The queries that people may copy."""
    fields = [each["parameters"] for step in config["instructionSteps"] for each in step.get("instructions", ())]
    return {f"sample: {each['label']}": each["value"] for each in fields}
