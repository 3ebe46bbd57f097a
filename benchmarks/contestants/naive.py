"""The naive connector, as most are written: requests, dicts, and the SDK's upload of a list, page by page."""

import os
from typing import Any

import requests
from azure.identity import DefaultAzureCredential
from azure.monitor.ingestion import LogsIngestionClient


def main() -> None:
    """Drain one event type after the other."""
    client = LogsIngestionClient(os.environ["BENCH_URL"], DefaultAzureCredential())
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {os.environ['BENCH_TOKEN']}"
    for event_type in ("signinattempts", "itemusages", "auditevents"):
        query: dict[str, Any] = {"limit": 1000, "start_time": "2026-01-01T00:00:00Z"}
        more = True
        while more:
            response = session.post(f"{os.environ['BENCH_URL']}/api/v2/{event_type}", json=query, timeout=60)
            response.raise_for_status()
            page = response.json()
            rows: list[Any] = [{"log_source": event_type, **event} for event in page["items"]]
            client.upload("dcr-0", "Custom-OnePasswordEvents", rows)
            query, more = {"cursor": page["cursor"]}, page["has_more"]


if __name__ == "__main__":
    main()
