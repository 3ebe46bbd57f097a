"""A backfill as it is asked for: a window of 1Password's history, delivered once more beside the live events."""

import hashlib
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.moments import format_moment, parse_moment
from onepassword_sentinel.payloads import BackfillRequest
from onepassword_sentinel.requests import InvalidRequestError, Problem, pointer, unknown_members
from onepassword_sentinel.stream_operations import beginning

_MEMBERS: Final = ("start_time", "end_time", "event_types", "account")
# What every instance of a backfill that was started over HTTP begins with.
INSTANCE_PREFIX: Final = "backfill-"
ID: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


def read_backfill(
    data: Mapping[str, Any], now: datetime, *, accounts: Collection[str] | None = None
) -> BackfillRequest:
    """Read the members of a request; `accounts` are the names that there are, where that is known.

    The id follows from what was asked for, so that the same request is the same backfill; a window without an end ends
    at `now`, and so does one that ends later.

    Raises:
        InvalidRequestError: with everything that is wrong.

    """
    problems = unknown_members(data, _MEMBERS)
    start = _time(data, "start_time", problems)
    end = _time(data, "end_time", problems)
    if start is not None:
        try:
            beginning(format_moment(start), now)
        except ValueError as error:
            problems.append(Problem("/start_time", str(error)))
        if end is not None and start >= end:
            problems.append(Problem("/end_time", "must be after start_time"))
    elif data.get("start_time") is None:
        problems.append(Problem("/start_time", "is missing: where the window begins, such as 2026-11-01T00:00:00Z"))
    event_types = _event_types(data, problems)
    account = _account(data, accounts, problems)
    if problems or start is None:
        raise InvalidRequestError(problems)
    return BackfillRequest(
        id=_id(start, end, event_types, account),
        start_time=format_moment(start),
        end_time=format_moment(min(end or now, now)),
        event_types=event_types,
        account=account,
    )


def _id(start: datetime, end: datetime | None, event_types: tuple[EventType, ...], account: str | None) -> str:
    asked = [format_moment(start), end and format_moment(end), event_types, account]
    return f"{start:%Y%m%dT%H%M%SZ}-{hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:8]}"


def _time(data: Mapping[str, Any], name: str, problems: list[Problem]) -> datetime | None:
    value = data.get(name)
    if value is None:
        return None
    try:
        return parse_moment(value if isinstance(value, str) else "")
    except ValueError as error:
        problems.append(Problem(pointer(name), str(error)))
        return None


def _event_types(data: Mapping[str, Any], problems: list[Problem]) -> tuple[EventType, ...]:
    value = data.get("event_types")
    if value is None:
        return ()
    if not isinstance(value, list) or not value:
        problems.append(Problem("/event_types", f"must be a list of {_names()}; leave it out for all of them"))
        return ()
    unknown = [
        Problem(f"/event_types/{place}", f"must be one of {_names()}")
        for place, name in enumerate(value)
        if name not in EventType
    ]
    problems.extend(unknown)
    return () if unknown else tuple(sorted({EventType(name) for name in value}))


def _account(data: Mapping[str, Any], accounts: Collection[str] | None, problems: list[Problem]) -> str | None:
    value = data.get("account")
    if value is None:
        return None
    if not isinstance(value, str):
        problems.append(Problem("/account", 'must be a name: what follows ONEPASSWORD_TOKEN_, "" for the first one'))
        return None
    if accounts is not None and value not in accounts:
        known = ", ".join(f'"{name}"' for name in sorted(accounts))
        problems.append(Problem("/account", f"is not configured; there is {known}"))
    return value


def _names() -> str:
    return ", ".join(EventType)
