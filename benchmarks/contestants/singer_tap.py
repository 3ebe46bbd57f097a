"""A singer tap, as one writes it with Meltano's SDK.

A `RESTStream` for each event type: pages of 1,000, one session a stream, records selected and continued as the SDK's
guides show it, a bookmark in the timestamp; one schema names the fields of all, and lets through what is inside of
them and what is new. RECORD messages by the writer that its guide to performance recommends (msgspec); not BATCH,
which keeps no bookmark yet. Errors alone in the log, and the messages go to a file instead of to a target. One thing
is put right in here: the SDK's requests pass by what `requests` takes from the environment, so each stream's session
is told of REQUESTS_CA_BUNDLE.

It uploads nothing: a target would have to parse the messages again and send them, so its figures flatter it.
"""

import os
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from requests import Response, Session
from singer_sdk import RESTStream, Stream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.pagination import BaseAPIPaginator

_TEXTS = (
    *("uuid", "account_uuid", "session_uuid", "vault_uuid", "item_uuid", "actor_uuid", "object_uuid", "aux_uuid"),
    *("country", "category", "type", "action", "actor_type", "actor_account_uuid", "object_type", "aux_info"),
)
_OBJECTS = (
    *("details", "target_user", "client", "location", "user", "session"),
    *("actor_details", "object_details", "aux_details"),
)
_SCHEMA = th.PropertiesList(
    th.Property("timestamp", th.DateTimeType),
    *(th.Property(name, th.IntegerType) for name in ("used_version", "aux_id")),
    *(th.Property(name, th.StringType) for name in _TEXTS),
    *(th.Property(name, th.ObjectType(additional_properties=True)) for name in _OBJECTS),
    additional_properties=True,
).to_dict()


class _CursorPaginator(BaseAPIPaginator[str | None]):  # type: ignore[misc]
    def get_next(self, response: Response) -> str | None:
        page = response.json()
        return page["cursor"] if page["has_more"] else None


class _Events(RESTStream[str]):  # type: ignore[misc]
    primary_keys = ("uuid",)
    replication_key = "timestamp"
    http_method = "POST"
    records_jsonpath = "$.items[*]"
    url_base = f"{os.environ['BENCH_URL']}/api/v2/"

    @property
    def requests_session(self) -> Session:
        session: Session = super().requests_session
        session.verify = os.environ["REQUESTS_CA_BUNDLE"]
        return session

    @property
    def authenticator(self) -> BearerTokenAuthenticator:
        return BearerTokenAuthenticator(token=self.config["token"])

    def get_new_paginator(self) -> _CursorPaginator:
        return _CursorPaginator(None)

    def prepare_request_payload(self, context: Any, next_page_token: str | None) -> dict[str, Any]:
        if next_page_token:
            return {"cursor": next_page_token}
        return {"limit": 1000, "start_time": self.get_starting_replication_key_value(context)}


class _OnePassword(Tap):  # type: ignore[misc]
    name = "tap-onepassword"
    message_writer_class = MsgSpecWriter
    config_jsonschema = th.PropertiesList(
        th.Property("token", th.StringType, required=True, secret=True),
        th.Property("start_date", th.DateTimeType, required=True),
    ).to_dict()

    def discover_streams(self) -> list[Stream]:
        return [_Events(self, name, _SCHEMA, name) for name in ("signinattempts", "itemusages", "auditevents")]


def main() -> None:
    """Drain one event type after the other."""
    os.environ |= {
        "TAP_ONEPASSWORD_TOKEN": os.environ["BENCH_TOKEN"],
        "TAP_ONEPASSWORD_START_DATE": "2026-01-01T00:00:00Z",
        "TAP_ONEPASSWORD_LOGLEVEL": "ERROR",
    }
    messages = Path(os.environ["BENCH_OUTPUT"]) / "messages.jsonl"
    with messages.open("x", encoding="utf-8") as stream, redirect_stdout(stream):
        _OnePassword.cli(["--config=ENV"])


if __name__ == "__main__":
    main()
