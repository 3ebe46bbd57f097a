"""What HTTP functions answer: JSON, and problems as RFC 9457 has them."""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import azure.functions as func
import grpc
import msgspec

from onepassword_sentinel.errors import ConnectorError
from onepassword_sentinel.requests import InvalidRequestError, Problem

_LOG = logging.getLogger(__name__)
# The task hub itself gives up on a storage account that hangs only after minutes; no handler waits for a run so long.
_ANSWER_SECONDS: Final = 60.0
# Answers are about now, and nobody else's business.
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def answer(
    body: Any, status: HTTPStatus = HTTPStatus.OK, *, headers: Mapping[str, str] | None = None
) -> func.HttpResponse:
    """Answer with JSON: dicts, lists, and dataclasses of the core."""
    return func.HttpResponse(
        msgspec.json.encode(body),
        status_code=status,
        mimetype="application/json",
        headers={**_HEADERS, **(headers or {})},
    )


def problem(status: HTTPStatus, detail: str, errors: Iterable[Problem] = (), **more: Any) -> func.HttpResponse:
    """Answer with what is wrong: `detail` for a person, `errors` with a JSON pointer each, `more` for programs."""
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail, **more}
    if found := [{"pointer": error.pointer, "detail": error.detail} for error in errors]:
        body["errors"] = found
    return func.HttpResponse(
        msgspec.json.encode(body), status_code=status, mimetype="application/problem+json", headers=_HEADERS
    )


def answering[**P](
    handler: Callable[P, Awaitable[func.HttpResponse]],
) -> Callable[P, Awaitable[func.HttpResponse]]:
    """Turn what a handler raises on purpose, or meets on the way, into an answer."""

    @functools.wraps(handler)
    async def answered(*args: P.args, **kwargs: P.kwargs) -> func.HttpResponse:
        limit = asyncio.timeout(_ANSWER_SECONDS)
        try:
            async with limit:
                return await handler(*args, **kwargs)
        except InvalidRequestError as error:
            return problem(HTTPStatus.BAD_REQUEST, str(error), error.problems)
        except ConnectorError as error:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        except grpc.aio.AioRpcError as error:
            _LOG.warning("the task hub did not answer: %s %s", error.code(), error.details())
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "The task hub did not answer; try again in a minute.")
        except TimeoutError:
            if not limit.expired():
                raise
            sentence = (
                f"There was no answer within {_ANSWER_SECONDS:.0f} s: the app's storage account, which holds the task "
                "hub, may hang. Try again in a minute; what was asked for may have been done."
            )
            _LOG.warning(sentence)
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, sentence)

    return answered
