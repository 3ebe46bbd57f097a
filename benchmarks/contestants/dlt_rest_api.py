"""dlt's `rest_api` source into its filesystem destination.

Configured as its documentation says: an endpoint for each event type with its data selector, pages of 1,000, one
session for each endpoint; JSON lines in a local folder. Less work than it does by default: nested objects stay in
their row (`max_table_nesting=0`), no file is compressed, no telemetry, no progress, one process. The cursor takes the
place of the whole body, as 1Password wants it, for which a method of the paginator is replaced.

It uploads nothing: it would still have to send what it wrote, so its figures flatter it.
"""

import os
from pathlib import Path

_OUTPUT = Path(os.environ["BENCH_OUTPUT"]).resolve()
# dlt reads them when it is imported; its own folders would be in the home folder and in this one.
os.environ |= {
    "DLT_DATA_DIR": str(_OUTPUT / "data"),
    "DLT_PROJECT_DIR": str(_OUTPUT),
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
}

import dlt  # noqa: E402
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator  # noqa: E402
from dlt.sources.rest_api import rest_api_source  # noqa: E402
from requests import Request  # noqa: E402


class _CursorPaginator(JSONResponseCursorPaginator):  # type: ignore[misc]
    """Sends the cursor alone: beside a limit and a start, 1Password takes none."""

    def update_request(self, request: Request) -> None:
        request.json = {"cursor": self._next_reference}


def main() -> None:
    """Drain all event types in turn, page by page; then normalize and load what was fetched."""
    source = rest_api_source(
        {
            "client": {
                "base_url": f"{os.environ['BENCH_URL']}/api/v2/",
                "auth": {"type": "bearer", "token": os.environ["BENCH_TOKEN"]},
            },
            "resources": [
                {
                    "name": event_type,
                    "endpoint": {
                        "path": event_type,
                        "method": "POST",
                        "json": {"limit": 1000, "start_time": "2026-01-01T00:00:00Z"},
                        "data_selector": "items",
                        "paginator": _CursorPaginator(cursor_path="cursor", has_more_path="has_more"),
                    },
                }
                for event_type in ("signinattempts", "itemusages", "auditevents")
            ],
        },
        name="onepassword",
        max_table_nesting=0,
    )
    # Not there yet: what an earlier run kept would be read.
    state = _OUTPUT / "pipelines"
    state.mkdir()
    pipeline = dlt.pipeline(
        pipeline_name="bench",
        pipelines_dir=str(state),
        destination=dlt.destinations.filesystem(bucket_url=str(_OUTPUT / "output")),
        dataset_name="events",
    )
    pipeline.run(source, loader_file_format="jsonl").raise_on_failed_jobs()


if __name__ == "__main__":
    main()
